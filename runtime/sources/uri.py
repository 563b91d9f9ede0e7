"""What people name as a source: which frames it stands for, and how it is opened."""

import glob
from collections.abc import Iterable
from pathlib import Path

from ..errors import SourceError
from .address import camera_number, parse_address
from .capture import Capture
from .frames import Due, Frame, Source
from .live import LiveSource
from .opening import check_possible, connect
from .secrets import is_pipeline
from .video_file import VideoSource

__all__ = [
    "VIDEO_SUFFIXES",
    "Due",
    "Frame",
    "Source",
    "camera_number",
    "expand_sources",
    "is_live",
    "is_url",
    "open_source",
]

VIDEO_SUFFIXES = (
    *(".mp4", ".avi", ".mkv", ".webm", ".mov", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".ts"),
    *(".3gp", ".ogv"),
)


def open_source(uri: str | int | Path) -> Source:
    """Open a source to read it in this thread; a live one is not opened again if it breaks off.

    Raises:
        SourceError: it gives no frames; the sentence says why.
    """
    address = parse_address(uri)
    if not address.live:
        return VideoSource.open(str(address.target), address.name)
    check_possible(address)
    capture = connect(address)
    # A file behind an address comes as fast as it loads; its own time stamps are the right ones.
    if isinstance(capture, Capture) and capture.frame_count and address.kind == "network":
        return VideoSource(capture)
    return LiveSource(capture, address.name)


def expand_sources(uris: Iterable[str]) -> list[str]:
    """Replace folders by the videos below them and patterns by what they match, sorted.

    Everything else (files, missing ones too, cameras and addresses) stays as it is; a source that
    is named twice is read once.

    Raises:
        SourceError: one is empty, a folder holds no video, or a pattern matches nothing.
    """
    found: list[str] = []
    for uri in uris:
        if not uri:
            raise SourceError("A source is empty: name a file, a folder, a camera or an address.")
        address = parse_address(uri)
        if address.live or Path(uri).is_file():
            found.append(uri)
            continue
        uri = str(address.target)
        if Path(uri).is_dir():
            found += _videos_below(Path(uri))
        elif glob.has_magic(uri):
            found += _matches(uri)
        else:
            found.append(uri)
    return list(dict.fromkeys(found))


def is_url(uri: str) -> bool:
    """Say whether `uri` is an address or a pipeline rather than a path."""
    return "://" in uri or is_pipeline(uri)


def is_live(uri: str) -> bool:
    """Say whether `uri` is a camera or an address, which need not have an end.

    Raises:
        SourceError: it is of no kind that is read.
    """
    return parse_address(uri).live


def _videos_below(folder: Path) -> list[str]:
    videos = sorted(
        str(path)
        for path in folder.rglob("*")
        if path.suffix.lower() in VIDEO_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )
    if not videos:
        raise SourceError(
            f"The folder {folder} holds no video: files that end in "
            f"{' '.join(suffix[1:] for suffix in VIDEO_SUFFIXES)} are read."
        )
    return videos


def _matches(pattern: str) -> list[str]:
    # Path.glob takes no absolute pattern and no `~`; the shell's own rules are what people expect.
    found = glob.glob(pattern, recursive=True)  # noqa: PTH207
    files = sorted(path for path in found if Path(path).is_file())
    if not files:
        raise SourceError(f"No file matches {pattern}: check the pattern and the folder.")
    return files
