"""`streams.toml`: streams with names, labels and thresholds of their own.

    [[stream]]
    name = "hall"
    source = "rtsp://me:${HALL_PASSWORD}@hall.example/stream"
    labels = "hall.txt"            # relative to this file, like calibration and a file as source;
                                   # or ["archery", "waving a hand"]
    threshold = 0.6
    calibration = "hall.json"
    rate = 8
    mask = [[0.0, 0.0, 0.3, 0.08], [[0.8, 0.1], [1, 0.1], [1, 0.5]]]  # boxes and polygons are black

    verify = "runs/ViT-L-14"       # looks at events before they are told; or verify_llm = "http://…"
    verify_labels = ["archery"]    # only at these

    [[stream.region]]              # only what is in a region is looked at
    name = "door"
    box = [0.6, 0.2, 0.9, 0.95]    # or polygon = [[0.6, 0.2], ...]; shares of the picture
    labels = "door.txt"            # like threshold, calibration and rate: else the stream's

    [[stream]]
    name = "till"
    source = "pictures/"           # the pictures of a clip, 25 a second unless this is said:
    frame-rate = 10

`schedule = "night"` in a [[stream]] names a [[schedule]], see `schedule.py`; `labels/rules.py` has
[[rule]], `receivers/sinks_file.py` has [[sink]].

Only `name` and `source` are required. `${NAME}` stands for a variable of the environment, inserted
as it is: percent-encode there what an address does not take, such as `@` or `/` in a password.
"""

import glob
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from ..documents import MIB, DocumentError, convert_table, from_toml, read_file
from ..errors import LabelError, SourceError
from ..labels.label_files import LabelSource, label_source
from ..labels.labels import MAX_LABELS
from ..labels.rules import LabelRules
from ..schedule import Schedule, named_schedule, read_schedules
from ..video.pictures import picture_files
from .address import parse_address
from .areas import MAX_AREAS, MAX_CORNERS, Area, Mask, Region, area_of, tiles
from .spec import SourceSpec
from .uri import is_pictures

MAX_RATE_FPS = 1000.0
MAX_FILE_BYTES = MIB
KINDS = ("stream", "schedule", "rule", "sink")

_Tiles = Annotated[int, Meta(ge=1, le=8)]
_Path = Annotated[str, Meta(min_length=1, max_length=4096)]
_Labels = _Path | Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_LABELS)]


class _Region(Struct, frozen=True, forbid_unknown_fields=True):
    """One [[stream.region]]."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    box: tuple[Any, ...] | None = None
    polygon: Annotated[tuple[Any, ...], Meta(max_length=MAX_CORNERS)] | None = None
    labels: _Labels | None = None
    threshold: Annotated[float, Meta(gt=0, le=1)] | None = None
    calibration: _Path | None = None
    rate: Annotated[float, Meta(gt=0, le=MAX_RATE_FPS)] | None = None

    def __post_init__(self) -> None:
        if not self.name.isprintable():
            raise ValueError("name: it is not one line of text")
        if (self.box is None) == (self.polygon is None):
            raise ValueError("it takes a box or a polygon, and not both")
        if "\0" in (self.calibration or ""):
            raise ValueError("it holds a NUL character")
        area = area_of(self.polygon if self.box is None else self.box)
        if area.is_box != (self.polygon is None):
            raise ValueError("box takes [left, top, right, bottom], polygon [[x, y], …]")

    @property
    def area(self) -> Area:
        return area_of(self.polygon if self.box is None else self.box)


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    """One [[stream]]."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    source: _Path
    labels: _Labels | None = None
    threshold: Annotated[float, Meta(gt=0, le=1)] | None = None
    calibration: _Path | None = None
    rate: Annotated[float, Meta(gt=0, le=MAX_RATE_FPS)] | None = None
    frame_rate: Annotated[float, Meta(gt=0, lt=MAX_RATE_FPS)] | None = field(
        default=None, name="frame-rate"
    )
    mask: Annotated[tuple[Any, ...], Meta(max_length=MAX_AREAS)] = ()
    region: Annotated[tuple[_Region, ...], Meta(max_length=MAX_AREAS)] = ()
    tiles: tuple[_Tiles, _Tiles] | None = None
    schedule: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    verify: _Path | None = None
    verify_llm: _Path | None = None
    verify_labels: Annotated[tuple[str, ...], Meta(max_length=MAX_LABELS)] = ()

    def __post_init__(self) -> None:
        if not self.name.isprintable():
            raise ValueError("name: it is not one line of text")
        paths = (self.source, self.calibration, self.verify, self.verify_llm)
        if any("\0" in (path or "") for path in paths):
            raise ValueError("it holds a NUL character")
        names = [one.name for one in self.region]
        if len(names) != len(set(names)):
            raise ValueError("region: two have the same name")
        if self.verify and self.verify_llm:
            raise ValueError("it takes verify or verify_llm, and not both")
        if self.region and self.tiles:
            raise ValueError("it takes regions or tiles, and not both")
        for number, area in enumerate(self.mask, start=1):
            try:
                area_of(area)
            except ValueError as error:
                raise ValueError(f"mask: number {number}: {error}") from None


def read_streams(
    path: Path, environment: Mapping[str, str] | None = None
) -> tuple[SourceSpec, ...]:
    """Read a file of streams; one with regions is a source for each of them.

    Args:
        path: the TOML file.
        environment: where to look up `${NAME}`; the process's own if None.

    Raises:
        StzsarError: the file is missing or wrong; the sentence says where.
    """
    variables = os.environ if environment is None else environment
    document = read_document(path)
    schedules = read_schedules(document.get("schedule", ()), str(path))
    rules = LabelRules(document.get("rule", ()), file=str(path))
    specs: dict[str, SourceSpec] = {}
    taken: set[str] = set()
    for number, table in enumerate(document["stream"], start=1):
        place = f"stream {number} of {path}"
        for spec in _specs(table, place, path.parent, variables, schedules, rules):
            if {spec.name, spec.source} & taken:
                raise SourceError(
                    f"Cannot use {place}: the name {spec.name!r} is taken by one before it; "
                    "rename it."
                )
            specs[spec.name] = spec
        taken |= {name for spec in specs.values() for name in (spec.name, spec.source)}
    rules.check_streams(taken)
    return tuple(specs.values())


def read_document(path: Path) -> dict[str, list[Any]]:
    """Return the tables of a file of streams by their kind; there is at least one [[stream]].

    Raises:
        SourceError: the file is missing, or no such file.
    """
    try:
        document = from_toml(read_file(path, MAX_FILE_BYTES))
    except OSError as error:
        raise SourceError(f"Cannot read the streams in {path}: {error.strerror}.") from error
    except DocumentError as error:
        raise SourceError(f"Cannot read the streams in {path}: {error}.") from None
    unknown = sorted(set(document) - set(KINDS))
    if unknown:
        kinds = ", ".join(f"[[{kind}]]" for kind in KINDS)
        raise SourceError(f"{path} has an unknown {unknown[0]!r:.80}: it holds {kinds}.")
    for kind in KINDS:
        if not isinstance(document.get(kind, []), list):
            raise SourceError(f"{path} names no {kind}: begin each with a line [[{kind}]].")
    if not document.get("stream"):
        raise SourceError(f"{path} names no stream: begin each with a line [[stream]].")
    return document


def _specs(
    table: object,
    place: str,
    folder: Path,
    environment: Mapping[str, str],
    schedules: Mapping[str, Schedule],
    rules: LabelRules,
) -> list[SourceSpec]:
    try:
        found = convert_table(table, _Table, "stream")
    except DocumentError as error:
        raise SourceError(f"Cannot use {place}: {error}.") from None
    uri = _uri(filled(found.source, f"The source of {place}", environment), place, folder)
    schedule = None
    if found.schedule is not None:
        schedule = named_schedule(found.schedule, schedules, place[:1].upper() + place[1:])
        if not parse_address(uri).live:
            raise SourceError(
                f"The schedule of {place} has no effect: a file has no time of day. Leave it out."
            )
    whole = SourceSpec(
        uri=uri,
        name=found.name,
        labels=_labels(found.labels, place, folder),
        rate_fps=found.rate,
        threshold=found.threshold,
        calibration=folder / found.calibration if found.calibration else None,
        frame_rate=found.frame_rate,
        mask=Mask(tuple(map(area_of, found.mask))) if found.mask else None,
        schedule=schedule,
        rules=rules.of(found.name),
        verify=folder / found.verify if found.verify else None,
        verify_llm=found.verify_llm,
        verify_labels=found.verify_labels,
    )
    if whole.frame_rate is not None and not is_pictures(whole.uri):
        raise SourceError(
            f"The frame-rate of {place} is for a folder of pictures, and its source is none: leave "
            "it out."
        )
    if found.tiles:
        return [_of_region(whole, region, rules) for region in tiles(*found.tiles)]
    if not found.region:
        return [whole]
    return [
        replace(
            _of_region(whole, Region(one.name, one.area), rules),
            labels=_labels(one.labels, place, folder) or whole.labels,
            rate_fps=one.rate or whole.rate_fps,
            threshold=one.threshold or whole.threshold,
            calibration=folder / one.calibration if one.calibration else whole.calibration,
        )
        for one in found.region
    ]


def _of_region(whole: SourceSpec, region: Region, rules: LabelRules) -> SourceSpec:
    name = f"{whole.name}/{region.name}"
    return replace(
        whole, name=name, region=region, stream=whole.name, rules=rules.of(whole.name, name)
    )


def _labels(written: str | tuple[str, ...] | None, place: str, folder: Path) -> LabelSource | None:
    if written is None:
        return None
    try:
        return label_source(written, place, folder=folder)
    except LabelError as error:
        raise SourceError(f"Cannot use the labels of {place}: {error}") from error


def _uri(uri: str, place: str, folder: Path) -> str:
    try:
        address = parse_address(uri)
    except SourceError:
        # Its own sentence shows the address, which may hold a secret.
        raise SourceError(
            f"The source of {place} is not a kind that can be read: try it with stzsar-run "
            "--source."
        ) from None
    if address.live or "://" in uri:
        return uri
    path = folder / uri
    if picture_files(str(path)):
        return str(path)
    if path.is_dir() or (glob.has_magic(uri) and not path.exists()):
        raise SourceError(
            f"The source of {place} is a folder or a pattern: name one file, camera or address."
        )
    return str(path)


def filled(text: str, what: str, environment: Mapping[str, str]) -> str:
    """Return `text` with the environment's variables inserted; `what` it is begins a sentence.

    Raises:
        SourceError: a variable is not set, or has no name.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            raise SourceError(f"{what} has a ${{…}} without a variable's name: write ${{NAME}}.")
        if name not in environment:
            raise SourceError(
                f"{what} needs the variable {name}, which is not set: run export {name}=… first."
            )
        return environment[name]

    return re.sub(r"\$\{([^}]*)\}?", value_of, text)
