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
        return float(np.median(self.values))


@dataclass(frozen=True, kw_only=True)
class Mode:
    # Of each stage, milliseconds per decision; None where it does not occur
    stages: Mapping[str, Distribution | None]
    mean_ms: Mapping[str, float]  # all time by decisions; "rest" is our code between stages
    busy: tuple[float, ...]  # share of the time in which the run's thread worked, for each turn
    decisions: int  # in all turns
    seconds: float  # of all turns


@dataclass(frozen=True, kw_only=True)
class Live:
    streams: int  # how many there were
    asked_fps: float  # sum of their sampling rates
    ages: Distribution | None  # milliseconds from a frame's capture to its decision
    due: int  # frames that the rates asked for
    dropped: int  # frames that a newer one replaced
    decisions: int  # in all turns
    share: tuple[float, ...]  # lowest share of the rates that the streams got, for each turn
    seconds: float  # of all turns, with full windows


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident memory in MiB, of the benchmark's own process unless noted."""

    run_peak: float | None  # of `stzsar-run` in its first second of results; None if unknown
    before_load: float  # with Python and the libraries loaded so far
    after_load: float  # before the first decision
    at_end: float  # after all turns
    peak: float  # over the whole run
    slope_mib_per_h: float | None  # growth while streams were watched; None if that was too short
    watched_s: float  # how long that was


@dataclass(frozen=True, kw_only=True)
class Build:
    """An engine build: its time, and peak memory of the process and the GPU where known."""

    seconds: float
    peak_rss_mib: float | None
    peak_gpu_mib: float | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    measures: str  # what its power is the power of
    start: Mapping[str, Any]  # its state before anything was loaded
    end: Mapping[str, Any]  # its state at the end
    idle_w: float | None  # mean power before anything was loaded
    watts: Mapping[str, float]  # mean power in each mode
    joules: Mapping[str, float]  # energy per decision in each mode
    net_joules: Mapping[str, float]  # the same without the idle power
    largest: Mapping[str, float]  # largest of its other quantities in any mode


@dataclass(frozen=True, kw_only=True)
class Record:
    created: str
    command: str
    setup: Mapping[str, Any]  # what the results depend on; `compare` lists its differences
    load_average: Mapping[str, tuple[float, ...]]
    figures: Mapping[str, Figure]  # what `compare` compares
    modes: Mapping[str, Mode]  # "independent" and "streaming"
    live: Live
    memory: Memory
    build: Build | None
    instruments: Mapping[str, Measured]  # their measurements, by name
    absent: Mapping[str, str]  # why other instruments are missing, by name
    parity: Parity | None
    accuracy: Judged | None
    notes: tuple[str, ...]  # what a reader must know, in sentences
    kind: str = KIND
    version: int = VERSION

    def to_json(self) -> str:
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
    """Read the part of a record that can be compared."""
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
