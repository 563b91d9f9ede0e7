"""Teaching, as the page's server tells of it and is asked for it."""

from typing import Annotated, Literal

from msgspec import Meta

from .messages import Count, Name, Said, Sentence


class Example(Said, frozen=True, kw_only=True):
    """A clip that shows a label.

    Attributes:
        id: its name, no other's.
        label: the label.
        stream: where it comes from.
        seconds: its length.
        time: when it was added.
        kind: a recorded moment, or an event that was marked right.
        event: the event.
    """

    id: str
    label: str
    stream: str
    seconds: float
    time: float
    kind: Literal["moment", "event"]
    event: int | None = None


class NewExample(Said, frozen=True, kw_only=True):
    """The last seconds of a stream as an example."""

    stream: Name
    label: Name
    seconds: Annotated[float, Meta(ge=1, le=30)] = 4.0


class ExamplePath(Said, frozen=True, kw_only=True):
    """Which example."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]


class Ordinary(Said, frozen=True, kw_only=True):
    """A recording of an ordinary time."""

    name: str
    seconds: float


class WrongEvent(Said, frozen=True, kw_only=True):
    """An event that was marked wrong."""

    event: int
    label: str


class TaughtLabel(Said, frozen=True, kw_only=True):
    """What a calibration does with a label.

    Attributes:
        label: the label.
        threshold: from where on it is decided on; null is never.
        examples: how many clips taught it.
        right: of the events that were marked right, how many it finds.
        right_of: how many those are.
        wrong: of the events that were marked wrong, how many it still reports.
        wrong_of: how many those are.
    """

    label: str
    threshold: float | None
    examples: Count
    right: Count
    right_of: Count
    wrong: Count
    wrong_of: Count


class TeachingJob(Said, frozen=True, kw_only=True):
    """A run of stzsar-teach.

    Attributes:
        state: how far it is.
        started: when it began.
        error: why it failed.
        said: the last lines of what it says.
        before: what decides now.
        after: what it would be.
        hours: of ordinary footage.
        false_alarms_per_day: what was asked for.
    """

    state: Literal["running", "done", "failed"]
    started: float
    error: Sentence | None
    said: tuple[str, ...]
    before: tuple[TaughtLabel, ...]
    after: tuple[TaughtLabel, ...]
    hours: float | None
    false_alarms_per_day: float


class TeachingInfo(Said, frozen=True, kw_only=True):
    """What there is to teach with, and how far teaching is.

    Attributes:
        examples: clips of labels.
        ordinary: recordings of ordinary times.
        wrong: events that were marked wrong; their clips are ordinary, too.
        job: the last run of stzsar-teach.
        used: whether its calibration is in use.
        missing: what is missing before it can start.
    """

    examples: tuple[Example, ...]
    ordinary: tuple[Ordinary, ...]
    wrong: tuple[WrongEvent, ...]
    job: TeachingJob | None
    used: bool
    missing: Sentence | None


class TeachingStart(Said, frozen=True, kw_only=True):
    """How to teach.

    Attributes:
        false_alarms_per_day: how many false events are acceptable, of all labels together.
        ordinary: the recordings that show none of the actions; null is all of them.
    """

    false_alarms_per_day: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    ordinary: Annotated[tuple[Name, ...], Meta(max_length=1000)] | None = None
