"""What the feeds of files and of live sources have in common: a thread, a mailbox, a sampler."""

import logging
import threading
from abc import ABC, abstractmethod

from ..errors import SourceError
from ..preprocessing.sampling import RateSampler
from .feed import Captured, FeedCounters, FeedOptions
from .mailbox import Mailbox

log = logging.getLogger(__name__)

# Decoded frames of a file that wait: decoding and encoding overlap, and 4K still fits.
AHEAD = 4


class ThreadFeed(ABC):
    """A source that is read in a thread of its own.

    The thread is a daemon: one that hangs in a driver does not keep the process from ending.

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
        self._sampler = RateSampler(rate_fps)
        self._thread = threading.Thread(target=self._run, name=f"feed {name}", daemon=True)

    @property
    def finished(self) -> bool:
        """Whether everything has been taken and nothing more will come."""
        return self.mailbox.finished

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(self) -> Captured | None:
        """Return what is to be looked at next, and forget it; None if there is nothing new."""
        return self.mailbox.take()

    def stop(self) -> None:
        """Ask the thread to end, and forget what was not taken; does not wait for it."""
        self._dismissed = True
        self.stopping.set()
        self.mailbox.close(discard=True)

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; say whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def sampled(self, time_s: float) -> bool:
        """Count a frame that came; say whether it is due at the rate of this moment."""
        self._sampler.use_rate(self.rate_fps)
        is_due = self._sampler.due(time_s)
        self.counters.read += 1
        self.counters.sampled += is_due
        return is_due

    @abstractmethod
    def read(self) -> None:
        """Put frames into the mailbox until the source ends, or `stopping` is set.

        Raises:
            SourceError: the source broke off for good.
        """

    def on_end(self) -> None:  # noqa: B027 (files have nobody to tell)
        """Learn that the thread ends; `error` says why, if it broke off."""

    def _run(self) -> None:
        try:
            self.read()
        except SourceError as error:
            self.error = error
        except Exception as error:
            # Without this the run would wait for ever for a thread that is gone.
            log.exception("a fault of stzsar's own in the thread of %s", self.name)
            self.error = SourceError(
                f"{self.name} is not read any more ({type(error).__name__}, a fault of stzsar's "
                "own): report it with the lines before this one."
            )
        finally:
            if self._dismissed:
                self.error = None  # what breaks while it is being stopped is of no interest
            self.on_end()
            self.mailbox.close()
