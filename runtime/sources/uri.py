"""Expand and open what users name as a source."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import SourceError
from ..hidden_files import is_hidden
from .address import parse_address
from .frames import Source
from .live import LiveSource
from .opening import check_possible, connect
from .video_file import VideoSource

VIDEO_SUFFIXES = (
    *(".mp4", ".avi", ".mkv", ".webm", ".mov", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".ts"),
    *(".3gp", ".ogv"),
)


def open_source(uri: str | int | Path) -> Source:
    """Open a source to read in this thread; a live one that breaks off is not reopened.

    Raises:
        SourceError: it gives no frames; the message says why.
    """
    address = parse_address(uri)
    if not address.live:
        return VideoSource.open(str(address.target), address.name)
    check_possible(address)
    capture = connect(address)
    # A file behind an address comes as fast as it loads, with correct times of its own.
    if capture.frame_count and address.kind == "network":
        return VideoSource(capture)
    return LiveSource(capture, address.name)


def expand_sources(uris: Iterable[str]) -> list[str]:
    """Replace folders by the videos below them and patterns by their matches, sorted.

    Everything else stays as it is, missing files too. A source that is named twice is read once.

    Raises:
        SourceError: a source is empty, a folder has no video, or a pattern has no match.
    """
    expanded: list[str] = []
    for uri in uris:
        if not uri:
            raise SourceError("A source is empty: name a file, a folder, a camera or an address.")
        address = parse_address(uri)
        if address.live or Path(uri).is_file():
            expanded.append(uri)
            continue
        path = str(address.target)
        if Path(path).is_dir():
            expanded += _videos_below(Path(path))
        elif glob.has_magic(path):
            expanded += _matches(path)
        else:
            expanded.append(path)
    return list(dict.fromkeys(expanded))


def is_live(uri: str) -> bool:
    """Return whether `uri` is a camera or an address, which may have no end.

    Raises:
        SourceError: no source of this kind can be read.
    """
    return parse_address(uri).live


def _videos_below(folder: Path) -> list[str]:
    videos: list[str] = []
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        # Linked folders are followed, but not in a circle.
        folders[:] = [] if real in seen else [name for name in folders if not is_hidden(name)]
        paths = [Path(parent, name) for name in files if real not in seen and not is_hidden(name)]
        videos += [
            str(path) for path in paths if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()
        ]
        seen.add(real)
    videos.sort()
    if not videos:
        raise SourceError(
            f"The folder {folder} holds no video: supported files end in "
            f"{' '.join(suffix[1:] for suffix in VIDEO_SUFFIXES)}."
        )
    return videos


def _matches(pattern: str) -> list[str]:
    # Path.glob takes neither absolute patterns nor `~`; users expect the shell's rules.
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207
    files = sorted(path for path in matches if Path(path).is_file())
    if not files:
        raise SourceError(f"No file matches {pattern}: check the pattern and the folder.")
    return files
