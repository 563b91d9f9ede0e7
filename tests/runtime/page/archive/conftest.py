"""An archive of two small videos, and its page."""

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lancedb")
pytest.importorskip("starlette")

from stzsar.runtime.archive.index.indexing import index, prepare
from stzsar.runtime.archive.index.options import IndexOptions
from stzsar.runtime.page.archive_page import ArchivePage, ServeOptions
from stzsar.runtime.page.options import PageOptions
from stzsar.runtime.page.searches import ArchiveOptions
from stzsar.runtime.video.writer import open_writer

SIZE_WH, FPS = (320, 180), 8.0
COLOURS_BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


def draw(path: Path, *colours: str) -> Path:
    """Write two seconds of each colour."""
    writer = open_writer(path, FPS, SIZE_WH)
    for colour in colours:
        for _ in range(16):
            writer.write(np.full((SIZE_WH[1], SIZE_WH[0], 3), COLOURS_BGR[colour], np.uint8))
    writer.close()
    return path


class Page:
    """A page of an archive, with a plain client."""

    def __init__(self, archive: Path, bundle: Path, *, videos: bool = True, **page: Any) -> None:
        own = ArchiveOptions(archive=str(archive), bundle=bundle, videos=videos, threads=1)
        options = PageOptions(serve="127.0.0.1:0", **page)
        self.page = ArchivePage(ServeOptions(archive=own, page=options))
        self.address = self.page.opened.address
        self.port = int(self.address.rsplit(":", 1)[1].strip("/"))

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, None, given)
            answer = connection.getresponse()
            content = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(content) if is_json else content, answer


@pytest.fixture(scope="session")
def archive(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the archive; `videos/` beside it."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "videos").mkdir()
    draw(folder / "videos" / "hall.mp4", "green", "red", "blue")
    draw(folder / "videos" / "door.mp4", "blue", "green")
    place = folder / "cameras.archive"
    options = IndexOptions(
        videos=(folder / "videos",), archive=str(place), bundle=bundle, threads=1
    )
    assert all(not done.error for done in index(prepare(options), options, lambda _: None))
    return place


@pytest.fixture(scope="module")
def page(archive: Path, bundle: Path) -> Iterator[Page]:
    found = Page(archive, bundle)
    yield found
    found.page.close()


@pytest.fixture
def serve(archive: Path, bundle: Path) -> Iterator[Callable[..., Page]]:
    """Serve pages of the archive."""
    with contextlib.ExitStack() as stack:

        def start(place: Path = archive, **options: Any) -> Page:
            found = Page(place, bundle, **options)
            stack.callback(found.page.close)
            return found

        yield start
