"""The record of a benchmark: everything that it measured, and everything that it depends on."""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...runtime.errors import StzsarError
from .accuracy import Accuracy, Parity
from .percentiles import Distribution, median

VERSION = 1
KIND = "stzsar-bench"

Better = Literal["more", "less"]


@dataclass(frozen=True)
class Figure:
    """One result, of each turn.

    Attributes:
        unit: what it is counted in.
        better: whether more of it is better, or less.
        values: one for each turn in which it was measured, in their order.
    """

    unit: str
    better: Better
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of all turns."""
        return median(self.values)


@dataclass(frozen=True, kw_only=True)
class Mode:
    """How the time of a mode's decisions is spent.

    Attributes:
        stages: of each stage, milliseconds a decision; None where it does not occur.
        mean_ms: all time of a stage divided by the decisions; "rest" is our code between stages.
        busy: the part of the time in which the run's thread worked, in each turn.
        decisions: in all turns.
        seconds: of all turns.
    """

    stages: Mapping[str, Distribution | None]
    mean_ms: Mapping[str, float]
    busy: tuple[float, ...]
    decisions: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Live:
    """What streams in real time did.

    Attributes:
        streams: how many there were.
        asked_fps: what all of them asked for.
        ages: milliseconds from a frame's capture to its decision.
        due: frames that were asked for.
        dropped: those that a newer one replaced.
        decisions: windows that were decided on.
        share: the least part of the rates that the streams had, in each turn.
        seconds: of all turns, with full windows.
    """

    streams: int
    asked_fps: float
    ages: Distribution | None
    due: int
    dropped: int
    decisions: int
    share: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident memory in MiB, of the benchmark's process where nothing else is said.

    Attributes:
        run_peak: the most that `stzsar-run` itself had in its first second of results; None where
            the system does not tell.
        before_load: with Python and the libraries that are loaded by then.
        after_load: before the first decision.
        at_end: after all turns.
        peak: the most that it ever was.
        slope_mib_per_h: growth while streams were watched; None if that was too short.
        watched_s: how long that was.
    """

    run_peak: float | None
    before_load: float
    after_load: float
    at_end: float
    peak: float
    slope_mib_per_h: float | None
    watched_s: float


@dataclass(frozen=True, kw_only=True)
class Build:
    """The building of engines.

    Attributes:
        seconds: how long it took.
        peak_rss_mib: most memory of the process meanwhile.
        peak_gpu_mib: most memory of the GPU meanwhile; None where nothing tells.
    """

    seconds: float
    peak_rss_mib: float | None
    peak_gpu_mib: float | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one instrument saw.

    Attributes:
        measures: whose power it measures.
        start: its state before anything was loaded.
        end: its state at the end.
        idle_w: mean power before anything was loaded.
        watts: mean power in each mode.
        joules: energy of a decision in each mode: power times time, divided by the decisions.
        net_joules: the same without the idle power.
        largest: the largest of its other quantities in any mode.
    """

    measures: str
    start: Mapping[str, Any]
    end: Mapping[str, Any]
    idle_w: float | None
    watts: Mapping[str, float]
    joules: Mapping[str, float]
    net_joules: Mapping[str, float]
    largest: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Record:
    """All of it.

    Attributes:
        setup: what the results depend on, by name; `compare` says what differs in it.
        figures: what is compared, by name; a live age is the time from capture to decision.
        modes: "independent" and "streaming".
        instruments: what they saw, by name.
        absent: why other instruments are not there, by name.
        notes: what a reader must know, in sentences.
    """

    created: str
    command: str
    setup: Mapping[str, Any]
    load_average: Mapping[str, tuple[float, ...]]
    figures: Mapping[str, Figure]
    modes: Mapping[str, Mode]
    live: Live
    memory: Memory
    build: Build | None
    instruments: Mapping[str, Measured]
    absent: Mapping[str, str]
    parity: Parity | None
    accuracy: Accuracy | None
    notes: tuple[str, ...]
    kind: str = KIND
    version: int = VERSION

    def to_json(self) -> str:
        """Return it as JSON."""
        document = dataclasses.asdict(self)
        return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True)
class Comparable:
    """What of a record can be compared.

    Attributes:
        setup: what its results depend on, by name.
        figures: its results, by name.
    """

    setup: Mapping[str, Any]
    figures: Mapping[str, Figure]


def read_comparable(path: Path) -> Comparable:
    """Read what can be compared of a record.

    Raises:
        StzsarError: the file cannot be read, is no record, or one of another version.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StzsarError(f"Cannot read the record {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise StzsarError(f"{path} is not JSON: name what stzsar-bench --json wrote.") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise StzsarError(f"{path} is no record of stzsar-bench: name what its --json wrote.")
    if document.get("version") != VERSION:
        raise StzsarError(
            f"{path} is a record of version {document.get('version')!r:.20} and this stzsar-bench "
            f"compares version {VERSION}: measure again with one stzsar."
        )
    try:
        figures = {str(name): _figure(told) for name, told in document["figures"].items()}
        setup = dict(document["setup"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StzsarError(f"{path} is a damaged record ({error!r:.80}): measure again.") from error
    return Comparable(setup, figures)


def _figure(told: Any) -> Figure:
    if not isinstance(told["values"], list):
        raise ValueError("a figure's values are no list")
    values = tuple(float(value) for value in told["values"])
    if not values or not all(map(math.isfinite, values)) or told["better"] not in ("more", "less"):
        raise ValueError("a figure has no values, or some that are no numbers")
    return Figure(str(told["unit"]), told["better"], values)
