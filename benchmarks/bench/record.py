"""The record of a benchmark: everything that it measured, and everything that it depends on."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from ...runtime.documents import MIB, read_file
from ...runtime.errors import StzsarError
from .accuracy import Judged, Parity
from .percentiles import Distribution

VERSION = 1  # of the record's fields: raise it when one changes
KIND = "stzsar-bench"
MAX_BYTES = 64 * MIB

Better = Literal["more", "less"]


@dataclass(frozen=True)
class Figure:
    """One result: its unit, whether more or less is better, and a value for each turn."""

    unit: str
    better: Better
    values: Annotated[tuple[float, ...], msgspec.Meta(min_length=1)]

    @property
    def median(self) -> float:
        """The median over the turns."""
        return float(np.median(self.values))


@dataclass(frozen=True, kw_only=True)
class Mode:
    """How one mode spends its time.

    Attributes:
        stages: of each stage, milliseconds per decision; None where it does not occur.
        mean_ms: all time of a stage divided by the decisions; "rest" is our code between stages.
        busy: share of the time in which the run's thread worked, for each turn.
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
    """Streams in real time.

    Attributes:
        streams: how many there were.
        asked_fps: sum of their sampling rates.
        ages: milliseconds from a frame's capture to its decision.
        due: frames that the rates asked for.
        dropped: frames that a newer one replaced.
        decisions: in all turns.
        share: lowest share of the rates that the streams got, for each turn.
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
    """Resident memory in MiB, of the benchmark's own process unless noted.

    Attributes:
        run_peak: peak of `stzsar-run` within its first second of results; None where the system
            does not tell.
        before_load: with Python and the libraries loaded so far.
        after_load: before the first decision.
        at_end: after all turns.
        peak: over the whole run.
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
    """An engine build: its time, and peak memory of the process and the GPU where known."""

    seconds: float
    peak_rss_mib: float | None
    peak_gpu_mib: float | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one instrument measured.

    Attributes:
        measures: what its power is the power of.
        start: its state before anything was loaded.
        end: its state at the end.
        idle_w: mean power before anything was loaded.
        watts: mean power in each mode.
        joules: energy per decision in each mode.
        net_joules: the same without the idle power.
        largest: largest of its other quantities in any mode.
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
        setup: what the results depend on; `compare` lists its differences.
        figures: what `compare` compares.
        modes: "independent" and "streaming".
        instruments: their measurements, by name.
        absent: why other instruments are missing, by name.
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
    accuracy: Judged | None
    notes: tuple[str, ...]
    kind: str = KIND
    version: int = VERSION

    def to_json(self) -> str:
        """Return it as JSON."""
        document = dataclasses.asdict(self)
        return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


class _Header(msgspec.Struct):
    kind: Any = None
    version: Any = None


class Comparable(msgspec.Struct, frozen=True):
    """The part of a record that can be compared: its set-up and its figures."""

    setup: dict[str, Any]
    figures: dict[str, Figure]


def read_comparable(path: Path) -> Comparable:
    """Read the part of a record that can be compared.

    Raises:
        StzsarError: the file cannot be read, is not a record, or has another version.
    """
    try:
        text = read_file(path, MAX_BYTES)
        header = msgspec.json.decode(text, type=_Header)
        if header.kind != KIND:
            raise StzsarError(f"{path} is not a record of stzsar-bench: name one made with --json.")
        if header.version != VERSION:
            raise StzsarError(
                f"{path} is a record of version {header.version!r:.20}, and this stzsar-bench "
                f"compares version {VERSION}: measure again with one version of stzsar."
            )
        return msgspec.json.decode(text, type=Comparable)
    except OSError as error:
        raise StzsarError(f"Cannot read the record {path}: {error.strerror}.") from error
    except msgspec.ValidationError as error:
        raise StzsarError(
            f"{path} is a corrupt record ({error!s:.80}): name one made with --json."
        ) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise StzsarError(f"{path} is not JSON: name a record made with --json.") from error
