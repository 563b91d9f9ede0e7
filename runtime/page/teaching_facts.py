"""What there is to teach with, and what was taught, as the page shows it."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..decisions.calibration import Calibration
from ..documents import MIB, DocumentError, from_json, read_file
from ..events.record import StoredEvent
from ..labels.labels import Label, actions
from .teaching_job import MarkedClip
from .teaching_messages import Example, Ordinary, TaughtLabel

# Thresholds on shorter footage would mean nothing; stzsar-teach refuses it by its windows.
LEAST_MINUTES = 10


def read_moments(path: Path) -> tuple[Example, ...]:
    """Return the moments that a file lists and that are there."""
    try:
        found = from_json(read_file(path, MIB), tuple[Example, ...])
    except (OSError, DocumentError):
        return ()
    moments = path.with_name("moments")
    return tuple(
        one for one in found if "/" not in one.id and (moments / f"{one.id}.mp4").is_file()
    )


def example_of(event: StoredEvent) -> Example:
    """Return an event that was marked right as an example."""
    return Example(
        id=f"event-{event.id}",
        label=event.label,
        stream=f"{event.source}/{event.region}" if event.region else event.source,
        seconds=round(event.duration_s, 2),
        time=event.when,
        kind="event",
        event=event.id,
    )


def missing(examples: Sequence[Example], ordinary: Sequence[Ordinary]) -> str | None:
    """Return what is missing before anything can be taught; None is nothing."""
    if not examples:
        return "An example is missing: mark an event as right, or add a moment."
    minutes = sum(one.seconds for one in ordinary) / 60
    if minutes < LEAST_MINUTES:
        return (
            f"There are {minutes:.0f} minutes of ordinary footage, and {LEAST_MINUTES} are needed: "
            "record while nothing happens."
        )
    return None


def levels_of(found: Calibration) -> dict[str, tuple[float, int]]:
    """Return the threshold and the number of examples of each label."""
    return {one.label: (one.threshold, one.examples) for one in found.thresholds}


def taught(
    labels: Sequence[Label],
    levels: Mapping[str, tuple[float, int]],
    marked: Sequence[MarkedClip],
    found: Mapping[tuple[str, bool], int],
) -> tuple[TaughtLabel, ...]:
    """Return what a calibration does with each label.

    Args:
        labels: of the run.
        levels: threshold and number of examples, by label.
        marked: the clips of events that people marked.
        found: of how many of them the label is reported, by label and by whether it was right.
    """

    def of(label: str, *, right: bool) -> int:
        return sum(one.label == label and one.is_right == right for one in marked)

    return tuple(
        TaughtLabel(
            label=label.name,
            threshold=levels.get(label.name, (None, 0))[0],
            examples=levels.get(label.name, (None, 0))[1],
            right=found.get((label.name, True), 0),
            right_of=of(label.name, right=True),
            wrong=found.get((label.name, False), 0),
            wrong_of=of(label.name, right=False),
        )
        for label in actions(labels)
    )


def seconds_of(path: Path) -> float:
    """Return about how long a recording is: from its name to when it was written last."""
    try:
        began = time.mktime(time.strptime(path.stem[:17], "%Y-%m-%d-%H%M%S"))
        return round(max(0.0, path.stat().st_mtime - began), 1)
    except (OSError, ValueError, OverflowError):
        return 0.0
