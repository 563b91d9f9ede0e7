"""The page's own files: read once from the package, so that no address leads to a disk."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from .api.endpoints import refused
from .refusal import RefusalError

FOLDER = Path(__file__).with_name("static")
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}


class _File(NamedTuple):
    """A file as it is sent; `packed` is its content in gzip."""

    content: bytes
    packed: bytes
    kind: str
    tag: str


class StaticFiles:
    """Files by their names below `static/`, packed once for all."""

    def __init__(self, index: str = "index.html", folder: Path = FOLDER) -> None:
        self._index = index
        self._files: Mapping[str, _File] = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    async def index(self, request: Request) -> Response:
        """Answer with the page."""
        return self._answer(request, self._index)

    async def file(self, request: Request) -> Response:
        """Answer with a file of it."""
        return self._answer(request, request.path_params["name"])

    def _answer(self, request: Request, name: str) -> Response:
        found = self._files.get(name)
        if found is None:
            return refused(RefusalError(404, "There is no such file: open / instead."))
        headers = {"ETag": found.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if found.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(found.content, headers=headers, media_type=found.kind)
        headers["Content-Encoding"] = "gzip"
        return Response(found.packed, headers=headers, media_type=found.kind)


def _read(path: Path) -> _File:
    content = path.read_bytes()
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return _File(
        content,
        gzip.compress(content, mtime=0),
        kind or "application/octet-stream",
        f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    )
