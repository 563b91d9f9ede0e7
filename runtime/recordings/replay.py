"""Replay: recorded states scored again, also against other labels, without any picture.

The same labels give exactly the same numbers: the window graph runs on the recorded states, one
window at a time, as it did live. A subset of the recorded labels is scored from its part of the
states. Any other label requires features: the state graph computes states from them, for all labels
of the run. A recording may hold only some patches, so all labels are compared on the same terms.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.bundle import STATE_GRAPH, WINDOW_GRAPH, Bundle
from ..bundle.manifest import SamplingSpec
from ..callbacks import OnEmbedded
from ..documents import from_json
from ..engines.graph import Graph
from ..engines.opening import open_graph
from ..errors import LabelError, RecordingError
from ..labels.bank import LabelBank
from ..labels.labels import Label, as_labels, identity_of, ignored
from ..labels.names import name_key
from ..results import Recognition
from ..scoring.scorer import WindowScorer
from ..scoring.window import FrameRing, WindowFrame
from ..text.choose_labels import SHOWN_UNKNOWN, as_context, choose_labels, rows_of
from .file_format import BANK, END, FRAMES, STREAM, read_records, unpacked_frames
from .recorder import BREAK, ENCODED, QUIET, identity
from .records import EndRecord, Header, StreamRecord, read_bank, read_header, read_rows
from .states import of_features, of_labels

Array = npt.NDArray[Any]


_StatesOf = Callable[[Mapping[str, Array]], Mapping[str, Array]]


@dataclass
class _Track:
    """One stream that is being replayed; `states_of` turns its frames into the scorer's states."""

    record: StreamRecord
    bank: LabelBank
    scorer: WindowScorer
    states_of: _StatesOf
    sampling: SamplingSpec
    rate_fps: float = math.nan
    said_something: bool = False

    def __post_init__(self) -> None:
        self.ring = FrameRing(self.sampling.frames)

    @property
    def labels(self) -> tuple[Label, ...]:
        """What is scored in it."""
        return self.scorer.labels_in(self.record.place)

    def flush(self) -> None:
        self.ring.flush()
        self.said_something = False


class Replay:
    """A recording that is ready to be replayed; iterate over it for its results.

    Attributes:
        header: what the recording says about itself.
        on_break: called with a source and its region where their window starts again.
        on_end: called with a source and its region where they ended.
    """

    def __init__(
        self,
        path: Path,
        bundle: Bundle,
        labels: Sequence[str | Label] | None = None,
        *,
        ignore: Sequence[str | Label] = (),
        context: Sequence[Label] = (),
        top_k: int = 5,
        threads: int = 0,
        engine: str = "auto",
        trust_engines: bool = False,
        progress: OnEmbedded | None = None,
        shipped_attributes: bool = True,
        seen_bias: float | None = None,
    ) -> None:
        """Open a recording and load the window graph.

        Args:
            path: the recording.
            bundle: the one that it was made with.
            labels: what to score, names or `Label`s; None takes the recorded labels.
            ignore: see `Recognizer.load`.
            context: see `Recognizer.load`.
            top_k: how many labels a result holds at most.
            threads: CPU threads; 0 leaves it to the engine.
            engine: see `open_graph`. The same numbers require the same engine.
            trust_engines: see `open_graph`.
            progress: called with how many texts are embedded, and of how many, if any must be.
            shipped_attributes: see `Recognizer.load`.
            seen_bias: see `Recognizer.load`.

        Raises:
            RecordingError: it is not a recording, is of a newer version, damaged, or another
                bundle's.
            LabelError: a label requires features and the recording has none.
            StzsarError: the labels or the engine cannot be used.
        """
        self.on_break: Callable[[str, str | None], None] = lambda _source, _region: None
        self.on_end: Callable[[str, str | None], None] = lambda _source, _region: None
        self._path, self._bundle = path, bundle
        self._labels = None if labels is None else as_labels(labels)
        self._ignore = ignored(as_labels(ignore)) if ignore else ()
        self._context = tuple(context)
        self._top_k, self._threads, self._seen_bias = top_k, threads, seen_bias
        choose = partial(choose_labels, bundle, threads=threads, progress=progress)
        self._as_they_are = not shipped_attributes
        self._choose_bank = partial(
            choose, context=self._context, shipped_attributes=shipped_attributes
        )
        self._records = read_records(path)
        self._banks: list[LabelBank] = []
        self._chosen: dict[int, tuple[LabelBank, _StatesOf]] = {}
        self._scorers: dict[tuple[int, str | None], WindowScorer] = {}
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
        # Refuse here what cannot be replayed, before anything is written anywhere.
        self._read_to_first_stream()

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels of the first stream; none if nothing was recorded."""
        return next((track.labels for track in self._tracks.values()), ())

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
            except ValueError as error:
                raise self._damaged(error) from error

    def _read_to_first_stream(self) -> None:
        """Read up to and with the first stream, which has the first labels."""
        for kind, payload in self._records:
            try:
                self._take(kind, payload)
            except ValueError as error:
                raise self._damaged(error) from error
            if kind == STREAM:
                return

    def _read_header(self) -> Header:
        kind, payload = next(self._records, (b"", b""))
        try:
            header = read_header(kind, payload, self._path)
        except ValueError as error:
            raise self._damaged(error) from error
        self._check_bundle(header)
        return header

    def _check_bundle(self, header: Header) -> None:
        ours, theirs = identity(self._bundle), header.bundle
        for graph in ("frame", "window"):
            if getattr(theirs, graph) != getattr(ours, graph):
                raise RecordingError(
                    f"The recording {self._path} was made with another bundle, "
                    f"{theirs.name!r:.80} (its {graph}.onnx has the sha256 "
                    f"{getattr(theirs, graph)!r:.13}…), than {self._bundle.path}: name that one "
                    "with --bundle."
                )
        manifest = self._bundle.manifest
        longest = manifest.sampling.max_frames
        fits = header.states == manifest.states and header.frames <= longest
        if not fits or header.features not in ((), manifest.features):
            raise self._damaged(ValueError("its header does not fit its bundle"))

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind == BANK:
            self._banks.append(read_bank(payload))
        elif kind == STREAM:
            self._begin(from_json(payload, StreamRecord))
        else:
            raise ValueError(f"there is a record of kind {kind!r}")

    def _begin(self, record: StreamRecord) -> None:
        if record.bank >= len(self._banks):
            raise ValueError("a stream has no labels")
        bank = self._banks[record.bank]
        if record.among is not None and not set(record.among) <= set(bank.names):
            raise ValueError("a stream has labels that its bank lacks")
        sampling = SamplingSpec(
            frames=record.frames or self.header.frames,
            rate_fps=record.rate_fps or self.header.rate_fps,
        )
        if sampling.frames > self._bundle.manifest.sampling.max_frames:
            raise ValueError("a window is too long")
        scorer, states_of = self._score(record)
        track = _Track(record, bank, scorer, states_of, sampling)
        before = self._tracks.get(record.stream)
        if before and before.labels != track.labels:
            self.on_break(record.name, record.region)
        self._tracks[record.stream] = track

    def _score(self, record: StreamRecord) -> tuple[WindowScorer, _StatesOf]:
        """Return how the states of a stream are scored."""
        bank, name, among = record.bank, record.place, record.among
        if bank not in self._chosen:
            self._chosen[bank] = self._choose(self._banks[bank])
        chosen, states_of = self._chosen[bank]
        labels_of: dict[str, list[str]] = {}
        if among is not None and self._labels is None:
            names = [*among, *(label.name for label in self._ignore)]
            labels_of[name] = [own for own in dict.fromkeys(names) if own in chosen.names]
        key = (bank, name if labels_of else None)
        if key not in self._scorers:
            self._scorers[key] = WindowScorer(
                self._bundle,
                chosen,
                window=self._window,
                top_k=self._top_k,
                labels_of=labels_of,
                seen_bias=self._seen_bias,
            )
        return self._scorers[key], states_of

    def _choose(self, recorded: LabelBank) -> tuple[LabelBank, _StatesOf]:
        manifest, stored = self._bundle.manifest, recorded.labels
        row_of = {identity_of(label): row for row, label in enumerate(stored)}
        has_context = all(identity_of(label) in row_of for label in self._context)
        if self._labels is None and not self._ignore and has_context:
            return recorded, dict
        wanted = self._wanted(stored)
        # Recorded labels stay as they are; what is asked for by name alone may have attributes.
        rows = rows_of(wanted, stored, as_they_are=self._as_they_are)
        known = [row for row in rows if row is not None]
        if len(known) == len(rows) and has_context:
            present = {identity_of(stored[row]) for row in known}
            context = [label for label in self._context if identity_of(label) not in present]
            known += [row_of[identity_of(label)] for label in context]
            taken = {label.name for label in wanted}
            states_of = partial(of_labels, np.asarray(known), manifest.label_states)
            return recorded.select(known, [*wanted, *as_context(context, taken)]), states_of
        unknown = [label for label, row in zip(wanted, rows, strict=True) if row is None]
        if manifest.label_states and not self.header.features:
            raise LabelError(self._unknown_message(unknown or self._context))
        bank = self._choose_bank(wanted)
        if not manifest.label_states:
            return bank, dict
        if self._state is None:
            # A small graph that runs once for 16 frames: not worth building an engine for.
            path = self._bundle.path / STATE_GRAPH
            self._state = open_graph(path, threads=self._threads, engine="onnxruntime")
        return bank, partial(of_features, self._state.bind(bank.arrays()), bank)

    def _wanted(self, recorded: Sequence[Label]) -> tuple[Label, ...]:
        """Return the labels that compete: those asked for, or else those recorded."""
        if self._labels is not None:
            return as_labels([*self._labels, *self._ignore])
        keys = {name_key(label.name) for label in self._ignore}
        kept = (
            label
            for label in recorded
            if label.role != "context" and name_key(label.name) not in keys
        )
        return as_labels([*kept, *self._ignore])

    def _frames(self, payload: bytes) -> Iterator[Recognition]:
        stream, arrays = unpacked_frames(payload)
        if stream not in self._tracks:
            raise ValueError("there are frames of no stream")
        track = self._tracks[stream]
        rows = read_rows(arrays, self.header, self._bundle.manifest, track.bank)
        states = track.states_of(rows.values)
        for row, flags in enumerate(rows.flags.tolist()):
            if flags & BREAK:
                track.flush()
                self.on_break(track.record.name, track.record.region)
            state = {name: states[name][row] for name in self.header.states}
            clock = float(rows.clocks_s[row])
            track.ring.push(
                WindowFrame(
                    state,
                    float(rows.times_s[row]),
                    bool(flags & ENCODED),
                    clock=clock if math.isfinite(clock) else None,
                )
            )
            track.rate_fps = float(rows.rates_fps[row])
            if track.ring.full and not flags & QUIET:
                yield self._recognize(track)

    def _end(self, payload: bytes) -> Iterator[Recognition]:
        record = from_json(payload, EndRecord)
        track = self._tracks.pop(record.stream, None)
        if track is None:
            raise ValueError("a stream ends that never began")
        if record.rest and not track.said_something and len(track.ring):
            yield self._recognize(track)
        self.on_end(track.record.name, track.record.region)

    def _recognize(self, track: _Track) -> Recognition:
        track.said_something = True
        record = track.record
        found = track.scorer.recognize(record.place, track.ring, rate_fps=track.rate_fps)
        return replace(found, source=record.name, region=record.region)

    def _unknown_message(self, unknown: Sequence[Label]) -> str:
        names = [repr(label.name) for label in unknown[:SHOWN_UNKNOWN]]
        if len(unknown) > SHOWN_UNKNOWN:
            names.append(f"{len(unknown) - SHOWN_UNKNOWN} more")
        return (
            f"The recording {self._path} holds only the states of its own labels, and not of "
            f"{', '.join(names)} as given: use labels of the recording, or record again with "
            "--record-features."
        )

    def _damaged(self, error: Exception) -> RecordingError:
        why = str(error).rstrip(".")
        return RecordingError(
            f"The recording {self._path} was not written by stzsar, or is damaged: {why}."
        )
