"""The common part of file and live feeds: a thread, a sampler, and the frames that wait."""

import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from ..errors import SourceError
from ..preprocessing.sampling import RateSampler
from .areas import Mask
from .feed import Captured, FeedCounters, FeedOptions

Array = npt.NDArray[Any]
log = logging.getLogger(__name__)

# Decoded frames of a file that may wait: decoding and encoding overlap, and 4K still fits.
AHEAD = 4


class Mailbox:
    """Captured frames on their way from the feed's thread to the run's.

    A feed uses one of the two ways to put frames in, never both.
    """

    def __init__(self, wake: threading.Event, capacity: int) -> None:
        self._wake = wake
        self._capacity = capacity
        self._waiting: deque[Captured] = deque()
        self._closed = False
        self._changed = threading.Condition()

    @property
    def finished(self) -> bool:
        """Whether it is closed and empty."""
        with self._changed:
            return self._closed and not self._waiting

    def put_newest(self, captured: Captured) -> int:
        """Put a live frame in; return how many due frames it replaced.

        A due frame replaces whatever waits. A frame that is not due waits behind a due one.
        """
        with self._changed:
            if self._closed:
                return 0
            kept = [] if captured.due else [old for old in self._waiting if old.due]
            dropped = sum(old.due for old in self._waiting) - len(kept)
            self._waiting = deque([*kept, captured])
        self._wake.set()
        return dropped

    def put_in_order(self, captured: Captured) -> bool:
        """Put a file's frame in once there is room; return False if the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._capacity)
            if self._closed:
                return False
            self._waiting.append(captured)
        self._wake.set()
        return True

    def take(self) -> Captured | None:
        """Return and forget the oldest frame; None if there is none."""
        with self._changed:
            if not self._waiting:
                return None
            self._changed.notify_all()
            return self._waiting.popleft()

    def close(self, *, discard: bool = False) -> None:
        """Accept no more frames; those that wait can still be taken unless `discard`."""
        with self._changed:
            self._closed = True
            if discard:
                self._waiting.clear()
            self._changed.notify_all()
        self._wake.set()


class ThreadFeed(ABC):
    """Reads a source in a daemon thread: one that hangs in a driver does not keep the process.

    Attributes: see `feed.Feed`.
    """

    live = False

    def __init__(
        self, name: str, options: FeedOptions, rate_fps: float, *, capacity: int = AHEAD
    ) -> None:
        self.name = name
        self.rate_fps = rate_fps
        self.source_fps: float | None = None
        self.frame_count: int | None = None
        self.counters = FeedCounters()
        self.error: SourceError | None = None
        self.options = options
        self.mailbox = Mailbox(options.wake, capacity)
        self.stopping = threading.Event()
        self._dismissed = False
        self._shape: tuple[int, ...] | None = None
        self._size_changes = 0
        self._sampler = RateSampler(rate_fps)
        self._thread = threading.Thread(target=self._run, name=f"feed {name}", daemon=True)

    @property
    def finished(self) -> bool:
        """Whether all frames were taken and no more will come."""
        return self.mailbox.finished

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def hide(self, mask: Mask | None) -> None:
        """Hide other parts of its pictures from the next one on."""
        self.options = replace(self.options, mask=mask)

    def take(self) -> Captured | None:
        """Return and forget the next frame; None if there is none."""
        return self.mailbox.take()

    def stop(self) -> None:
        """Ask the thread to end and forget waiting frames; does not wait for it."""
        self._dismissed = True
        self.stopping.set()
        self.mailbox.close(discard=True)

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def sampled(self, time_s: float) -> bool:
        """Count a frame; return whether it is due at the current rate."""
        self._sampler.use_rate(self.rate_fps)
        is_due = self._sampler.due(time_s)
        self.counters.read += 1
        self.counters.sampled += is_due
        return is_due

    def masked(self, image_hwc: Array) -> Array:
        """Return a decoded picture without what nobody may see; the first thing done to it."""
        return self.options.mask.hide(image_hwc) if self.options.mask else image_hwc

    def tapped(self, time_s: float) -> bool:
        """Return whether the tap takes the frame at `time_s`."""
        return self.options.tap is not None and self.options.tap.wants(self.name, time_s)

    def size_changes(self, image_hwc: Array) -> int:
        """Return how often the pictures up to this one changed their size: a phone turns."""
        self._size_changes += self._shape not in (None, image_hwc.shape)
        self._shape = image_hwc.shape
        return self._size_changes

    @abstractmethod
    def read(self) -> None:
        """Put frames into the mailbox until the source ends or `stopping` is set.

        Raises:
            SourceError: the source failed for good.
        """

    def on_end(self) -> None:  # noqa: B027 (files have nothing to announce)
        """Called when the thread ends; `error` says why, if the source failed."""

    def _run(self) -> None:
        try:
            self.read()
        except SourceError as error:
            self.error = error
        except Exception as error:
            # Without this the run would wait forever for a dead thread.
            log.exception("bug in stzsar, in the thread of %s", self.name)
            self.error = SourceError(
                f"Reading {self.name} failed because of a bug in stzsar ({type(error).__name__}): "
                "report it with the traceback above."
            )
        finally:
            if self._dismissed:
                self.error = None  # failures while stopping do not matter
            self.on_end()
            self.mailbox.close()
