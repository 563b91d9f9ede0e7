"""A run with passwords in all of its addresses, and everything that it writes, sends and says."""

import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import shipped_bundle

SECRETS = ("Us3rName", "Pa55WordA", "Pa55WordB", "Pa55WordC", "T0kenA", "T0kenB")


class Server(BaseHTTPRequestHandler):
    """A camera, and a webhook that refuses every third message."""

    posts: list[bytes]

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
        self.end_headers()
        try:
            for place in range(10**6):
                image = np.zeros((64, 64, 3), np.uint8)
                cv2.circle(image, (place % 64, 32), 12, (0, 0, 255), -1)
                jpeg = cv2.imencode(".jpg", image)[1].tobytes()
                self.wfile.write(b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n")
                time.sleep(0.04)
        except OSError:
            pass

    def do_POST(self):
        self.posts.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(500 if len(self.posts) % 3 == 0 else 200)
        self.end_headers()

    def log_message(self, format, *arguments):  # noqa: A002
        pass


@pytest.fixture
def server():
    Server.posts = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.live
def test_no_part_of_a_secret_is_in_anything_that_a_run_leaves(
    run_cli, server, tmp_path, monkeypatch, caplog
):
    pytest.importorskip("prometheus_client")
    pytest.importorskip("paho.mqtt")
    from stzsar.runtime.sinks import http_server

    at = f"127.0.0.1:{server.server_port}"
    sources = [
        f"http://Us3rName:Pa55WordA@{at}/video?token=T0kenA&channel=2",
        f"http://{at}/cam/user=Us3rName_password=Pa55WordC_channel=1",
        "rtsp://Us3rName:Pa55WordB@127.0.0.1:9/h264/Pa55WordC/ch1",
    ]
    scraped = []

    class Scraped(http_server.HttpServer):
        def close(self):
            for page in ("metrics", "healthz"):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{page}") as answer:
                        scraped.append(answer.read())
                except urllib.error.HTTPError as error:
                    scraped.append(error.read())
            super().close()

    monkeypatch.setattr("stzsar.runtime.sinks.prometheus.HttpServer", Scraped)
    result = run_cli(
        *sources, "--bundle", shipped_bundle(), "--debug", "--json", "--seconds", "5",
        "--threshold", "0.01", "--metrics", "0", "--events", tmp_path / "events",
        "--webhook", f"http://Us3rName:Pa55WordB@{at}/T0kenB/x?key=T0kenA",
        "--mqtt", "mqtt://Us3rName:Pa55WordA@127.0.0.1:9/top",
        "--record", tmp_path / "states", "--video", tmp_path / "videos",
    )  # fmt: skip

    left = {str(path.relative_to(tmp_path)): path.read_bytes()
            for path in tmp_path.rglob("*") if path.is_file()}  # fmt: skip
    said = [result.stdout, result.stderr, caplog.text, repr(result.exception)]
    everything = b"\0".join(
        [*Server.posts, *scraped, *map(str.encode, [*left, *said]), *left.values()]
    )
    assert {name.split("/")[0] for name in left} == {"events", "states", "videos"}
    assert any(name.endswith(".mp4") and name.startswith("events/clips") for name in left)
    assert Server.posts
    assert b"stzsar_results_total" in everything
    assert at in result.stdout
    assert [secret for secret in SECRETS if secret.encode() in everything] == []
