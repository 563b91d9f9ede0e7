"""A run's streams into an archive: stretch by stretch, by a thread of its own."""

import dataclasses
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ...bundle.bundle import Bundle
from ...bundle.manifest import SamplingSpec
from ...errors import BundleError, StzsarError
from ...labels.bank import LabelBank
from ...recordings.recorder import BREAK, ENCODED
from ..keeping.retention import RetainOptions, retain
from ..keeping.tables import Tables
from ..store.archive import Archive
from ..store.rows import Rows
from ..store.schema import Sampling, Stretch, Video
from .work import stretch_name

# Stretches that wait for a slow disk or store; more than that are dropped, the oldest first.
MAX_WAITING = 8
# How often to try a store again that failed.
_AGAIN_S = 5.0
_SWEEP_S = 3600.0

log = logging.getLogger(__name__)


@dataclass
class _Track:
    """One stream since it began."""

    video: Video
    rows: Rows
    rate_fps: float
    stretches: int = 0
    frames: int = 0
    last_s: float = 0.0
    breaks: bool = True


class LiveArchive:
    """Takes the frames of a run, as `FrameRecorder` says.

    Attributes:
        dropped: frames that were dropped, since the archive could not be written for too long.
        feature_names: the features that it needs.
    """

    def __init__(
        self,
        place: str,
        bundle: Bundle,
        sampling: Sampling,
        *,
        retained: RetainOptions | None = None,
    ) -> None:
        """Open the archive; what it retains is looked after each hour.

        Raises:
            BundleError: the bundle gives no features to archive.
            StzsarError: the archive cannot be used.
        """
        manifest = bundle.manifest
        if manifest.label_states and not manifest.features:
            raise BundleError(
                f"The bundle {bundle.path} gives no features to archive, as old bundles do: export "
                "it again."
            )
        self.dropped = 0
        self.feature_names: Sequence[str] = manifest.features
        self._manifest, self._sampling = manifest, sampling
        self._archive = Archive(place)
        self._retained, self._next_sweep_s = retained, time.monotonic()
        dim = int(bundle.bank.class_embeddings.shape[1])
        self._bundle = self._archive.use(manifest, sampling, dim)
        self._tracks: dict[str, _Track] = {}
        self._waiting: deque[tuple[Video, Stretch | None, Rows | None]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._write_all, name="archive", daemon=True)
        self._thread.start()

    def begin_stream(
        self,
        stream: str,
        sampling: SamplingSpec,
        bank: LabelBank,  # noqa: ARG002
        among: Sequence[str] | None = None,  # noqa: ARG002
        *,
        source: str | None = None,  # noqa: ARG002
        region: str | None = None,  # noqa: ARG002
    ) -> None:
        """Begin a stream; its labels are of no account here."""
        self.end_stream(stream)
        video = Video(video=uuid.uuid4().hex, stream=stream, path=None)
        self._tracks[stream] = _Track(video, self._new_rows(), sampling.rate_fps)

    def add(
        self,
        stream: str,
        states: Mapping[str, npt.NDArray[Any]],
        time_s: float,
        *,
        clock: float | None = None,
        rate_fps: float | None = None,
        encoded: bool = True,
        quiet: bool = False,
    ) -> None:
        """Take a frame; one that is encoded again for other labels is here already."""
        if quiet:
            return
        track = self._tracks[stream]
        is_long = len(track.rows) and time_s - track.rows.first_s >= self._sampling.stretch_s
        if is_long or (len(track.rows) and time_s < track.last_s):
            self._hand_over(track)
        flags = BREAK * track.breaks | ENCODED * encoded
        rate_fps = rate_fps or track.rate_fps
        track.rows.add(track.frames, states, time_s, flags=flags, rate_fps=rate_fps, clock=clock)
        track.frames, track.last_s, track.breaks = track.frames + 1, time_s, False

    def flush_window(self, stream: str) -> None:
        """End the window here."""
        if stream in self._tracks:
            self._tracks[stream].breaks = True

    def use_labels(
        self,
        stream: str,
        bank: LabelBank,  # noqa: ARG002
        among: Sequence[str] | None = None,  # noqa: ARG002
    ) -> None:
        """Begin a window, as the run does; embeddings know no labels."""
        self.flush_window(stream)

    def end_stream(self, stream: str, *, rest: bool = True) -> None:  # noqa: ARG002
        """Commit the stretch at hand."""
        track = self._tracks.pop(stream, None)
        if track and track.frames:
            self._hand_over(track)
            whole = dataclasses.replace(track.video, state="whole", duration_s=track.last_s)
            self._put(whole, None, None)

    def close(self, timeout_s: float = 5.0) -> None:
        """Commit what is at hand, for `timeout_s` seconds at most.

        Raises:
            StzsarError: not everything could be written.
        """
        for stream in list(self._tracks):
            self.end_stream(stream)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if self.dropped:
            log.warning("%d frames are not in the archive.", self.dropped)
        if self._thread.is_alive() or self._waiting:
            raise StzsarError(
                f"The archive {self._archive.place} lacks the end of the run: it did not take it "
                f"within {timeout_s:g} s."
            )

    def _new_rows(self) -> Rows:
        return Rows(self._manifest, self._sampling.patches)

    def _hand_over(self, track: _Track) -> None:
        if not len(track.rows):
            return
        video = dataclasses.replace(track.video, duration_s=track.last_s)
        stretch = Stretch(
            stretch=stretch_name(video.video, track.stretches),
            video=video.video,
            stream=video.stream,
            bundle=self._bundle,
        )
        self._put(video, stretch, track.rows)
        track.rows, track.stretches = self._new_rows(), track.stretches + 1

    def _put(self, video: Video, stretch: Stretch | None, rows: Rows | None) -> None:
        with self._changed:
            if len(self._waiting) >= MAX_WAITING + len(self._tracks):
                _, _, lost = self._waiting.popleft()
                self.dropped += len(lost) if lost is not None else 0
            self._waiting.append((video, stretch, rows))
            self._changed.notify_all()

    def _sweep(self) -> None:
        if self._retained and time.monotonic() >= self._next_sweep_s:
            self._next_sweep_s = time.monotonic() + _SWEEP_S
            retain(Tables(self._archive.place), self._retained)

    def _write_all(self) -> None:
        has_failed = False
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                video, stretch, rows = self._waiting[0]
            try:
                if stretch and rows is not None:
                    self._archive.put(stretch, rows.table(stretch))
                self._archive.put_video(video)
                self._sweep()
            except StzsarError as error:
                if not has_failed:
                    log.warning("%s It is tried again.", error)
                has_failed = True
                with self._changed:
                    if self._closing:
                        return
                    self._changed.wait(_AGAIN_S)
                continue
            if has_failed:
                log.warning("The archive %s is written again.", self._archive.place)
            has_failed = False
            with self._changed:
                if self._waiting and self._waiting[0][0] is video:
                    self._waiting.popleft()


def archived_at(
    place: str,
    bundle: Bundle,
    rate_fps: float,
    *,
    stretch_s: float | None = None,
    patches: int | None = None,
    retained: RetainOptions | None = None,
) -> LiveArchive:
    """Open an archive for a run, as it samples already where that is not said.

    Raises:
        StzsarError: the archive cannot be used, or has frames at another rate.
    """
    from .options import DEFAULT_PATCHES, DEFAULT_STRETCH_S

    there = Archive(place).sampling(bundle.manifest)
    usual = there or Sampling(
        rate_fps=rate_fps, stretch_s=DEFAULT_STRETCH_S, patches=DEFAULT_PATCHES
    )
    own = Sampling(
        rate_fps=rate_fps,
        stretch_s=stretch_s or usual.stretch_s,
        patches=patches or usual.patches,
    )
    return LiveArchive(place, bundle, own, retained=retained)
