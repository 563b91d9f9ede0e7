"""A bundle goes to a hub that speaks the real protocol, git-lfs included, and comes back."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stzsar.export.options import ExportOptions
from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.errors import StzsarError

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
PROGRAM = """
import sys
from pathlib import Path
from stzsar.export.push import push
from stzsar.runtime.errors import StzsarError
try:
    print(push(Path(sys.argv[1]), "us/shapes"))
except StzsarError as error:
    sys.exit(f"Error: {error}")
"""


class Receiver:
    """A hub that takes commits.

    Attributes:
        refuses: the status that it answers with instead.
        objects: what was uploaded with git-lfs, by its hash.
        files: what the commits hold.
        tokens: the header Authorization of each request.
    """

    def __init__(self):
        self.refuses = 0
        self.objects, self.files, self.tokens = {}, {}, set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path, body):
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if path == "/api/repos/create":
            return {"url": f"{self.url}/us/shapes"}
        if "/preupload/" in path:
            kinds = {True: "lfs", False: "regular"}
            return {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": kinds[file["path"].endswith((".onnx", ".npz"))],
                        "shouldIgnore": False,
                    }
                    for file in json.loads(body)["files"]
                ]
            }
        if path.endswith("/info/lfs/objects/batch"):
            return {
                "transfer": "basic",
                "objects": [
                    {**one, "actions": {"upload": {"href": f"{self.url}/lfs/{one['oid']}"}}}
                    for one in json.loads(body)["objects"]
                ],
            }
        assert "/commit/" in path
        for line in body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                value = entry["value"]
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                self.files[entry["value"]["path"]] = self.objects[entry["value"]["oid"]]
        return {"commitUrl": f"{self.url}/us/shapes/commit/{COMMIT}", "commitOid": COMMIT}


def handler(hub):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format, *args): ...  # noqa: A002 - the base's

        def body(self):
            return self.rfile.read(int(self.headers["Content-Length"] or 0))

        def reply(self, content, status=200):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self):
            hub.tokens.add(self.headers["Authorization"])
            body = self.body()
            if hub.refuses:
                return self.reply(b"{}", hub.refuses)
            return self.reply(json.dumps(hub.answer(self.path.split("?")[0], body)).encode())

        def do_GET(self):
            self.reply(b"{}", hub.refuses or 404)

        def do_PUT(self):
            body = self.body()
            hub.objects[hashlib.sha256(body).hexdigest()] = body
            self.reply(b"")

    return Handler


@pytest.fixture
def hub():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def push_in(hub, tmp_path):
    def run(folder):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "hf_ours"}
        # Its other way is a service of its own, which nothing here speaks.
        environment = {**kept, **own, "HF_HUB_DISABLE_XET": "1"}
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, str(folder)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=100,
        )

    return run


def test_a_bundles_own_files_are_pushed_and_nothing_else(hub, push_in, tmp_path):
    folder = shutil.copytree(shipped_bundle(), tmp_path / "bundle")
    (folder / "README.md").unlink()
    (folder / "engines").mkdir()
    for name in ("engines/frame.engine", "notes.txt", "model.pkl"):
        (folder / name).write_bytes(b"ours")

    ended = push_in(folder)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"hub:us/shapes@{COMMIT}\n"
    names = {path.name for path in shipped_bundle().iterdir()}
    assert hub.files.keys() == names
    assert all(content == (folder / name).read_bytes() for name, content in hub.files.items())
    assert len(hub.objects) == 5
    assert hub.tokens == {"Bearer hf_ours"}


def test_a_changed_bundle_is_not_pushed(hub, push_in, tmp_path):
    folder = shutil.copytree(shipped_bundle(), tmp_path / "bundle")
    (folder / "bank.npz").write_bytes(b"other")

    ended = push_in(folder)

    assert "bank.npz was changed after its export" in ended.stderr
    assert not hub.tokens


def test_a_hub_that_refuses_is_one_sentence(hub, push_in):
    hub.refuses = 403
    ended = push_in(shipped_bundle())
    assert ended.returncode == 1
    assert "Error: Cannot push" in ended.stderr
    assert "refuses this account" in ended.stderr
    assert "hf_ours" not in ended.stderr


@pytest.mark.parametrize("name", ["shapes", "us/", "a/b/c", "us/shapes@v1"])
def test_names_are_checked_before_anything_is_exported(name):
    with pytest.raises(StzsarError, match=r"is no bundle on the hub|names a revision"):
        ExportOptions(push=name)
