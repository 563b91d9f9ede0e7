"""The JSON that a run writes: a line, a webhook's body or an MQTT payload, as types.

`results.schema.json` is generated from them: `python -m stzsar.runtime.messages` writes it anew. A
change that readers must know about raises VERSION.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

VERSION = 1
SCHEMA = Path(__file__).with_name("results.schema.json")

StreamCondition = Literal["connecting", "live", "stalled", "lost", "ended"]

_Version = Annotated[
    Literal[1],
    Meta(description="Version of this schema; a change that readers must know about raises it."),
]
_Source = Annotated[
    str,
    Meta(description="The file, stream or camera, or its given name; never holds a password."),
]
_SourceSeconds = Annotated[float, Meta(description="Seconds since the source's first frame.")]
_ClockSeconds = Annotated[float, Meta(ge=0, description="Seconds since 1970.")]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Score = Annotated[
    _Share,
    Meta(
        description="Softmax over the labels: how this label compares with the others. There is "
        "always a winner, so it does not prove that the action is there."
    ),
]
_Row = Annotated[int, Meta(ge=0)]
_NotNegative = Annotated[float, Meta(ge=0)]


class TopLabel(Struct, frozen=True, forbid_unknown_fields=True):
    """One of the best labels of a window."""

    label: str
    score: _Score
    similarity: Annotated[
        float,
        Meta(
            description="The label's logit before its learned scaling: an absolute value, "
            "comparable between windows, like a cosine."
        ),
    ]


class ExplainedFrame(Struct, frozen=True, forbid_unknown_fields=True):
    """Why one frame of a window speaks for a label."""

    time_s: _SourceSeconds
    weight: Annotated[
        _Share, Meta(description="How much the frame counts; the weights of a window sum to 1.")
    ]
    attribute: Annotated[
        str, Meta(description="The description attribute that fits best anywhere in the picture.")
    ]
    similarity: Annotated[
        float, Meta(description="The cosine of that attribute with its best patch.")
    ]
    patch: Annotated[
        tuple[_Row, _Row], Meta(description="Row and column of that patch, from the top left.")
    ]


class ExplainedLabel(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the window has its best label; only where it was asked for."""

    label: str
    frames: Annotated[
        tuple[ExplainedFrame, ...],
        Meta(description="One for each frame of the window, oldest first."),
    ]


class Result(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was recognised in one window of frames."""

    version: _Version = VERSION
    type: Literal["result"] = "result"
    source: _Source
    window: Annotated[
        tuple[_SourceSeconds, _SourceSeconds],
        Meta(description="Times of the window's first and last frame."),
    ]
    frames: Annotated[
        int,
        Meta(ge=1, description="Frames in the window; fewer than the bundle's in a short clip."),
    ]
    label: Annotated[str, Meta(description="The best label, which need not be a decision.")]
    score: _Score
    decision: Annotated[
        str | None,
        Meta(
            description="The label that passed its thresholds, one of the run's labels; null is "
            '"none of these".'
        ),
    ]
    top: Annotated[
        tuple[TopLabel, ...], Meta(min_length=1, description="The best labels, best first.")
    ]
    gap: Annotated[
        _NotNegative,
        Meta(description="The longest time between neighbouring frames, in seconds."),
    ]
    encoded: Annotated[
        int,
        Meta(
            ge=0,
            description="How many of the frames were encoded, `frames` at most; the others looked "
            "like the one before.",
        ),
    ]
    rate_fps: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Frames per second; fewer than asked for where the machine is too slow."),
    ]
    time: Annotated[
        _ClockSeconds | None,
        Meta(description="Capture time of the last frame, in seconds since 1970; null for a file."),
    ]
    age_ms: Annotated[
        _NotNegative | None,
        Meta(description="Milliseconds from that capture to the decision; null for a file."),
    ]
    explanation: ExplainedLabel | UnsetType = UNSET


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The start or the end of an action."""

    version: _Version = VERSION
    type: Literal["event"] = "event"
    event: Literal["start", "end"]
    source: _Source
    label: Annotated[str, Meta(description="The action.")]
    time_s: _SourceSeconds
    time: Annotated[
        _ClockSeconds | None,
        Meta(description="The same in seconds since 1970; null for a file."),
    ]
    peak: Annotated[_Share, Meta(description="The best score so far.")]
    duration: Annotated[
        _NotNegative,
        Meta(description="Seconds since the start; at a start, for how long it has been seen."),
    ]


class StreamChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change in what a live stream is doing."""

    version: _Version = VERSION
    type: Literal["stream"] = "stream"
    source: _Source
    state: Annotated[
        StreamCondition,
        Meta(
            description="stalled: no new picture comes; lost: it broke off and will be reopened; "
            "ended: it will not come back."
        ),
    ]
    reason: Annotated[str, Meta(description="Why, in words; may be empty.")]
    time: _ClockSeconds


class OverloadChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change in how much of what was asked for the machine can do."""

    version: _Version = VERSION
    type: Literal["overload"] = "overload"
    share: Annotated[
        _Share,
        Meta(description="The share of the sampling rate that live streams get; 1 is all of it."),
    ]
    time: _ClockSeconds


MESSAGES = (Result, Event, StreamChange, OverloadChange)


def schema() -> dict[str, Any]:
    """Return the JSON schema of all messages."""
    references, definitions = msgspec.json.schema_components(
        MESSAGES, ref_template="#/$defs/{name}"
    )
    for definition in definitions.values():
        # Every field is written, whether or not it has a default here.
        fields: dict[str, Any] = definition["properties"]
        definition["required"] = [name for name in fields if name != "explanation"]
        for field in fields.values():
            field.pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stzsar-run: one message, as a JSON line, a webhook's body or an MQTT payload",
        "description": f"Version {VERSION}. Seconds since 1970 are those of the device's clock "
        "(UTC); times of a source count from its first frame.",
        "oneOf": list(references),
        "$defs": definitions,
    }


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
