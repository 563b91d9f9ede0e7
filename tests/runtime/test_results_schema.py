"""The published schema is that of the types, and what is written obeys it."""

import copy
import json
from importlib import resources
from typing import Any, get_args

import msgspec
import pytest

from stzsar.runtime import messages, results_schema
from stzsar.runtime.results import (
    ActionEvent,
    Duty,
    Explanation,
    FrameReason,
    Message,
    Overload,
    Recognition,
    Score,
    StreamCondition,
    StreamState,
    Verdict,
    to_json,
)

jsonschema: Any = pytest.importorskip("jsonschema")

KINDS = {
    "result": "Result",
    "event": "Event",
    "stream": "StreamChange",
    "duty": "DutyChange",
    "overload": "OverloadChange",
}
TOP = (Score("red", 0.75, 0.5), Score("Íjászat", 0.25, -0.1))
REASON = FrameReason(1.0, 0.25, "a bat", -0.2, (3, 0), ((0.1, 0.2), (0.3, 0.4)))
FILE_RESULT = Recognition("clip.mp4", 0.0, 1.75, 8, TOP)
LIVE_RESULT = Recognition(
    *("gate", 0.0, 1.75, 8, TOP),
    decision="red",
    gap_s=0.5,
    encoded=7,
    rate_fps=3.5,
    time=1.7e9,
    age_ms=151.26,
    explanation=Explanation("red", (REASON, REASON)),
    region="door",
)
IGNORED_RESULT = Recognition("gate", 0.0, 1.75, 8, TOP, rival="a person walking past")
OPTIONAL = ("explanation", "region", "rival", "priority", "still", "still_url", "second_look")
MESSAGES: dict[str, Message] = {
    "result of a file": FILE_RESULT,
    "result of what is ignored": IGNORED_RESULT,
    "result of a stream": LIVE_RESULT,
    "start": ActionEvent("start", "clip.mp4", "red", 1.5, None, 0.8, 0.5),
    "repeat": ActionEvent(
        *("repeat", "gate", "red", 9.0, 1.7e9, 0.9, 8.0),
        priority="urgent",
        still="/9j/",
        still_url="http://nas/stills/1.jpg",
    ),
    "end": ActionEvent("end", "gate", "red", 9.5, 1.7e9, 0.9, 8.5, region="door"),
    "event that was looked at": ActionEvent(
        "start", "gate", "red", 9.5, 1.7e9, 0.9, 8.5, verdict=Verdict("yes", "ViT-L-14", 0.9)
    ),
    **{
        f"stream {state}": StreamState("gate", state, "", 1.7e9)
        for state in get_args(StreamCondition)
    },
    "duty": Duty("gate", armed=True, scheduled=False, time=1.7e9),
    "overload": Overload(0.4, 1.7e9),
}


@pytest.fixture(scope="module")
def schema() -> Any:
    text = resources.files("stzsar.runtime").joinpath("results.schema.json").read_text("utf-8")
    return json.loads(text)


@pytest.fixture(scope="module")
def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def document(message: Message) -> Any:
    return json.loads(to_json(message))


def objects(value):
    """Every object within a document, itself included."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, dict | list):
            yield from objects(child)


@pytest.mark.parametrize("name", MESSAGES)
def test_every_kind_of_message_is_valid(validator, name):
    validator.validate(document(MESSAGES[name]))


@pytest.mark.parametrize("name", MESSAGES)
def test_a_field_that_the_schema_does_not_know_is_refused_at_every_depth(validator, name):
    whole = document(MESSAGES[name])
    for index, _ in enumerate(objects(whole)):
        changed = copy.deepcopy(whole)
        list(objects(changed))[index]["surprise"] = 1
        assert not validator.is_valid(changed)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_field_that_is_missing_is_refused_at_every_depth(validator, name):
    whole = document(MESSAGES[name])
    for index, found in enumerate(objects(whole)):
        for field in found:
            changed = copy.deepcopy(whole)
            del list(objects(changed))[index][field]
            assert validator.is_valid(changed) == (field in OPTIONAL), field


def test_the_published_schema_is_generated_from_the_types(schema):
    assert schema == results_schema.schema(), "run python -m stzsar.runtime.results_schema"


def test_every_field_of_the_schema_is_written_by_the_code(schema):
    written = {kind: set() for kind in KINDS}
    for message in MESSAGES.values():
        found = document(message)
        written[found["type"]] |= set(found)

    for kind, keys in written.items():
        assert keys == set(schema["$defs"][KINDS[kind]]["properties"])


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_written_can_be_read_as_its_type(name):
    text = to_json(MESSAGES[name])
    kind = getattr(messages, KINDS[json.loads(text)["type"]])

    read = msgspec.json.decode(text, type=kind)
    assert json.loads(msgspec.json.encode(read)) == json.loads(text)


def test_a_line_is_written_as_it_always_was():
    assert to_json(FILE_RESULT) == (
        '{"version": 1, "type": "result", "source": "clip.mp4", "window": [0.0, 1.75], "frames": 8'
        ', "label": "red", "score": 0.75, "decision": null, "top": [{"label": "red", "score": 0.75'
        ', "similarity": 0.5}, {"label": "Íjászat", "score": 0.25, "similarity": -0.1}], "gap": 0.0'
        ', "encoded": 0, "rate_fps": null, "time": null, "age_ms": null}'
    )


@pytest.mark.parametrize(
    ("name", "field", "wrong"),
    [
        *(("result of a file", "score", 1.5), ("result of a file", "window", [0.0])),
        *(("result of a file", "top", []), ("result of a file", "age_ms", -1)),
        *(("repeat", "priority", "deadly"), ("duty", "on", "yes")),
        *(("start", "event", "middle"), ("stream live", "state", "gone"), ("end", "peak", 1.1)),
        *(("overload", "share", 2), ("overload", "version", 2), ("overload", "type", "stream")),
    ],
)
def test_a_value_out_of_its_range_is_refused(validator, name, field, wrong):
    assert not validator.is_valid({**document(MESSAGES[name]), field: wrong})


def test_every_field_says_what_it_is(schema):
    for definition in schema["$defs"].values():
        for name, field in definition["properties"].items():
            assert field.get("description"), name


def test_a_run_keeps_what_a_schema_cannot_say(validator, run_cli, bundle, red_video):
    """No more frames are encoded than there are, and decisions and labels are the run's."""
    run = run_cli("--source", red_video, "--bundle", bundle, "--quiet", "--motion-gate", 1)
    lines = [json.loads(line) for line in run.stdout.splitlines()]

    assert {line["type"] for line in lines} == {"result", "event"}
    for line in lines:
        validator.validate(line)
        assert line["label"] in ("red", "green", "blue")
        if line["type"] == "result":
            assert line["encoded"] <= line["frames"]
            assert line["decision"] in (None, "red", "green", "blue")
            assert line["window"][0] <= line["window"][1]
            assert line["score"] == max(label["score"] for label in line["top"])
