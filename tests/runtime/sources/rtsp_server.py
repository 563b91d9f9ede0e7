"""An RTSP server of GStreamer's: `rtsp_server.py PORT WIDTH HEIGHT TRANSPORT [USER:PASSWORD]`.

It runs on Debian's own Python, which has GStreamer's bindings.
"""

import sys

import gi  # pyright: ignore[reportMissingImports]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 # pyright: ignore[reportMissingImports]

Gst.init(None)
port, width, height, transport, *login = sys.argv[1:]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    "( videotestsrc is-live=true pattern=ball "
    f"! video/x-raw,width={width},height={height},framerate=30/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 threads=1 "
    "! rtph264pay name=pay0 pt=96 )"
)
factory.set_shared(True)
if transport != "any":
    factory.set_protocols(getattr(GstRtsp.RTSPLowerTrans, transport))
if login:
    user, password = login[0].split(":")
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.from_string("user,media.factory.access=true,media.factory.construct=true")[0]
    )
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
