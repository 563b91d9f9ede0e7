"""Which sources a run has, and how each is called."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .address import parse_address


@dataclass(frozen=True)
class SourceSpec:
    """One source of a run.

    Attributes:
        uri: what is opened; may hold a password, and is left out where this is printed.
        name: what results call it; holds no password, and no two of a run are the same.
        labels: its own label file; None has those of the run.
        rate_fps: its own sampling rate; None has that of the run.
        threshold: its own threshold, 0 to 1; None has that of the run.
        calibration: its own calibration file; None has that of the run.
    """

    uri: str
    name: str
    labels: Path | None = None
    rate_fps: float | None = None
    threshold: float | None = None
    calibration: Path | None = None

    def __repr__(self) -> str:
        return f"SourceSpec({self.name!r})"


def spec_of(source: str | int | Path) -> SourceSpec:
    """Return the specification of one source, as Python names it: a path is always a file.

    Raises:
        SourceError: it is of no kind that is read.
    """
    if isinstance(source, Path):
        return SourceSpec(str(source.absolute()), str(source))
    return SourceSpec(str(source), parse_address(source).name)


def specs_of(uris: Iterable[str], *, taken: Iterable[str] = ()) -> tuple[SourceSpec, ...]:
    """Return a specification for each URI; those that would have one name are numbered.

    Args:
        uris: what people typed.
        taken: names that other sources of the run have.

    Raises:
        SourceError: a URI is of no kind that is read.
    """
    names = set(taken)
    specs = []
    for uri in uris:
        name = unique_name(parse_address(uri).name, names)
        names.add(name)
        specs.append(SourceSpec(uri, name))
    return tuple(specs)


def unique_name(name: str, taken: set[str]) -> str:
    """Return `name`, with a number if it is taken."""
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} ({number})"
    return unique
