"""Expand and open what users name as a source."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import SourceError
from ..hidden_files import is_hidden
from ..video.file_kinds import VIDEO_SUFFIXES
from ..video.pictures import is_picture, picture_files
from .address import parse_address
from .frames import Source
from .live import LiveSource
from .opening import check_possible, connect
from .video_file import VideoSource


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

    Where there are pictures and no videos, each folder of pictures is a clip. Everything else stays
    as it is, missing files too. A source that is named twice is read once.

    Raises:
        SourceError: a source is empty, a folder has no video, or a pattern has no match.
    """
    expanded: list[str] = []
    for uri in _joined_pictures(list(uris)):
        if not uri:
            raise SourceError("A source is empty: name a file, a folder, a camera or an address.")
        address = parse_address(uri)
        if address.live or Path(uri).is_file():
            expanded.append(uri)
            continue
        path = str(address.target)
        if Path(path).is_dir():
            expanded += _videos_below(Path(path))
        elif glob.has_magic(path) and not Path(path).exists():
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


def is_pictures(uri: str) -> bool:
    """Return whether a source is a folder, a pattern or a counter of pictures."""
    address = parse_address(uri)
    return not address.live and bool(picture_files(str(address.target)))


def _joined_pictures(uris: list[str]) -> list[str]:
    """Make one source of the pictures of a folder that a shell has made of `frames/*.png`."""
    named: dict[Path, list[Path]] = {}
    for uri in uris:
        if is_picture(uri) and "://" not in uri and Path(uri).is_file():
            named.setdefault(Path(uri).parent, []).append(Path(uri))
    clips: dict[str, str] = {}
    for folder, files in named.items():
        suffixes = {file.suffix for file in files}
        pattern = f"*{suffixes.pop()}" if len(suffixes) == 1 else ""
        # A folder of its own is called by its name, even if other files lie in it.
        source = str(Path(glob.escape(str(folder)), pattern)) if pattern else str(folder)
        if len(files) > 1 and set(picture_files(source)) == set(files):
            clips |= {str(file): source for file in files}
        elif len(files) > 1:
            raise SourceError(
                f"{len(files)} pictures of {folder} are named and not all: put those of the clip "
                "into a folder of their own, and name that."
            )
    return [clips.get(str(Path(uri)), uri) for uri in uris]


def _videos_below(folder: Path) -> list[str]:
    videos: list[str] = []
    of_pictures: list[str] = []
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        # Linked folders are followed, but not in a circle.
        folders[:] = [] if real in seen else [name for name in folders if not is_hidden(name)]
        paths = [Path(parent, name) for name in files if real not in seen and not is_hidden(name)]
        videos += [
            str(path) for path in paths if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()
        ]
        if any(is_picture(path.name) for path in paths):
            of_pictures.append(parent)
        seen.add(real)
    # Thumbnails and covers lie beside videos.
    videos = sorted(videos or of_pictures)
    if not videos:
        raise SourceError(
            f"The folder {folder} holds no video and no pictures: supported files end in "
            f"{' '.join(suffix[1:] for suffix in VIDEO_SUFFIXES)}."
        )
    return videos


def _matches(pattern: str) -> list[str]:
    # Path.glob takes neither absolute patterns nor `~`; users expect the shell's rules.
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207
    files = sorted(path for path in matches if Path(path).is_file())
    if not files:
        raise SourceError(f"No file matches {pattern}: check the pattern and the folder.")
    if all(is_picture(file) for file in files):
        folders = {str(Path(file).parent) for file in files}
        name = Path(pattern).name
        return (
            [pattern]
            if len(folders) == 1
            else sorted(str(Path(glob.escape(folder), name)) for folder in folders)
        )
    return files
