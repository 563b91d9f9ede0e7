"""Pictures for viewers: the newest of each stream that somebody looks at, encoded once for all.

The feeds' threads hand pictures in, and a thread of its own encodes them, so neither a feed nor the
batcher waits. A stream in which nothing moves and nothing is decided shows a still now and then.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from ..preprocessing.motion import MotionGate
from ..preprocessing.opencv import load_cv2
from ..preprocessing.sampling import RateSampler
from ..sources.frames import Frame
from .messages.live import PictureHeader, StripHeader

log = logging.getLogger(__name__)

Size = Literal["small", "large"]
SIZES: tuple[Size, ...] = get_args(Size)
WIDTH_PX: Mapping[Size, int] = {"small": 480, "large": 960}
RATE_FPS: Mapping[Size, float] = {"small": 5.0, "large": 10.0}
# Of all streams together, in a size: each is sent to every viewer.
ALL_FPS = 20.0
QUALITY, STRIP_QUALITY, STRIP_PX = 78, 70, 96
# Of 255, in any of 32 x 32 squares: above the noise of most cameras.
MOVES = 8.0
# How long a stream is shown live after something moved or was decided; stills of others.
LIVE_S, STILL_S = 3.0, 3.0
_TALLEST = 4  # times as high as wide
_MOST_EARLY = 0.6  # of a period: a camera's pictures are not as even as the rate

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Packet:
    """A picture that is ready to send.

    Attributes:
        key: what it is a picture of; a newer one replaces it.
        data: the header and the JPEG, see `packed`.
    """

    key: tuple[str, str]
    data: bytes

    @property
    def jpeg(self) -> bytes:
        """The picture alone."""
        return self.data[4 + int.from_bytes(self.data[:4], "big") :]


class _Watched:
    """A stream that somebody looks at; the encoding thread's, apart from `wanted`."""

    def __init__(self, wanted: frozenset[Size]) -> None:
        self.wanted = wanted
        self.sampler = RateSampler(RATE_FPS["large"])
        self.gate = MotionGate(MOVES)
        self.live_until_s = 0.0
        self.sent_s: dict[Size, float] = dict.fromkeys(SIZES, float("-inf"))


class Pictures:
    """A tap on the feeds that encodes what viewers want to see.

    `wants` and `take` are called from the feeds' threads, `watch` and `asked` from the server's.

    Attributes:
        sizes_wh: the pictures' own sizes in pixels, by stream; of those that were looked at.
        on_packet: called from the thread with each picture that is ready.
    """

    def __init__(self) -> None:
        """Start the thread."""
        self.sizes_wh: dict[str, tuple[int, int]] = {}
        self.on_packet: Callable[[Packet], None] = lambda _packet: None
        self._watched: dict[str, _Watched] = {}
        self._viewed: dict[str, frozenset[Size]] = {}
        self._asked: list[tuple[str, Size]] = []
        self._newest: dict[tuple[str, Size], Packet] = {}
        self._waiting: dict[str, tuple[Frame, float | None]] = {}
        self._strips: dict[str, tuple[Sequence[Array], tuple[float, ...]]] = {}
        self._changed = threading.Condition()
        self._is_over = False
        self._thread = threading.Thread(target=self._work, name="page pictures", daemon=True)
        self._thread.start()

    def watch(self, wanted: Mapping[str, frozenset[Size]]) -> None:
        """Encode these streams in these sizes for viewers from now on, and no others."""
        self._viewed = dict(wanted)
        self._use_wanted()

    def is_watched(self, source: str, size: Size) -> bool:
        """Say whether pictures of a stream are encoded in a size."""
        watched = self._watched.get(source)
        return watched is not None and size in watched.wanted

    @contextlib.contextmanager
    def asked(self, source: str, size: Size) -> Iterator[None]:
        """Encode a stream in a size for somebody who wants one picture."""
        self._asked.append((source, size))
        self._use_wanted()
        try:
            yield
        finally:
            self._asked.remove((source, size))
            self._use_wanted()

    def _use_wanted(self) -> None:
        wanted = dict(self._viewed)
        for source, size in self._asked:
            wanted[source] = frozenset((*wanted.get(source, ()), size))
        with self._changed:
            self._watched = {
                source: self._watched.get(source) or _Watched(sizes)
                for source, sizes in wanted.items()
                if sizes
            }
            for source, watched in self._watched.items():
                if wanted[source] - watched.wanted:
                    watched.sent_s = dict.fromkeys(SIZES, float("-inf"))
                watched.wanted = wanted[source]

    def newest(self, source: str, size: Size) -> Packet | None:
        """Return the last picture of a stream in a size, however old; None without any."""
        return self._newest.get((source, size))

    def stir(self, source: str) -> None:
        """Show a stream live for a while: something is decided there."""
        if watched := self._watched.get(source):
            watched.live_until_s = time.monotonic() + LIVE_S

    def show_window(self, lane: str, images: Sequence[Array], times_s: Sequence[float]) -> None:
        """Encode the frames of a window, uint8 [S, S, 3] BGR each, as a strip."""
        with self._changed:
            self._strips[lane] = images, tuple(times_s)
            self._changed.notify_all()

    def wants(self, source: str, time_s: float) -> bool:
        """Say whether somebody looks, and it is time for a picture."""
        watched = self._watched.get(source)
        return watched is not None and watched.sampler.due(time_s)

    def take(self, source: str, frame: Frame, *, live: bool) -> None:
        """Take a picture, unless a newer one comes before it is encoded."""
        with self._changed:
            self._waiting[source] = frame, time.time() if live else None
            self._changed.notify_all()

    def close(self, timeout_s: float) -> None:
        """End the thread."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._strips or self._is_over)
                if self._is_over:
                    return
                waiting, self._waiting = self._waiting, {}
                strips, self._strips = self._strips, {}
            for source, (frame, clock) in waiting.items():
                self._guarded(lambda s=source, f=frame, c=clock: self._encode(s, f, c))
            for lane, (images, times_s) in strips.items():
                self._guarded(lambda n=lane, i=images, t=times_s: self._encode_strip(n, i, t))

    def _guarded(self, encode: Callable[[], None]) -> None:
        try:
            encode()
        except Exception:  # a picture that cannot be shown is no reason to show no other
            log.debug("A picture could not be encoded.", exc_info=True)

    def _encode(self, source: str, frame: Frame, clock: float | None) -> None:
        watched = self._watched.get(source)
        if watched is None:
            return
        height, width = frame.image_hwc.shape[:2]
        self.sizes_wh[source] = width, height
        now_s = time.monotonic()
        image = shrunk(frame.image_hwc, WIDTH_PX["large"])
        if watched.gate.opens(image):
            watched.live_until_s = max(watched.live_until_s, now_s + LIVE_S)
        is_live = now_s < watched.live_until_s
        for size in ("large", "small"):
            pause_s = _MOST_EARLY / self._rate_fps(size) if is_live else STILL_S
            if size not in watched.wanted or now_s - watched.sent_s[size] < pause_s:
                continue
            watched.sent_s[size] = now_s
            image = shrunk(image, WIDTH_PX[size])
            header = PictureHeader(
                stream=source,
                size=size,
                time=None if clock is None else round(clock, 3),
                time_s=round(frame.time_s, 3),
                width=image.shape[1],
                height=image.shape[0],
                live=is_live,
            )
            packet = Packet((source, size), packed(header, jpeg_of(image, QUALITY)))
            self._newest[source, size] = packet
            self.on_packet(packet)

    def _rate_fps(self, size: Size) -> float:
        """Return how many pictures a second a stream is shown by, among all that are."""
        shown = sum(size in watched.wanted for watched in list(self._watched.values()))
        return min(RATE_FPS[size], ALL_FPS / max(1, shown))

    def _encode_strip(self, lane: str, images: Sequence[Array], times_s: Sequence[float]) -> None:
        cv2 = load_cv2()
        small = [
            cv2.resize(image, (STRIP_PX, STRIP_PX), interpolation=cv2.INTER_AREA)
            for image in images
        ]
        strip = np.concatenate(small, axis=1)
        header = StripHeader(
            lane=lane,
            times_s=tuple(round(time_s, 3) for time_s in times_s),
            width=strip.shape[1],
            height=strip.shape[0],
        )
        data = packed(header, jpeg_of(strip, STRIP_QUALITY))
        self.on_packet(Packet(("strip", lane), data))


def packed(header: msgspec.Struct, jpeg: bytes) -> bytes:
    """Return the length of the header in four bytes, the header as JSON, and the JPEG."""
    said = msgspec.json.encode(header)
    return len(said).to_bytes(4, "big") + said + jpeg


def shrunk(image_hwc: Array, width_px: int) -> Array:
    """Return a picture that is no wider, and no more than four times as high as that."""
    cv2 = load_cv2()
    height, width = image_hwc.shape[:2]
    scale = min(1.0, width_px / width, _TALLEST * width_px / height)
    if scale == 1.0:
        return image_hwc
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image_hwc, size_wh, interpolation=cv2.INTER_AREA)


def jpeg_of(image_hwc: Array, quality: int) -> bytes:
    """Return a picture, uint8 [H, W, 3] BGR, as a JPEG."""
    cv2 = load_cv2()
    _, data = cv2.imencode(".jpg", image_hwc, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()
