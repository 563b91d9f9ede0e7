"""Open video files and addresses, with PyAV where it is installed and else with OpenCV."""

from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from ..errors import SourceError
from ..preprocessing.opencv import opencv_path
from . import pyav
from .file_kinds import kind_of_file
from .opencv_capture import OpenCvCapture
from .pictures import is_picture, single_picture
from .pyav_address import open_av_address
from .pyav_capture import open_av_file
from .web_page import answers_with_page, web_page_error

Array = npt.NDArray[Any]
# To open an address, and between two frames.
OPEN_S, READ_S = 10.0, 15.0
# FFmpeg inside OpenCV tries up to three times to read a frame.
_OPENCV_READS = 3
# A damaged packet fails once or twice; the end of a file is final.
READ_ATTEMPTS = 5


class Capture(Protocol):
    """An open file, camera or address, whatever decodes it.

    Attributes:
        name: what messages call it; contains no password.
        fps: announced frame rate; None if unknown.
        frame_count: announced number of frames; None if unknown, as for anything live.
        size_wh: announced width and height in pixels, after rotation.
        codec: name of the codec, for messages.
        lost: frames so far that could not be decoded.
        exhausted: whether a failed grab was a regular end; never for a camera or stream.
    """

    name: str
    fps: float | None
    frame_count: int | None
    size_wh: tuple[int, int]
    codec: str
    lost: int
    exhausted: bool

    @property
    def position_s(self) -> float | None:
        """The container's time stamp of the last grabbed frame, in seconds; None if it has none."""
        ...

    def grab(self) -> bool:
        """Decode the next frame; False if there is none.

        Raises:
            SourceError: the decoder fails, or a stream breaks off and it is known why.
        """
        ...

    def retrieve(self) -> Array | None:
        """Return the grabbed frame as uint8 [H, W, 3] BGR; None if it cannot be converted.

        Raises:
            SourceError: the decoder fails.
        """
        ...

    def release(self) -> None:
        """Close it."""
        ...


def open_file(path: Path, name: str, *, threads: int | None = None) -> Capture:
    """Open a video file.

    Args:
        path: the file.
        name: what messages call it.
        threads: threads of the decoder; its own choice if None.

    Raises:
        SourceError: it is not a video.
    """
    file = opencv_path(path, SourceError)
    if is_picture(path.name):
        raise SourceError(single_picture(name))
    if av := pyav.load_av():
        capture = open_av_file(av, file, name, threads=threads, attempts=READ_ATTEMPTS)
    else:
        capture = OpenCvCapture(file, name, threads=threads, attempts=READ_ATTEMPTS)
        capture = capture if capture.is_open else None
    if capture is None:
        raise SourceError(f"{path} is not a video that can be read: {kind_of_file(path)}.")
    return capture


def open_address(address: str, name: str) -> Capture:
    """Open a network stream, or a file behind an address.

    Raises:
        WebPageError: it is a page.
        SourceError: no video comes from it.
    """
    if av := pyav.load_av():
        return open_av_address(av, address, name, (OPEN_S, READ_S))
    pyav.warn_without_av()
    capture = OpenCvCapture(address, name, limits_s=(OPEN_S, READ_S / _OPENCV_READS))
    if not capture.is_open:
        capture.release()
        if answers_with_page(address):
            raise web_page_error(name)
        raise SourceError(
            f"No video comes from {name}: check the address, the password and the network."
        )
    return capture
