"""Replay: what was recorded, scored again; against other labels too, and without any picture.

The same labels give the very same numbers: the window graph is run on the recorded states, one
window at a time, as it was when they were new. Some of the recorded labels are scored from their
own part of the states. Any other label takes features: the state graph makes the states of them,
for all labels of the run. A recording need not hold all patches, and so all labels are compared on
the same terms.
"""

import dataclasses
import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.bundle import STATE_GRAPH, WINDOW_GRAPH, Bundle
from ..bundle.manifest import MAX_RATE_FPS, PATCH_EMBEDDINGS, SamplingSpec
from ..callbacks import OnEmbedded
from ..engines.graph import BoundGraph, Graph
from ..engines.opening import open_graph
from ..errors import LabelError, RecordingError
from ..labels.bank import LabelBank
from ..labels.labels import Label, LabelsOf, as_labels
from ..results import Recognition
from ..scoring.scorer import WindowScorer, frames_at_once
from ..scoring.window import FrameRing, WindowFrame
from ..text.choose_labels import SHOWN_UNKNOWN, choose_labels, rows_of
from .file_format import BANK, END, FRAMES, STREAM, number, read_json, read_records, unpacked_frames
from .recorder import BREAK, CLOCK, ENCODED, FLAGS, QUIET, RATE, TIMES, identity
from .records import Header, check_frames, read_bank, read_header

Array = npt.NDArray[Any]
_MAX_NAME = 4096


@dataclass(frozen=True)
class _Scored:
    """Labels as they are scored, and how recorded frames become their states."""

    scorer: WindowScorer
    states_of: Callable[[Mapping[str, Array]], Mapping[str, Array]]


@dataclass
class _Track:
    """One stream that is being replayed."""

    name: str
    scored: _Scored
    sampling: SamplingSpec
    clock: float = math.nan
    rate_fps: float = math.nan
    said_something: bool = False

    def __post_init__(self) -> None:
        self.ring = FrameRing(self.sampling.frames)

    @property
    def labels(self) -> tuple[Label, ...]:
        """What competes in it."""
        return self.scored.scorer.labels_in(self.name)

    def flush(self) -> None:
        self.ring.flush()
        self.said_something = False


class Replay:
    """A recording that is ready to be replayed; iterate over it for its results.

    Attributes:
        header: what the recording says of itself.
        on_break: called with a source's name where its window begins anew.
        on_end: called with a source's name where it ended.
    """

    def __init__(
        self,
        path: Path,
        bundle: Bundle,
        labels: Sequence[str | Label] | None = None,
        *,
        top_k: int = 5,
        threads: int = 0,
        engine: str = "auto",
        trust_engines: bool = False,
        progress: OnEmbedded | None = None,
        shipped_attributes: bool = True,
    ) -> None:
        """Open a recording and load the window graph.

        Args:
            path: the recording.
            bundle: the one that it was made with.
            labels: what to score, names or `Label`s; None takes those that were recorded.
            top_k: how many labels a result holds at most.
            threads: CPU threads; 0 leaves it to the engine.
            engine: see `engine.open_graph`. The same numbers take the same engine.
            trust_engines: see `engine.open_graph`.
            progress: called with how many texts are embedded, and of how many, if any must be.
            shipped_attributes: see `Recognizer.load`.

        Raises:
            RecordingError: it is no recording, of a newer version, damaged, or another bundle's.
            LabelError: labels are wanted that only features could score, and there are none.
            StzsarError: the labels or the engine cannot be used.
        """
        self.on_break: Callable[[str], None] = lambda _source: None
        self.on_end: Callable[[str], None] = lambda _source: None
        self._path, self._bundle = path, bundle
        self._labels = None if labels is None else as_labels(labels)
        self._top_k, self._threads = top_k, threads
        choose = partial(choose_labels, bundle, threads=threads, progress=progress)
        self._choose_bank = partial(choose, shipped_attributes=shipped_attributes)
        self._records = read_records(path)
        self._banks: list[LabelBank] = []
        self._scored: dict[int, _Scored] = {}
        self._tracks: dict[int, _Track] = {}
        self.header = self._read_header()
        self._window = open_graph(
            bundle.path / WINDOW_GRAPH,
            threads=threads,
            engine=engine,
            constants=bundle.bank.arrays(),
            trust_engines=trust_engines,
        )
        self._state: Graph | None = None
        # What cannot be replayed is to be said here, before anything is written anywhere.
        self._read_to_first_stream()

    @property
    def labels(self) -> tuple[Label, ...]:
        """What is scored in the first stream; nothing if nothing was recorded."""
        return next((track.scored.scorer.labels for track in self._tracks.values()), ())

    def __iter__(self) -> Iterator[Recognition]:
        """Yield the results, those of each stream in their order; once.

        Raises:
            RecordingError: the recording is damaged; what comes before has been yielded.
            EngineError: a graph fails.
        """
        for kind, payload in self._records:
            try:
                if kind == FRAMES:
                    yield from self._frames(payload)
                elif kind == END:
                    yield from self._end(payload)
                else:
                    self._take(kind, payload)
            except (ValueError, TypeError, KeyError) as error:
                raise self._damaged(error) from error

    def _read_to_first_stream(self) -> None:
        """Read up to and with the first stream, which has the first labels."""
        for kind, payload in self._records:
            try:
                self._take(kind, payload)
            except (ValueError, TypeError, KeyError) as error:
                raise self._damaged(error) from error
            if kind == STREAM:
                return

    def _read_header(self) -> Header:
        kind, payload = next(self._records, (b"", b""))
        try:
            header = read_header(kind, payload, self._path)
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged(error) from error
        self._check_bundle(header)
        return header

    def _check_bundle(self, header: Header) -> None:
        ours = identity(self._bundle)
        for graph in ("frame", "window"):
            if header.bundle[graph] != ours[graph]:
                raise RecordingError(
                    f"The recording {self._path} was made with another bundle, "
                    f"{header.bundle['name']!r:.80} (its {graph}.onnx has the sha256 "
                    f"{header.bundle[graph]:.12}…), than {self._bundle.path}: name that one with "
                    "--bundle."
                )
        manifest = self._bundle.manifest
        longest = manifest.sampling.max_frames
        fits = header.states == manifest.states and 1 <= header.frames <= longest
        fits = fits and 0 < header.rate_fps <= MAX_RATE_FPS
        if not fits or header.features not in ((), manifest.features):
            raise self._damaged(ValueError("its header does not fit its bundle"))

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind == BANK:
            self._banks.append(read_bank(payload))
        elif kind == STREAM:
            document = read_json(payload)
            name, bank = document["name"], number(document["bank"])
            if not isinstance(name, str) or len(name) > _MAX_NAME or bank >= len(self._banks):
                raise ValueError("a stream without a name or labels")
            among = document.get("among")
            if among is not None:
                among = tuple(map(str, among))
                if not among or not set(among) <= set(self._banks[bank].names):
                    raise ValueError("a stream with labels that it does not have")
            sampling = SamplingSpec(
                frames=document.get("frames", self.header.frames),
                rate_fps=document.get("rate_fps", self.header.rate_fps),
            )
            if sampling.frames > self._bundle.manifest.sampling.max_frames:
                raise ValueError("a window that is too long")
            if any(unicodedata.category(character) == "Cc" for character in name):
                raise ValueError("a stream whose name has control characters")
            track = _Track(name, self._score(bank, name, among), sampling)
            before = self._tracks.get(number(document["stream"]))
            if before and before.labels != track.labels:
                self.on_break(name)
            self._tracks[number(document["stream"])] = track
        else:
            raise ValueError(f"there is a record of kind {kind!r}")

    def _score(self, bank: int, name: str, among: tuple[str, ...] | None) -> _Scored:
        """Return how the states for a recorded bank are scored, in a source with these labels."""
        if among is not None and self._labels is None:
            scorer = self._scorer(self._banks[bank], {name: among})
            return _Scored(scorer, dict)
        if bank not in self._scored:
            self._scored[bank] = self._choose(self._banks[bank])
        return self._scored[bank]

    def _choose(self, recorded: LabelBank) -> _Scored:
        manifest = self._bundle.manifest
        if self._labels is None:
            return _Scored(self._scorer(recorded), dict)
        rows = rows_of(self._labels, recorded.labels)
        known = [row for row in rows if row is not None]
        if len(known) == len(rows):
            states_of = partial(_of_labels, np.asarray(known), manifest.label_states)
            names = [label.name for label in self._labels]
            return _Scored(self._scorer(recorded.select(known, names)), states_of)
        unknown = [label for label, row in zip(self._labels, rows, strict=True) if row is None]
        if manifest.label_states and not self.header.features:
            raise LabelError(self._unknown_message(unknown))
        bank = self._choose_bank(self._labels)
        if not manifest.label_states:
            return _Scored(self._scorer(bank), dict)
        if self._state is None:
            # A small graph that runs once for 16 frames: no engine is worth being built for it.
            path = self._bundle.path / STATE_GRAPH
            self._state = open_graph(path, threads=self._threads, engine="onnxruntime")
        return _Scored(
            self._scorer(bank), partial(_of_features, self._state.bind(bank.arrays()), bank)
        )

    def _scorer(self, bank: LabelBank, labels_of: LabelsOf | None = None) -> WindowScorer:
        return WindowScorer(
            self._bundle, bank, window=self._window, top_k=self._top_k, labels_of=labels_of
        )

    def _frames(self, payload: bytes) -> Iterator[Recognition]:
        stream, arrays = unpacked_frames(payload)
        if stream not in self._tracks:
            raise ValueError("there are frames of no stream")
        track = self._tracks[stream]
        times, clocks, rates, flags = (arrays.pop(name) for name in (TIMES, CLOCK, RATE, FLAGS))
        count = check_frames(arrays, (times, clocks, rates, flags), self.header)
        wanted = {name: np.asarray(value, np.float32) for name, value in arrays.items()}
        states = track.scored.states_of(wanted)
        for row in range(count):
            if flags[row] & BREAK:
                track.flush()
                self.on_break(track.name)
            state = {name: states[name][row] for name in self.header.states}
            was_encoded = bool(flags[row] & ENCODED)
            track.ring.push(WindowFrame(state, float(times[row]), was_encoded))
            track.clock, track.rate_fps = float(clocks[row]), float(rates[row])
            if track.ring.full and not flags[row] & QUIET:
                yield self._recognize(track)

    def _end(self, payload: bytes) -> Iterator[Recognition]:
        document = read_json(payload)
        track = self._tracks.pop(number(document["stream"]))
        if document["rest"] is True and not track.said_something and len(track.ring):
            yield self._recognize(track)
        self.on_end(track.name)

    def _recognize(self, track: _Track) -> Recognition:
        track.said_something = True
        ring = track.ring
        found = track.scored.scorer.recognize(track.name, ring.stacked(), ring.start_s, ring.end_s)
        return dataclasses.replace(
            found,
            gap_s=ring.gap_s,
            encoded=ring.encoded,
            rate_fps=track.rate_fps,
            time=track.clock if math.isfinite(track.clock) else None,
        )

    def _unknown_message(self, unknown: Sequence[Label]) -> str:
        names = [repr(label.name) for label in unknown[:SHOWN_UNKNOWN]]
        if len(unknown) > SHOWN_UNKNOWN:
            names.append(f"{len(unknown) - SHOWN_UNKNOWN} more")
        return (
            f"The recording {self._path} holds the states of its own labels alone, and not of "
            f"{', '.join(names)} as given: take labels of the recording, or record again with "
            "--record-features."
        )

    def _damaged(self, error: Exception) -> RecordingError:
        why = str(error).rstrip(".") or type(error).__name__
        return RecordingError(
            f"The recording {self._path} is not one that stzsar wrote, or is damaged: {why}."
        )


def _of_features(
    graph: BoundGraph, bank: LabelBank, frames: Mapping[str, Array]
) -> Mapping[str, Array]:
    """Return frames with the states that the state graph makes of their features, in parts."""
    patches = frames[PATCH_EMBEDDINGS].shape[1] if PATCH_EMBEDDINGS in frames else 0
    step, count = frames_at_once(bank, patches), len(next(iter(frames.values())))
    parts = [
        graph({name: value[start : start + step] for name, value in frames.items()})
        for start in range(0, count, step)
    ]
    made = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {**frames, **made}


def _of_labels(
    rows: Array, label_states: Sequence[str], frames: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the states of some of the labels."""
    return {
        name: np.ascontiguousarray(value[:, rows]) if name in label_states else value
        for name, value in frames.items()
    }
