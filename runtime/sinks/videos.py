"""Write the annotated videos of a run, one per source."""

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import StzsarError
from ..results import Message, Recognition
from ..sources.frames import Frame
from .queued import Patience, Queued, SinkCounters, UndeliverableError
from .video import AnnotatedVideo, VideoFileError

log = logging.getLogger(__name__)

# Per live source; a full-HD picture has 6 MB.
MAX_WAITING_BYTES = 24 * 2**20
MAX_WAITING = 16
BEHIND_FROM = 2
# The rest of the time for closing is for completing the files.
ENCODING_SHARE = 0.5
# A live video that could not be written any further is taken up again after so long.
RETRY_S = 30.0


@dataclass(frozen=True)
class VideoPlan:
    """The video of one source.

    Attributes:
        path: the file; its name ends in .mp4.
        live: whether the source is live. Its pictures then wait in a bounded queue for an encoder
            thread, which skips some if it is too slow.
        fps: called at the first picture; returns the source's announced rate, None if unknown.
    """

    path: Path
    live: bool
    fps: Callable[[], float | None] = lambda: None


class AnnotatedVideos:
    """Writes the pictures of each source with its results.

    For a file `show` waits until the picture is written. For a live source `show` never waits, and
    a video that fails is logged and dropped while the run continues.

    Attributes: see `sink.Sink`.
    """

    name = "video"
    wants_frames = True

    def __init__(self, plans: Mapping[str, VideoPlan]) -> None:
        """Check that all files can be written, before anything is decoded.

        Args:
            plans: videos by the names of their sources; other sources get none.

        Raises:
            StzsarError: a name does not end in .mp4, or a folder is not writable.
        """
        self._videos: dict[str, _FileVideo | _LiveVideo] = {}
        try:
            for source, plan in plans.items():
                self._videos[source] = _LiveVideo(plan) if plan.live else _FileVideo(plan)
        except StzsarError:
            for video in self._videos.values():
                video.close(1.0)
            raise
        self._ended = SinkCounters()

    @property
    def counters(self) -> SinkCounters:
        """What happened to the pictures of all sources."""
        each = [self._ended, *(video.counters for video in list(self._videos.values()))]
        return _sum(each)

    def put(self, message: Message) -> None:
        """Do nothing: results arrive with the pictures."""

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Write a file's picture, or queue a live one.

        Raises:
            SourceError: no video can be written of this source, which is a file.
        """
        if video := self._videos.get(source):
            video.show(frame, latest)

    def source_ended(self, source: str) -> None:
        """Complete the video of a file; `close` completes those of live sources.

        Raises:
            StzsarError: the file is incomplete, most likely because the disk is full.
        """
        video = self._videos.get(source)
        if isinstance(video, _FileVideo):
            del self._videos[source]
            self._ended = _sum([self._ended, video.counters])
            video.close(0.0)

    def close(self, timeout_s: float) -> None:
        """Complete all videos; encoding waiting pictures may take `timeout_s` seconds.

        Raises:
            StzsarError: one is incomplete; the others are complete.
        """
        failures: list[StzsarError] = []
        deadline_s = time.monotonic() + timeout_s
        for video in self._videos.values():
            video.end(ENCODING_SHARE * timeout_s)
        for video in self._videos.values():
            try:
                video.close(max(0.0, deadline_s - time.monotonic()))
            except StzsarError as error:
                failures.append(error)
        for failure in failures[1:]:
            log.warning("%s", failure)
        if failures:
            raise failures[0]


class _FileVideo:
    """The video of a file: it has every picture."""

    def __init__(self, plan: VideoPlan) -> None:
        self.counters = SinkCounters()
        self._plan = plan
        self._video = AnnotatedVideo(plan.path, fps=None, live=False)
        self._finished = False

    def show(self, frame: Frame, latest: Recognition | None) -> None:
        if not self.counters.delivered:
            self._video.use_rate(self._plan.fps())
        self._video.write(frame, latest)
        self.counters.delivered += 1

    def end(self, _timeout_s: float) -> None:
        """Do nothing: nothing waits."""

    def close(self, _timeout_s: float) -> None:
        if not self._finished:
            self._finished = True
            self._video.finish()


class _LiveVideo:
    """The video of a live source, encoded by a thread."""

    def __init__(self, plan: VideoPlan) -> None:
        self._encoding = _Encoding(plan)
        self._queue = Queued[tuple[Frame, Recognition | None]](
            self._encoding,
            max_items=MAX_WAITING,
            max_bytes=MAX_WAITING_BYTES,
            fatal=(StzsarError,),
        )
        self._encoding.is_behind = lambda: self._queue.waiting >= BEHIND_FROM

    @property
    def counters(self) -> SinkCounters:
        return self._queue.counters

    def show(self, frame: Frame, latest: Recognition | None) -> None:
        try:
            self._queue.offer((frame, latest), size_bytes=frame.image_hwc.nbytes)
        except StzsarError as error:  # of this video alone
            log.warning("%s", error)

    def end(self, timeout_s: float) -> None:
        """Let the thread complete the video, in parallel with others."""
        self._queue.end(timeout_s)

    def close(self, timeout_s: float) -> None:
        self._queue.close(timeout_s)


class _Encoding:
    """Encodes a live video, in the queue's thread."""

    def __init__(self, plan: VideoPlan) -> None:
        self.name = f"video {plan.path}"
        self.is_behind: Callable[[], bool] = lambda: False
        self._plan = plan
        self._video: AnnotatedVideo | None = AnnotatedVideo(plan.path, fps=None, live=True)
        self._has_begun = False
        self._retry_s = 0.0
        self._why = ""

    def deliver(self, item: tuple[Frame, Recognition | None], patience: Patience) -> None:
        frame, latest = item
        try:
            video = self._begun()
            video.write(frame, latest, hurry=lambda: self.is_behind() or patience.closing)
        except VideoFileError as error:
            # The run goes on, and so does the video, in another file, once there is room.
            self._retry_s = time.monotonic() + RETRY_S
            self._why = getattr(error.__cause__, "strerror", None) or str(error)
            with contextlib.suppress(VideoFileError):
                self.finish(patience)
            raise UndeliverableError(self._why) from error

    def finish(self, _patience: Patience) -> None:
        video, self._video = self._video, None
        self._has_begun = False
        if video:
            video.finish()

    def _begun(self) -> AnnotatedVideo:
        if self._video is None:
            if time.monotonic() < self._retry_s:
                raise UndeliverableError(self._why)
            self._video = AnnotatedVideo(self._plan.path, fps=None, live=True)
        if not self._has_begun:
            self._video.use_rate(self._plan.fps())
            self._has_begun = True
        return self._video


def _sum(each: list[SinkCounters]) -> SinkCounters:
    return SinkCounters(
        delivered=sum(counters.delivered for counters in each),
        dropped=sum(counters.dropped for counters in each),
        failed=sum(counters.failed for counters in each),
    )
