"""An archive in an object store that refuses a request now and then."""

import http.client
import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stzsar.runtime.archive.search.questions import SearchOptions, search

_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


class _Flaky(ThreadingHTTPServer):
    """Hands requests to a store, and answers each seventh with 503 as a busy one does."""

    daemon_threads = True

    def __init__(self, store: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store, self.numbers, self.refused = store, itertools.count(1), 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def flaky(self) -> _Flaky:
        assert isinstance(self.server, _Flaky)
        return self.server

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if next(self.flaky.numbers) % 7 == 0:
            self.flaky.refused += 1
            self.reply(503, [], b"<Error><Code>SlowDown</Code></Error>")
            return
        store = http.client.HTTPConnection(*self.flaky.store, timeout=30)
        store.request(self.command, self.path, body, dict(self.headers.items()))
        found = store.getresponse()
        self.reply(found.status, found.getheaders(), found.read())
        store.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        length = str(len(body))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def flaky_store(monkeypatch) -> Iterator[_Flaky]:
    """An S3 store with a bucket `films`, whose address and keys are in the environment."""
    server = pytest.importorskip("moto.server", reason="needs moto[server]")
    store = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    address = store.get_host_and_port()
    bucket = http.client.HTTPConnection(*address)
    bucket.request("PUT", "/films", headers={"Host": f"{address[0]}:{address[1]}"})
    assert bucket.getresponse().status == 200
    proxy = _Flaky(address)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT": f"http://127.0.0.1:{proxy.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield proxy
    proxy.shutdown()
    store.stop()


def test_a_store_that_refuses_now_and_then_loses_nothing(
    flaky_store, bundle, colourful, indexed, rows, orphans, tmp_path
):
    video, place = colourful(seconds=8), "s3://films/cameras"
    (done,) = indexed(place, video, bundle=bundle, stretch_s=4.0)
    assert (done.outcome, done.stretches) == ("indexed", 2)
    assert indexed(place, video, bundle=bundle) == []
    indexed(tmp_path / "here", video, bundle=bundle, stretch_s=4.0)
    assert rows(place).equals(rows(tmp_path / "here"))
    assert orphans(place) == []
    asked = {"labels": ["red", "green"], "bundle": bundle, "threads": 1}
    there = search(SearchOptions(archive=place, **asked)).moments
    assert there
    assert [(one.start_s, one.label, one.peak) for one in there] == [
        (one.start_s, one.label, one.peak)
        for one in search(SearchOptions(archive=tmp_path / "here", **asked)).moments
    ]
    assert flaky_store.refused > 3
