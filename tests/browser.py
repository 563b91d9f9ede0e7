"""A real browser plays a video: what it says of it, or a reason to skip."""

import functools
import http.server
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

PAGE = """<html><body><pre id="said">wait</pre><script>
const video = document.createElement("video");
const say = text => document.getElementById("said").textContent = text;
let start = 0;
video.muted = true;
video.onloadedmetadata = () => { start = video.currentTime = video.duration * SHARE; };
video.onseeked = () => video.play();
video.ontimeupdate = () => {
  const {videoWidth, videoHeight, duration, currentTime, seeking} = video;
  if (!seeking && currentTime > start + 0.5)
    say(`PLAYED ${videoWidth}x${videoHeight} of ${duration} s`);
};
video.onerror = () => say(`REFUSED ${video.error.message}`);
video.src = "video.mp4";
</script></body></html>"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *arguments):  # noqa: A002
        pass


def play(video: Path, *, from_share: float = 0.0) -> str:
    """Play half a second of a video from a share of its length; return what the page says."""
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium: apt install what tests/debian_packages.txt lists")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copy(video, folder / "video.mp4")
        (folder / "page.html").write_text(PAGE.replace("SHARE", str(from_share)))
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            return subprocess.run(
                [
                    *(program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                    *(f"--user-data-dir={folder}/profile", "--disable-background-networking"),
                    *("--autoplay-policy=no-user-gesture-required", "--virtual-time-budget=20000"),
                    *("--timeout=25000", "--dump-dom"),
                    f"http://127.0.0.1:{server.server_address[1]}/page.html",
                ],
                capture_output=True, text=True, timeout=120,
            ).stdout  # fmt: skip
        finally:
            server.shutdown()
            server.server_close()
