"""The sources of a run and their names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..labels.label_files import LabelSource
from ..labels.rules import LabelRule
from ..schedule import Schedule
from .address import parse_address
from .areas import Mask, Region


@dataclass(frozen=True)
class SourceSpec:
    """One source of a run; None takes the value of the run.

    Attributes:
        uri: what is opened; may hold a password, so it is not printed.
        name: what results call it; contains no password and is unique within a run.
        labels: its labels, or the file of them.
        rate_fps: its sampling rate.
        threshold: its threshold, 0 to 1.
        calibration: its calibration file.
        frame_rate: pictures per second, if it is a folder or a pattern of pictures.
        mask: what of its pictures is nobody's business.
        region: the part of its pictures that is looked at; None is all of them.
        stream: the name of the stream that it is a region of; None if it has no region.
        schedule: when it makes events; None is always.
        rules: of the labels whose events differ, by name.
        verify: folder of the bundle that looks at its events again.
        verify_llm: address of the language model that does.
        verify_labels: only events with these labels; empty is all of them.
    """

    uri: str
    name: str
    labels: LabelSource | None = None
    rate_fps: float | None = None
    threshold: float | None = None
    calibration: Path | None = None
    frame_rate: float | None = None
    mask: Mask | None = None
    region: Region | None = None
    stream: str | None = None
    schedule: Schedule | None = None
    rules: Mapping[str, LabelRule] = field(default_factory=dict, hash=False)
    verify: Path | None = None
    verify_llm: str | None = None
    verify_labels: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What results call the stream; `name` has the region's name too."""
        return self.stream or self.name

    def __repr__(self) -> str:
        return f"SourceSpec({self.name!r})"


def spec_of(source: str | int | Path) -> SourceSpec:
    """Return the specification of one source, as Python names it: a Path is always a file.

    Raises:
        SourceError: no source of this kind can be read.
    """
    if isinstance(source, Path):
        return SourceSpec(str(source.absolute()), str(source))
    return SourceSpec(str(source), parse_address(source).name)


def specs_of(
    uris: Iterable[str], *, taken: Iterable[str] = (), frame_rate: float | None = None
) -> tuple[SourceSpec, ...]:
    """Return a specification for each URI; equal names get numbers.

    Args:
        uris: as typed by the user.
        taken: names of the run's other sources.
        frame_rate: pictures per second of those that are pictures.

    Raises:
        SourceError: no source of this kind can be read.
    """
    names = set(taken)
    specs = []
    for uri in uris:
        name = unique_name(parse_address(uri).name, names)
        names.add(name)
        specs.append(SourceSpec(uri, name, frame_rate=frame_rate))
    return tuple(specs)


def unique_name(name: str, taken: set[str]) -> str:
    """Return `name`, with a number if it is taken."""
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} ({number})"
    return unique
