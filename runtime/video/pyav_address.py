"""Open network streams with PyAV: in parallel, each with its own time-outs and a reason if not."""

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy.typing as npt

from ..errors import SourceError
from .pyav_capture import BrokenOffError, NoVideoError, PyAvCapture, reason_of
from .web_page import answers_with_page, web_page_error

Array = npt.NDArray[Any]
SNAPSHOT_S = 0.2  # between two pictures of an address that gives one at a time
_OPTIONS = {"rtsp_flags": "prefer_tcp"}
# Bare JPEGs need no search for the stream's rate, which nobody announces.
_BARE_OPTIONS = {"analyzeduration": "500000", "fpsprobesize": "0"}


class Snapshots:
    """An address that gives one picture at a time, and is asked again for each.

    Attributes: see `capture.Capture`.
    """

    frame_count: int | None = None
    exhausted = False

    def __init__(self, first: PyAvCapture, ask: Callable[[], PyAvCapture]) -> None:
        """Take over the first answer; `ask` gets the next ones."""
        self.name, self.codec, self.size_wh = first.name, first.codec, first.size_wh
        self.fps: float | None = 1 / SNAPSHOT_S
        self.lost = 0
        self._ask = ask
        self._answer = first
        self._is_new = True
        self._next_s = time.monotonic() + SNAPSHOT_S

    @property
    def position_s(self) -> None:
        """Single pictures have no time stamps."""

    def grab(self) -> bool:
        """Ask for the next picture; False if it is broken."""
        if not self._is_new:
            self._answer.release()
            time.sleep(max(0.0, self._next_s - time.monotonic()))
            self._next_s = time.monotonic() + SNAPSHOT_S
            self._answer = self._ask()
        self._is_new = False
        return self._answer.grab()

    def retrieve(self) -> Array | None:
        """Return the picture as uint8 [H, W, 3] BGR."""
        return self._answer.retrieve()

    def release(self) -> None:
        """Close the connection."""
        self._answer.release()


def open_av_address(
    av: ModuleType, address: str, name: str, limits_s: tuple[float, float]
) -> PyAvCapture | Snapshots:
    """Open a network stream, or a file behind an address.

    Args:
        av: the module.
        address: where it is; may hold a password.
        name: what messages call it; contains no password.
        limits_s: longest wait to open it, and for a picture.

    Raises:
        WebPageError: it is a page.
        SourceError: no video comes from it; the message says why.
    """

    def ask() -> PyAvCapture:
        return _open_stream(av, address, name, limits_s)

    capture = ask()
    return Snapshots(capture, ask) if capture.is_single_picture else capture


def _open_stream(
    av: ModuleType, address: str, name: str, limits_s: tuple[float, float]
) -> PyAvCapture:
    reason, has_answered = "", False
    for form, options in ((None, _OPTIONS), ("mjpeg", _BARE_OPTIONS)):
        container, is_dialect = None, False
        try:
            container = av.open(
                address, format=form, options=options, metadata_errors="replace", timeout=limits_s
            )
            is_dialect = container.format.name == "mpjpeg"
            return PyAvCapture(av, container, name, live_s=limits_s[1])
        except av.error.FFmpegError as error:
            is_dialect |= isinstance(error, av.error.InvalidDataError)
            has_answered |= isinstance(error, av.error.InvalidDataError)
            reason = reason_of(av, error, limits_s[0])
        except (BrokenOffError, NoVideoError) as error:
            has_answered |= isinstance(error, NoVideoError)
            reason = str(error)
        if container:
            container.close()
        # Cheap cameras leave out the first boundary or send image/jpg. FFmpeg's reader of MJPEG
        # over HTTP refuses that, but pictures can be found without the lines between them.
        if not (is_dialect and address.lower().startswith("http")):
            break
    if has_answered and answers_with_page(address):
        raise web_page_error(name)
    # FFmpeg's own error is not chained: it shows the address with its password.
    raise SourceError(
        f"No video comes from {name} ({reason}): check the address, the password and the network."
    ) from None
