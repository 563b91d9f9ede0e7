"""Says what a file is that holds no video, by how it begins."""

from pathlib import Path

from ..documents import open_regular
from . import pyav

VIDEO_SUFFIXES = (
    *(".mp4", ".avi", ".mkv", ".webm", ".mov", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".ts"),
    *(".3gp", ".ogv"),
)
_READ_BYTES = 4096
_STARTS = (
    (b"PK\x03\x04", "it is a ZIP archive or an office document; unpack the clips in it"),
    (b"\x1f\x8b", "it is a gzip archive; unpack the clips in it"),
    (b"Rar!", "it is a RAR archive; unpack the clips in it"),
    (b"7z\xbc\xaf", "it is a 7z archive; unpack the clips in it"),
    (b"%PDF", "it is a PDF"),
    (b"\x89HDF", "it is an HDF5 file"),
    (b"STZSAR", "it is a recording of stzsar; score it with --replay"),
)


def kind_of_file(path: Path) -> str:
    """Return a clause that says what a file without a video is, as far as its start tells."""
    if has_sound_only(path):
        return "it holds sound and no pictures"
    try:
        with open_regular(path) as file:
            start = file.read(_READ_BYTES)
    except OSError:
        start = b""
    for mark, kind in _STARTS:
        if start.startswith(mark):
            return kind
    if is_web_page(start):
        return "it is a web page and not the video on it"
    if start and b"\0" not in start and _is_text(start):
        return "it is a text file"
    return "it is another kind of file, or cut short"


def is_web_page(start: bytes) -> bool:
    """Whether a file that begins so is HTML."""
    words = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    return words.startswith((b"<!doctype html", b"<html")) or b"<html" in words


def has_sound_only(path: Path) -> bool:
    """Whether a file has streams that play, none of them a video."""
    av = pyav.load_av()
    if av is None:
        return False
    try:
        with av.open(
            f"file:{path.absolute()}",
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        ) as container:
            return bool(container.streams.audio)
    except (av.error.FFmpegError, ValueError):
        return False


def _is_text(start: bytes) -> bool:
    try:
        start[: _READ_BYTES - 4].decode()
    except UnicodeDecodeError as error:
        return error.start >= len(start) - 4  # a character that the end cuts
    return True
