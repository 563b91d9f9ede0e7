"""The receivers of a run, and the streams that people may switch off."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ..duty import Duties
from ..errors import StzsarError
from ..labels.labels import actions
from ..receivers.home_assistant import Place
from ..receivers.plans import SinkPlan
from ..receivers.sinks_file import check_names, read_sinks
from ..sources.spec import SourceSpec
from ..sources.uri import is_live
from ..streams.stream import WindowRecognizer
from ..streams.table import StreamTable
from ..user_folders import data_folder
from .options import RunOptions


def receivers_from(options: RunOptions) -> tuple[SinkPlan, ...]:
    """Return the receivers that the file of streams names.

    Raises:
        StzsarError: one is not as it should be.
    """
    return read_sinks(options.streams) if options.streams else ()


def check_receivers(receivers: Sequence[SinkPlan], places: Sequence[Place]) -> None:
    """Refuse filters for what the run does not have.

    Raises:
        StzsarError: one lets nothing through.
    """
    check_names(
        receivers,
        streams=(place.source for place in places),
        regions=(place.region for place in places if place.region),
        labels=(label for place in places for label in place.labels),
    )


def places_of(
    specs: Sequence[SourceSpec], recognizer: WindowRecognizer, *, live: bool = True
) -> tuple[Place, ...]:
    """Return streams and regions with their labels now: those that are `live`, or all."""
    return tuple(
        Place(
            spec.source,
            spec.region and spec.region.name,
            tuple(label.name for label in actions(recognizer.scorer.labels_in(spec.name))),
        )
        for spec in specs
        if not live or is_live(spec.uri)
    )


def places_now(
    table: StreamTable, specs: Sequence[SourceSpec], recognizer: WindowRecognizer
) -> tuple[Place, ...]:
    """Return the live streams and regions with their labels as they are now.

    People draw regions while a run goes on; before it has begun, they are those of `specs`.
    """
    if not table.lanes:
        return places_of(specs, recognizer)
    return tuple(
        Place(
            lane.source,
            lane.region and lane.region.name,
            tuple(label.name for label in actions(lane.stream.scorer.labels_in(lane.name))),
        )
        for lane in table.lanes
        if lane.feed.live
    )


def duties_of(options: RunOptions, specs: Sequence[SourceSpec], wake: Callable[[], None]) -> Duties:
    """Return which live streams make events when.

    Raises:
        StzsarError: `idle` has no effect.
    """
    schedules = {spec.source: spec.schedule for spec in specs if is_live(spec.uri)}
    if options.idle and not schedules:
        raise StzsarError("--idle is for live streams, and there are only files: leave it out.")
    return Duties(schedules, kept=_kept(options.streams), wake=wake)


def _kept(streams: Path | None) -> Path | None:
    """Return the file that keeps which streams are switched off: one for each file of streams."""
    name = "sources"
    if streams:
        digest = hashlib.sha256(str(streams.absolute()).encode(errors="replace")).hexdigest()
        name = f"{streams.stem[:40]}-{digest[:12]}"
    try:
        return data_folder() / "off" / f"{name}.json"
    except RuntimeError:  # no home
        return None
