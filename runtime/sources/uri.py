"""What people name as a source: which frames it stands for, and how it is opened."""

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import SourceError
from .capture import Capture
from .frames import Due, Frame, Source
from .live import MAX_CAMERA, LiveSource, without_secrets
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
NETWORK_TIMEOUT_S = 10


def open_source(uri: str | int | Path) -> Source:
    """Open a camera (a number), a network stream (anything with `://`) or a video file.

    Raises:
        SourceError: it gives no frames; the sentence says why.
    """
    if isinstance(uri, Path):
        return VideoSource.open(uri)
    number = camera_number(str(uri))
    if number is not None:
        return LiveSource.open_camera(number)
    return _open_url(str(uri)) if is_url(str(uri)) else VideoSource.open(str(uri))


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
        if is_live(uri) or Path(uri).is_file():
            found.append(uri)
        elif Path(uri).is_dir():
            found += _videos_below(Path(uri))
        elif glob.has_magic(uri):
            found += _matches(uri)
        else:
            found.append(uri)
    return list(dict.fromkeys(found))


def camera_number(uri: str) -> int | None:
    """Return the number of a camera named `2` or `/dev/video2`; None for anything else.

    Raises:
        SourceError: the number is too large for a camera.
    """
    match = re.fullmatch(r"(?:/dev/video)?0*([0-9]+)", uri)
    if match and len(match[1]) > len(str(MAX_CAMERA)):
        raise SourceError(
            f"There is no camera {match[1]:.20}: cameras have the numbers 0 to {MAX_CAMERA}."
        )
    return int(match[1]) if match else None


def is_url(uri: str) -> bool:
    """Say whether `uri` is an address rather than a path."""
    return "://" in uri


def is_live(uri: str) -> bool:
    """Say whether `uri` is a camera or an address, which need not have an end."""
    return camera_number(uri) is not None or is_url(uri)


def _open_url(url: str) -> Source:
    name = without_secrets(url)
    try:
        url.encode()  # OpenCV would crash on a lone surrogate
    except UnicodeEncodeError as error:
        raise SourceError(f"The address {name!r} is not UTF-8: write it anew.") from error
    capture = Capture(url, name, timeout_s=NETWORK_TIMEOUT_S)
    if not capture.is_open:
        raise SourceError(
            f"No video comes from {name}: check the address, the password and the network."
        )
    # A file behind an address comes as fast as it loads; its own time stamps are the right ones.
    return VideoSource(capture) if capture.frame_count else LiveSource(capture)


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
