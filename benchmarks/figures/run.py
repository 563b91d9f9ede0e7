"""Runs the figures, keeps each in a file of its own, and goes on where it was ended."""

import datetime
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ...runtime.atomic import write_file
from ...runtime.documents import MIB, DocumentError, from_json, read_file
from ...runtime.errors import StzsarError
from ..bench.environment import describe_machine, describe_versions, load_average
from ..tools.processes import call
from ..tools.tables import markdown
from .roster import CLIPS, FIGURES, Figure

_SHOWN = 2000  # characters of what a command said on stderr


@dataclass(frozen=True, kw_only=True)
class Options:
    only: Sequence[str] = ()  # names of figures; empty is all
    output: Path = Path("runs/figures")  # a file for each figure, and summary.md
    clips: Path | None = None  # real clips; figures that need them are left out without
    bundle: Path | None = None  # one of ViT-B/32 that knows people, for stzsar-bench
    quick: bool = False  # whether all commands run; their numbers mean nothing
    again: bool = False  # measures also what was measured on this commit

    def __post_init__(self) -> None:
        known = {figure.name for figure in FIGURES}
        for name in self.only:
            if name not in known:
                raise StzsarError(f"There is no figure {name}: choose from {', '.join(known)}.")

    @property
    def chosen(self) -> tuple[Figure, ...]:
        return tuple(figure for figure in FIGURES if not self.only or figure.name in self.only)

    @property
    def folder(self) -> Path:
        """Where they lie; numbers that mean nothing lie apart."""
        return self.output / "quick" if self.quick else self.output


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a figure."""

    name: str
    command: tuple[str, ...]
    published: str
    commit: str  # "unknown" outside of a checkout
    changed: bool  # whether the checkout had changes that were not committed
    began: str  # UTC, ISO 8601
    seconds: float
    load_average: tuple[float, ...]  # over 1, 5 and 15 minutes before it began
    machine: dict[str, str | int | float]
    versions: dict[str, str]
    exit_code: int
    printed: str  # the table
    said: str  # the end of stderr


Row = tuple[str, str, str, str]  # name, state, when and how long, where it is published


def run(options: Options, on_figure: Callable[[str, str], None]) -> tuple[list[Row], int]:
    """Measure what is missing; return the rows of the summary, and how many figures failed.

    Args:
        options: which figures, and where they are kept.
        on_figure: told the name of a figure and what happens to it.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    for figure in options.chosen:
        lacking = lacks(figure, options)
        if lacking:
            on_figure(figure.name, lacking)
        elif not options.again and is_done(figure, options):
            on_figure(figure.name, "measured on this commit before")
        else:
            on_figure(figure.name, " ".join(command_of(figure, options)))
            found = measure(figure, options)
            write_file(_path(figure, options), msgspec.json.format(msgspec.json.encode(found)))
            ending = "failed" if found.exit_code else "done"
            on_figure(figure.name, f"{ending}, {found.seconds:.0f} s")
            _summarise(options)
    rows = _summarise(options)
    return rows, sum(state.startswith("failed") for _, state, _, _ in rows)


def lacks(figure: Figure, options: Options) -> str:
    """Return why a figure cannot be measured here; nothing if it can."""
    if options.quick and figure.quick:
        return ""
    named = {place: options.clips if place == CLIPS else options.bundle for place in figure.needs}
    missing = [place.strip("{}") for place, path in named.items() if path is None]
    return f"left out: name --{missing[0]}" if missing else ""


def command_of(figure: Figure, options: Options) -> tuple[str, ...]:
    return figure.command(quick=options.quick, clips=options.clips, bundle=options.bundle)


def measure(figure: Figure, options: Options) -> Measured:
    """Run the command of a figure in a process of its own."""
    versions = describe_versions()
    commit, changed = versions.pop("git revision", "unknown"), versions.pop("git state", "")
    load, began = load_average(), datetime.datetime.now(datetime.timezone.utc)
    begun_s = time.monotonic()
    words = command_of(figure, options)
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
        code = call([sys.executable, "-m", *words], stdout=printed, stderr=said)
        texts: list[str] = []
        for file in (printed, said):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return Measured(
        name=figure.name,
        command=words,
        published=figure.published,
        commit=commit,
        changed=changed == "changed since",
        began=began.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun_s, 1),
        load_average=load,
        machine=describe_machine(),
        versions=versions,
        exit_code=code,
        printed=texts[0],
        said=texts[1][-_SHOWN:],
    )


def is_done(figure: Figure, options: Options) -> bool:
    """Whether it was measured by the same command on the commit of now, without a failure."""
    found = kept(figure, options)
    if found is None or found.exit_code or found.command != command_of(figure, options):
        return False
    now = describe_versions()
    is_clean = now.get("git state") == "as committed" and not found.changed
    return (is_clean or options.quick) and found.commit == now.get("git revision", "unknown")


def kept(figure: Figure, options: Options) -> Measured | None:
    try:
        return from_json(read_file(_path(figure, options), 16 * MIB), Measured)
    except (OSError, DocumentError):
        return None


def _path(figure: Figure, options: Options) -> Path:
    return options.folder / f"{figure.name}.json"


def _summarise(options: Options) -> list[Row]:
    """Write summary.md, the figures of earlier runs among it, and return its rows."""
    rows: list[Row] = []
    for figure in options.chosen:
        found = kept(figure, options)
        if found is None:
            rows.append((figure.name, lacks(figure, options) or "to do", "", figure.published))
            continue
        commit = f"{found.commit[:7]}{' with changes' if found.changed else ''}"
        state = f"failed ({found.exit_code})" if found.exit_code else "measured"
        when = f"{found.began[:16]}, {found.seconds:.0f} s, {commit}"
        rows.append((figure.name, state, when, figure.published))
    table = markdown(("figure", "state", "when", "published"), rows)
    write_file(options.folder / "summary.md", table + "\n")
    return rows
