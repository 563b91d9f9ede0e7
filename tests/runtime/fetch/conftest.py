"""A local server that speaks the file API of the Hugging Face hub, with the faults of real ones."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class LocalHub:
    """Serves one file, or several, under every repository and revision.

    Attributes:
        content: the file.
        files: what lies under each path of a repository; empty serves `content` as all of them.
        sha256: what the server says that its hash is.
        size: what the server says that its length is.
        commit: what the server says that its commit is; None answers as no hub does.
        status: answered instead of the file, if it is not 200; `get_status` to downloads alone.
        cuts: after how many bytes each of the next answers breaks off.
        endless: whether the body never ends.
        silent: whether nothing is ever answered.
        ranges: whether a part of the file can be asked for.
        elsewhere: the address that downloads are redirected to.
        requests: method, path, and the headers Range and Authorization of all requests.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.files: dict[str, bytes] = {}
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.size = len(content)
        self.commit: str | None = COMMIT
        self.status = self.get_status = 200
        self.cuts: list[int] = []
        self.endless = self.silent = False
        self.ranges = True
        self.elsewhere = ""
        self.requests: list[tuple[str, str, str | None, str | None]] = []
        self._server: ThreadingHTTPServer | None = None

    def start(self, port: int = 0) -> str:
        self._server = _Server(("127.0.0.1", port), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self.url

    @property
    def url(self) -> str:
        assert self._server
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        assert self._server
        self._server.shutdown()
        self._server.server_close()

    def downloads(self) -> list[str | None]:
        """The ranges of the downloads, in their order."""
        return [range_ for method, _, range_, _ in self.requests if method == "GET"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is what some tests want."""


def _handler(hub: LocalHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's
            pass

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            asked, token = self.headers["Range"], self.headers["Authorization"]
            hub.requests.append((self.command, self.path, asked, token))
            if hub.silent:
                threading.Event().wait(60)
            is_download = self.command == "GET"
            status = hub.get_status if is_download and hub.status == 200 else hub.status
            content, size, sha256 = hub.content, hub.size, hub.sha256
            if hub.files:
                name = self.path.split("/resolve/")[-1].partition("/")[2]
                content = hub.files.get(name, b"")
                size, sha256 = len(content), hashlib.sha256(content).hexdigest()
                status = status if name in hub.files else 404
            if status != 200:
                self.send_response(status)
                self.send_header("Retry-After", "30")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = 0
            if is_download and hub.elsewhere:
                self.send_response(302)
                self.send_header("Location", hub.elsewhere)
                body = b""
            else:
                if is_download and asked and hub.ranges:
                    start = int(asked.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206 if start else 200)
                body = content[start:]
            if hub.commit:
                self.send_header("X-Repo-Commit", hub.commit)
            self.send_header("ETag", f'"{sha256}"')
            self.send_header("X-Linked-ETag", f'"{sha256}"')
            self.send_header("X-Linked-Size", str(size))
            if hub.endless and is_download:
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if is_download:
                self._send(body)

        def _send(self, body: bytes) -> None:
            if hub.cuts:
                self.wfile.write(body[: hub.cuts.pop(0)])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return
            self.wfile.write(body)
            while hub.endless:
                self.wfile.write(bytes(2**20))

    return Handler


@pytest.fixture(scope="session")
def payload() -> bytes:
    """A file of some megabytes that no compression makes smaller."""
    return os.urandom(3 * 2**20)


@pytest.fixture
def hub(payload: bytes) -> Iterator[LocalHub]:
    """A running hub."""
    server = LocalHub(payload)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_hub() -> Iterator[Callable[[bytes], LocalHub]]:
    """Start further hubs."""
    hubs: list[LocalHub] = []

    def make(content: bytes) -> LocalHub:
        hubs.append(LocalHub(content))
        hubs[-1].start()
        return hubs[-1]

    yield make
    for server in hubs:
        server.stop()


@pytest.fixture
def hub_environment(hub: LocalHub, tmp_path: Path) -> dict[str, str]:
    """The environment of a process that asks the local hub, and keeps its cache for itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    cache = str(tmp_path / "cache")
    return {
        **kept,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "XDG_CACHE_HOME": cache,
    }


@pytest.fixture
def fetch_in(
    hub_environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run stzsar-fetch in a process of its own, in an empty folder.

    huggingface_hub reads its environment once, as it is imported.
    """

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stzsar.runtime.fetch.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**hub_environment, **environment},
            timeout=100,
        )

    return run


@pytest.fixture
def download_in(
    hub_environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `download` for weights without pins in a process; print where the file lies."""
    program = (
        "import dataclasses, sys\n"
        "from stzsar.runtime.fetch.catalogue import find_weights\n"
        "from stzsar.runtime.fetch.download import download\n"
        "from stzsar.runtime.errors import StzsarError\n"
        "weights = dataclasses.replace(find_weights('ViT-B-32', None), revision='', sha256='')\n"
        "tell = lambda text: print(text, file=sys.stderr)\n"
        "try:\n"
        "    found = download(weights, *sys.argv[1:], tell=tell)\n"
        "except StzsarError as error:\n"
        "    sys.exit(f'Error: {error}')\n"
        "print(found.path, found.revision, found.sha256)\n"
    )

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**hub_environment, **environment},
            timeout=100,
        )

    return run
