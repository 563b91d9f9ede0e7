"""The feed of a camera or network stream: the newest frame counts, and a lost one is reopened."""

import time
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from ..backoff import Backoff
from ..errors import SourceError
from ..video.capture import Capture
from ..video.web_page import WebPageError
from .feed import Captured, FeedOptions
from .file_feed import read_file
from .frames import Frame
from .pacing import Arrival, Backlog, Playback
from .states import STALL_WATCH, FrozenPicture, StateReporter
from .thread_feed import ThreadFeed
from .video_file import VideoSource

Array = npt.NDArray[Any]
BACKOFF = Backoff(first_s=1.0, full_jitter=True)
# After pictures for so long, the next wait is a first one. A camera that shows less each time is
# asked again within 4 s, since somebody watches it; one that shows nothing within 30 s.
PROVEN_S = 2.0
FAILURES_OF_ONE_THAT_SHOWS = 2
# A driver or pipeline that takes longer to open hangs; addresses have a limit of their own.
OPENING_S = 20.0


class LiveFeed(ThreadFeed):
    """Reads a live source in its own thread, as fast as frames arrive.

    Only the newest due frame waits for the run. A lost source is reopened, forever or until
    `give_up_s`, with growing waits; its time keeps running. A source that shows nothing new is
    `stalled` and gives no frames.

    Attributes: see `feed.Feed`. If an address turns out to be a file, `live` becomes False and
        every frame counts.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Capture],
        options: FeedOptions,
        rate_fps: float,
        *,
        patient: bool = True,
        arrival: Arrival = "even",
    ) -> None:
        """Prepare to read.

        Args:
            name: what results call it; contains no password.
            connect: opens the source, once per attempt; raises SourceError if that fails.
            options: what the feeds of a run have in common.
            rate_fps: sampling rate.
            patient: the source is behind a network: wait for it even if it is away at first, and
                expect that it may be a file.
            arrival: how its frames arrive.
        """
        super().__init__(name, options, rate_fps)
        self.live = True
        self.error: SourceError | None = None
        self._connect = connect
        self._patient = patient
        self._arrival: Arrival = arrival
        self._reporter = StateReporter(name, options.on_state)
        self._failures = 0  # in a row
        self._reason = ""  # of the last one
        self._frozen = FrozenPicture()
        self._start_s: float | None = None  # of the first frame
        self._end_s = float("inf")
        self._seen_s = 0.0  # when the last frame arrived
        self._stalls = 0

    def read(self) -> None:
        """Read until the source ends, is stopped, or is given up.

        Raises:
            SourceError: a device is missing at the start, an address is a web page, or the source
                is given up.
        """
        self._seen_s = time.monotonic()
        self._set_end(self._seen_s)
        STALL_WATCH.add(self)
        self._reporter.change("connecting")
        while not self.stopping.is_set():
            reason = self._read_once()
            if reason is None or self.stopping.is_set():
                return
            self._reason = reason
            self._reporter.change("lost", reason)
            self._give_up_or_wait(reason)

    def on_end(self) -> None:
        """Report the end."""
        STALL_WATCH.remove(self)
        self._reporter.change("ended", str(self.error or ""))

    def look(self, now_s: float) -> None:
        """Check from outside whether the thread hangs or the source's time is over."""
        if self.stopping.is_set():
            self.on_end()  # the thread itself may hang for good
            return
        if now_s >= self._end_s:
            self._end_in_time()
        opening = self._reporter.state == "connecting"
        if not opening and self._reporter.state != "live":
            return
        limit_s = max(OPENING_S, self.options.stalled_s) if opening else self.options.stalled_s
        what = "it has not opened" if opening else "no frame has come"
        if now_s - self._seen_s > limit_s:
            self._reporter.change(
                "stalled",
                f"{what} for {limit_s:g} s",
                unless=lambda: now_s - self._seen_s <= limit_s or self.stopping.is_set(),
            )

    def _end_in_time(self) -> None:
        if self._start_s is None:
            why = self._reason.rstrip(".") or "check its address, cable or network"
            self.error = SourceError(
                f"{self.name} gave no frame within {self.options.seconds:g} s: {why}."
            )
        self.stopping.set()
        self.mailbox.close()

    def _read_once(self) -> str | None:
        """Open the source and read it; return why it broke off, or None if it ended regularly."""
        try:
            capture = self._connect()
        except SourceError as error:
            is_final = not self._patient or isinstance(error, WebPageError)
            if is_final and not self.counters.connections:
                raise
            return str(error)
        self.counters.connections += 1
        if self._patient and capture.frame_count:
            # A file behind an address comes as fast as it loads, with correct times of its own.
            self.live, self._end_s = False, float("inf")
            STALL_WATCH.remove(self)
            self._reporter.change("live", "it is a file")
            read_file(self, VideoSource(capture))
            return None
        try:
            self.source_fps = capture.fps
            return self._follow(capture)
        except SourceError as error:
            return str(error)
        finally:
            capture.release()

    def _follow(self, capture: Capture) -> str | None:
        backlog = Backlog(capture.fps, time.monotonic()) if self._arrival == "backlog" else None
        playback = Playback() if self._arrival == "segments" else None
        first_s: float | None = None
        while not self.stopping.is_set():
            if not capture.grab():
                return None if capture.exhausted else f"{self.name} gives no more frames"
            now_s = self._seen_s = time.monotonic()
            if backlog and backlog.is_old(now_s):
                self.counters.read += 1
                continue
            if playback and (wait_s := playback.wait_s(capture.position_s or 0.0, now_s)):
                self.stopping.wait(wait_s)
                now_s = time.monotonic()
            if not self._offer(capture, now_s):
                return f"the frames of {self.name} cannot be converted"
            first_s = now_s if first_s is None else first_s
            is_proven = now_s - first_s > PROVEN_S
            self._failures = 0 if is_proven else min(self._failures, FAILURES_OF_ONE_THAT_SHOWS)
        return None

    def _offer(self, capture: Capture, now_s: float) -> bool:
        """Put the grabbed frame into the mailbox if it is wanted; return False if it is broken."""
        if self._start_s is None:
            self._start_s = now_s
            self._set_end(now_s)
        if now_s >= self._end_s:
            self._end_in_time()
            return True
        index = self.counters.read
        time_s = now_s - self._start_s
        is_due, is_tapped = self.sampled(time_s), self.tapped(time_s)
        if not (is_due or is_tapped or self.options.every_frame):
            return True
        with self.options.stages.of("decode"):
            image = capture.retrieve()
        if image is None:
            return False
        image = self.masked(image)
        if is_due:
            self._check_frozen(image, now_s)
        if self._reporter.state == "live":
            frame = Frame(image, time_s, index)
            if is_tapped and self.options.tap:
                self.options.tap.take(self.name, frame, live=True)
            if not (is_due or self.options.every_frame):
                return True
            # A standstill or another size breaks a window just as a reconnection does.
            piece = self.counters.connections + self._stalls + self.size_changes(image)
            captured = Captured(frame, is_due, now_s, time.time(), piece)
            self.counters.dropped += self.mailbox.put_newest(captured)
        return True

    def _check_frozen(self, image: Array, now_s: float) -> None:
        same_s = self._frozen.same_for_s(image, now_s)
        if same_s >= self.options.stalled_s:
            self._reporter.change("stalled", f"the picture has not changed for {same_s:.0f} s")
        else:
            self._stalls += self._reporter.state == "stalled"
            self._reporter.change("live")

    def _give_up_or_wait(self, reason: str) -> None:
        self._failures += 1
        wait_s = BACKOFF.wait_s(self._failures)
        patience_s = self.options.give_up_s
        if patience_s is not None:
            left_s = self._seen_s + patience_s - time.monotonic()
            if left_s <= 0:
                raise SourceError(f"{self.name} was away for {patience_s:g} s: {reason}")
            wait_s = min(wait_s, left_s)
        self.stopping.wait(wait_s)

    def _set_end(self, now_s: float) -> None:
        if self.options.seconds is not None:
            self._end_s = now_s + self.options.seconds
