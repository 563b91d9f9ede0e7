"""Records the frame states of a run, with their times, to be scored again later."""

import datetime
import io
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle
from ..bundle.manifest import FEATURES_SINCE, PATCH_EMBEDDINGS, Manifest, SamplingSpec
from ..errors import BundleError
from ..labels.bank import LabelBank
from ..scoring.explain import unit
from .file_format import (
    BANK,
    END,
    HEADER,
    MAGIC,
    STREAM,
    VERSION,
    packed,
    packed_frames,
    packed_json,
)
from .records import CLOCK, FLAGS, RATE, TIMES, BundleIdentity
from .writer import RecordWriter

# Flags of a frame: it starts a new window; it gave no result; it was encoded.
BREAK, QUIET, ENCODED = 1, 2, 4
DEFAULT_PATCHES = 16
# A part is written when it has so many frames or lasts so long: a kill loses no more than that.
_PART_FRAMES, _PART_S = 16, 4.0

Array = npt.NDArray[Any]

log = logging.getLogger(__name__)


@dataclass
class _Track:
    """One stream that is being recorded."""

    number: int
    source: str
    region: str | None
    bank: int
    sampling: SamplingSpec
    among: tuple[str, ...] | None = None
    rows: list[dict[str, Array]] = field(default_factory=list)
    first_s: float = 0.0
    broken: bool = True


class Recorder:
    """Writes a recording.

    Call all methods from one thread. None of them waits for the disk: another thread writes from a
    bounded queue. Frames that do not fit are dropped and counted, and no window spans them.

    Attributes:
        dropped: frames that were dropped so far.
        feature_names: the recorded features, which `add` expects beside the states.
    """

    def __init__(
        self,
        path: Path,
        bundle: Bundle,
        bank: LabelBank,
        *,
        frames: int | None = None,
        rate_fps: float | None = None,
        features: bool = False,
        patches: int | None = DEFAULT_PATCHES,
        patient: bool = False,
    ) -> None:
        """Open the file `path`, and empty it.

        Args:
            path: the recording.
            bundle: the bundle that encodes.
            bank: the labels that states are for; see `use_labels`.
            frames: of a window; the bundle's if None.
            rate_fps: sampled frames per second; the bundle's if None.
            features: whether to record what scoring other labels requires.
            patches: how many patches of a frame to record, the most different ones; None is all.
            patient: on a full disk, leave frames out until there is room.

        Raises:
            RecordingError: the file cannot be written.
            BundleError: the bundle has no features to record.
        """
        manifest = bundle.manifest
        if features and manifest.label_states and not manifest.features:
            raise BundleError(
                f"The bundle {bundle.path} gives no features to record, as bundles did before "
                f"format {FEATURES_SINCE}: export it again, or record its states alone."
            )
        self.dropped = 0
        self.feature_names = manifest.features if features else ()
        self._states = manifest.states
        self._patches = patches
        self._tracks: dict[str, _Track] = {}
        self._streams = 0
        self._banks: dict[int, LabelBank] = {}
        self._bank_count = 0
        self._usual_bank = bank
        self._sampling = SamplingSpec(
            frames=frames or manifest.sampling.frames,
            rate_fps=rate_fps or manifest.sampling.rate_fps,
        )
        self._writer = RecordWriter(path, patient=patient)
        document = {
            "version": VERSION,
            "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "bundle": msgspec.to_builtins(identity(bundle)),
            "frames": self._sampling.frames,
            "rate_fps": self._sampling.rate_fps,
            "states": manifest.states,
            "features": self.feature_names,
        }
        self._writer.put(MAGIC + packed_json(HEADER, document), droppable=False)

    def add(
        self,
        stream: str,
        states: Mapping[str, Array],
        time_s: float,
        *,
        clock: float | None = None,
        rate_fps: float | None = None,
        encoded: bool = True,
        quiet: bool = False,
    ) -> None:
        """Record a frame.

        Args:
            stream: the name of its source.
            states: of that frame alone, [...] each; with the features if they are recorded.
            time_s: its time in the source.
            clock: when it was captured, in seconds since 1970; None for a file.
            rate_fps: current frames per second; the stream's usual rate if None.
            encoded: whether it was encoded; False if it looked like the one before.
            quiet: whether it gives no result although the window may be full, like the frames of
                a window that is encoded again for other labels.

        Raises:
            RecordingError: an earlier record could not be written.
        """
        track = self._track(stream)
        flags = (BREAK * track.broken) | (QUIET * quiet) | (ENCODED * encoded)
        row = {
            TIMES: np.float64(time_s),
            CLOCK: np.float64(math.nan if clock is None else clock),
            RATE: np.float64(rate_fps or track.sampling.rate_fps),
            FLAGS: np.uint8(flags),
            **{name: np.asarray(states[name], np.float32) for name in self._states},
            **{name: self._kept(name, states[name]) for name in self.feature_names},
        }
        if not track.rows:
            track.first_s = time_s
        track.rows.append({name: np.array(value) for name, value in row.items()})
        track.broken = False
        if len(track.rows) >= _PART_FRAMES or abs(time_s - track.first_s) >= _PART_S:
            self._write_rows(track)

    def flush_window(self, stream: str) -> None:
        """End the window here, as `FrameRing.flush` does."""
        if stream in self._tracks:
            self._tracks[stream].broken = True

    def begin_stream(
        self,
        stream: str,
        sampling: SamplingSpec,
        bank: LabelBank,
        among: Sequence[str] | None = None,
        *,
        source: str | None = None,
        region: str | None = None,
    ) -> None:
        """Begin a stream that is not as the run says, before its first frame.

        Args:
            stream: its name in this recorder; no other has it.
            sampling: how it is sampled.
            bank: the labels that its states are for.
            among: names its labels, if it has fewer than the bank.
            source: what results call it; `stream` if None.
            region: the part of the picture that it is; None is all of it.
        """
        self._usual_bank = bank
        track = self._new_track(stream, sampling)
        track.source, track.region = source or stream, region
        track.among = None if among is None else tuple(among)
        self._write_stream(track)

    def use_labels(self, stream: str, bank: LabelBank, among: Sequence[str] | None = None) -> None:
        """Change the labels that a stream's states are for.

        This flushes its window. Add frames of it that were encoded again as `quiet`.
        """
        track = self._track(stream)
        self._write_rows(track)
        track.bank, track.broken = self._bank_number(bank), True
        track.among = None if among is None else tuple(among)
        self._write_stream(track)

    def end_stream(self, stream: str, *, rest: bool = True) -> None:
        """End a stream; another of the same name may begin later.

        With `rest`, a window that never filled gives a result, as `Stream.finish` does.
        """
        track = self._tracks.pop(stream, None)
        if track:
            self._write_rows(track)
            self._writer.put(
                packed_json(END, {"stream": track.number, "rest": rest}), droppable=False
            )

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what is pending, for `timeout_s` seconds at most, and close the file.

        Streams that have not ended stay open: a replay gives no last result for them.

        Returns:
            whether its end is written; on a full disk, a patient recorder leaves it out.

        Raises:
            RecordingError: not everything could be written.
        """
        try:
            for track in self._tracks.values():
                self._write_rows(track)
        finally:
            is_whole = self._writer.close(timeout_s)
            if self.dropped:
                log.warning("%d frames are not in the recording.", self.dropped)
        return is_whole

    def _track(self, name: str) -> _Track:
        if name not in self._tracks:
            self._write_stream(self._new_track(name, self._sampling))
        return self._tracks[name]

    def _new_track(self, name: str, sampling: SamplingSpec) -> _Track:
        bank = self._bank_number(self._usual_bank)
        track = _Track(self._streams, name, None, bank, sampling)
        self._streams += 1
        self._tracks[name] = track
        return track

    def _write_stream(self, track: _Track) -> None:
        document = {
            "stream": track.number,
            "name": track.source,
            "region": track.region,
            "bank": track.bank,
            "frames": track.sampling.frames,
            "rate_fps": track.sampling.rate_fps,
            "among": track.among,
        }
        self._writer.put(packed_json(STREAM, document), droppable=False)

    def _bank_number(self, bank: LabelBank) -> int:
        """Return the number of a bank, which is written when it is first met."""
        for number, known in self._banks.items():
            if known is bank:
                return number
        # Forget banks that no stream uses any more: banks of many labels are large.
        used = {track.bank for track in self._tracks.values()}
        self._banks = {number: known for number, known in self._banks.items() if number in used}
        file = io.BytesIO()
        bank.save(file)
        self._writer.put(packed(BANK, file.getvalue()), droppable=False)
        number = self._bank_count
        self._bank_count += 1
        self._banks[number] = bank
        self._usual_bank = bank
        return number

    def _write_rows(self, track: _Track) -> None:
        if not track.rows:
            return
        arrays = {name: np.stack([row[name] for row in track.rows]) for name in track.rows[0]}
        if not self._writer.put(packed_frames(track.number, arrays), droppable=True):
            if not self.dropped:
                log.warning("The recording's disk is too slow: the recording skips frames.")
            self.dropped += len(track.rows)
            track.broken = True
        track.rows.clear()

    def _kept(self, name: str, feature: Array) -> Array:
        """Return a feature as it is recorded."""
        if name != PATCH_EMBEDDINGS:
            return np.asarray(feature, np.float32)
        return kept_patches(feature, self._patches)


def identity(bundle: Bundle) -> BundleIdentity:
    """Return what identifies the numbers of a bundle."""
    return identity_of(bundle.manifest)


def identity_of(manifest: Manifest) -> BundleIdentity:
    """Return what identifies the numbers of the bundle of a manifest."""
    return BundleIdentity(manifest.name, manifest.files[FRAME_GRAPH], manifest.files[WINDOW_GRAPH])


def kept_patches(patches_pd: Array, count: int | None) -> Array:
    """Return the `count` most different patches of [P, D], all if None, at unit length, in fp16.

    Only their directions count, so unit length loses nothing, and it fits into fp16.
    """
    chosen = patches_pd if count is None else most_different(patches_pd, count)
    return unit(chosen).astype(np.float16)


def most_different(patches_pd: Array, count: int) -> Array:
    """Return the `count` most different patches [p, D] of [P, D], in their order.

    The first is the one least like their mean; each next is the one whose best cosine with those
    chosen is the smallest. A patch that is left out has a chosen one nearby, so the largest cosine
    over patches, which is what the method uses, hardly falls. Of the shipped bundle's 16 patches,
    4 chosen ones keep every best label of the sample clip, with scores within 0.012 (`python -m
    stzsar.benchmarks.recordings`); 4 means over areas of 2 x 2 kept 40 % of them.
    """
    if len(patches_pd) <= count:
        return patches_pd
    directions = unit(patches_pd)
    nearest = directions @ unit(directions.mean(0))
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(int(nearest.argmin()))
        cosines = directions @ directions[chosen[-1]]
        nearest = cosines if len(chosen) == 1 else np.maximum(nearest, cosines)
        nearest[chosen] = np.inf
    return patches_pd[sorted(chosen)]
