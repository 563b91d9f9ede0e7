"""What people may write as a source, what is answered to the rest, and what is never shown."""

import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.sources import opening
from stzsar.runtime.sources.address import parse_address
from stzsar.runtime.sources.opening import check_possible, csi_pipeline
from stzsar.runtime.sources.secrets import without_secrets
from stzsar.runtime.sources.spec import specs_of
from stzsar.runtime.video import pyav

APPSINK = "videoconvert ! video/x-raw,format=BGR ! appsink"


@pytest.mark.parametrize(
    ("uri", "kind", "target", "name"),
    [
        ("0", "camera", 0, "camera 0"),
        ("/dev/video2", "camera", 2, "camera 2"),
        ("v4l2:///dev/video3", "camera", 3, "camera 3"),
        ("/dev/v4l/by-id/usb-cam", "camera", "/dev/v4l/by-id/usb-cam", "/dev/v4l/by-id/usb-cam"),
        ("csi://1", "csi", 1, "csi://1"),
        ("RTSP://me:pw@cam/x", "network", "RTSP://me:pw@cam/x", "rtsp://cam/x"),
        ("file:///a%20b/c.mp4", "file", "/a b/c.mp4", "/a b/c.mp4"),
        ("x:y.avi", "file", "x:y.avi", "x:y.avi"),
        (f"gst:v4l2src ! {APPSINK}", "gst", f"v4l2src ! {APPSINK}", "gst:v4l2src"),
        ("test://moving-shapes", "test", "moving-shapes", "test://moving-shapes"),
    ],
)
def test_each_kind_of_source_has_its_form(uri, kind, target, name):
    address = parse_address(uri)

    assert (address.kind, address.target, address.name) == (kind, target, name)
    assert address.live == (kind != "file")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("ftp://host/x.mp4", "name a file, a folder, .* rtsp://, .* test://moving-shapes"),
        ("concat:// a|b", "is not a supported source"),
        ("v4l2://cam", "write v4l2:///dev/video0"),
        ("v4l2:///etc/passwd", "write v4l2:///dev/video0"),
        ("csi://", "write csi://0"),
        ("csi://0;reboot", "write csi://0"),
        ("csi://0?width=1280!filesink", "width of csi://0.* must be a number from 16 to 8192"),
        ("csi://0?sensor-mode=1", "takes width, height, fps"),
        ("csi://0?fps=30&fps=60", "each once, not 'fps'"),
        ("csi://0?fps", "Write the parameters"),
        ("test://moving-shapes?fps=0", "fps of .* must be a number from 0.1 to 240"),
        ("test://moving-shapes?fps=nan", "must be a number from"),
        ("test://moving-shapes?seconds=-1", "seconds of .* must be a number"),
        ("test://cats", "write test://moving-shapes"),
        ("test://moving-shapes?cuts=9", "cuts of .* must be a number from 1 to 4"),
        ("test://moving-shapes?cuts=1.5", "cuts of .* must be a number from 1 to 4"),
        ("test://moving-shapes?share=0.1", "share of .* must be a number from 0.2 to 0.6"),
        ("gst:v4l2src ! fakesink", "append '! videoconvert"),
        ("rtsp:///x", "has no host"),
        ("file://host/x.mp4", "not a file on this machine"),
        ("rtsp:/me:pw@cam/x", "looks like an address with a password"),
    ],
)
def test_what_is_wrong_is_one_sentence(uri, message):
    with pytest.raises(SourceError, match=message) as caught:
        parse_address(uri)

    assert "pw" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_csi_pipeline_holds_the_numbers_that_were_asked_for():
    pipeline = csi_pipeline(parse_address("csi://1?width=640&height=480&fps=60"))

    assert "nvarguscamerasrc sensor-id=1 !" in pipeline
    assert "width=640,height=480,framerate=60/1" in pipeline
    assert pipeline.endswith("appsink drop=true max-buffers=1")


@pytest.mark.parametrize(
    ("uri", "jetson", "message"),
    [
        ("csi://0", "", "not a Jetson"),
        ("csi://0", "36.4.3", "needs an OpenCV with GStreamer.*JetPack"),
        (f"gst:v4l2src ! {APPSINK}", "", "needs an OpenCV with GStreamer.*python3-opencv"),
        ("rtsp://cam/x", "", "needs PyAV, or an OpenCV with FFmpeg: run pip install"),
    ],
)
def test_what_this_opencv_cannot_open_is_answered_with_what_is_missing(
    monkeypatch, uri, jetson, message
):
    monkeypatch.setattr(pyav, "load_av", lambda: None)
    monkeypatch.setattr(opening, "has_gstreamer", lambda: False)
    monkeypatch.setattr(opening, "has_ffmpeg", lambda: False)
    monkeypatch.setattr(opening, "jetson_linux", lambda: jetson)

    with pytest.raises(SourceError, match=message):
        check_possible(parse_address(uri))


def test_two_cameras_of_one_name_are_told_apart():
    uris = ["rtsp://a:1@cam/x", "rtsp://b:2@cam/x", "rtsp://cam/y", "0", "/dev/video0"]

    names = [spec.name for spec in specs_of(uris)]

    assert names == ["rtsp://cam/x", "rtsp://cam/x (2)", "rtsp://cam/y", "camera 0", "camera 0 (2)"]


SECRET = "S3CR3T"


@pytest.mark.parametrize(
    "uri",
    [
        *(f"rtsp://{login}@cam/x" for login in (f"me:{SECRET}", f"me:a@{SECRET}", SECRET)),
        *(
            f"rtsp://me:{start}{SECRET}@cam/x"
            for start in ("a/", "12/", "/", "a?", "a#", "a[", "\n")
        ),
        *(f"rtsp://me{start}{SECRET}@cam/x" for start in ("/", "?", "#")),
        *(f"http://cam/x?{key}={SECRET}" for key in ("jwt", "code", "k", "pin", "%70wd", "Policy")),
        *(f"http://cam/x?{query}" for query in (SECRET, f"a=1;pwd={SECRET}", f"p=a&amp;{SECRET}")),
        f"http://cam/x?next=http://me:{SECRET}@other/x",
        f"http://cam/proxy/http://me:{SECRET}@other/x",
        f"http://cam/token/{SECRET}/x",
        f"http://cam/x#token={SECRET}",
        f"rtsp://cam/user=me_password={SECRET}_channel=1.sdp",
        f"rtsp://cam/user=me_password=a_b={SECRET}_channel=1.sdp",
        f"rtmp://live/app/{SECRET}",
        f"rtsps://nvr:7441/aBcDe{SECRET}fGhI",
        f"rtsp://cam/admin/{SECRET}/ch1",
        f"rtsp://cam//{SECRET}/ch1",
        f"rtsp://cam/me/{SECRET}?more/ch1",
        f"rtsp://cam/live/{SECRET}",
        f"http://cam/x?token=a;b={SECRET}",
        f"http://cam/x?{SECRET}=1",
        f"http://cam/x;pass=a&{SECRET}=1",
        *(f"{start}me:{SECRET}@cam/x" for start in ("rtsp;//", "https//", "rtsp:/", "rtsp:", "")),
        *(f"{start}me:{SECRET}@cam/x" for start in (" rtsp://", "rtsp:///", "http:\\\\")),
        f"rtsp;//{SECRET}@cam/x",
        f"me@{SECRET}@cam/x",
        f"gst:rtspsrc location=rtsp://me:{SECRET}@cam user-pw={SECRET} ! appsink",
        f'GST:rtspsrc user-pw="{SECRET} ! x',
        f"my_cam://me:{SECRET}@cam",
    ],
)
def test_no_secret_is_shown(uri):
    assert SECRET not in without_secrets(uri)
    assert SECRET not in said_of(uri)


def said_of(uri):
    """What a run would say of a source: how it is called, or why it is refused."""
    try:
        return repr((parse_address(uri), specs_of([uri])))
    except SourceError as error:
        return str(error)


@pytest.mark.parametrize(
    "uri",
    [
        "rtsp://192.168.1.5:554/Streaming/Channels/101",
        "rtsp://cam/h264Preview_01_main",
        "rtsp://cam/cam/realmonitor?channel=1&subtype=0",
        "http://cam:1984/api/stream.mp4?src=cam1",
        "rtsp://[::1]:8554/live",
        "rtsp://cam/axis-media/media.amp",
        "http://cam/mjpg/video.mjpg",
        "rtsp://nvr/hall/stream",
    ],
)
def test_what_tells_cameras_apart_stays(uri):
    assert without_secrets(uri) == uri
