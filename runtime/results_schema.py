"""Writes `results.schema.json`: run `python -m stzsar.runtime.results_schema`."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from .messages import (
    VERSION,
    DutyChange,
    Event,
    ExplainedFrame,
    ExplainedLabel,
    OverloadChange,
    Result,
    SecondLook,
    StreamChange,
    TopLabel,
)

SCHEMA = Path(__file__).with_name("results.schema.json")
MESSAGES = (Result, Event, StreamChange, DutyChange, OverloadChange)
_PARTS = (TopLabel, ExplainedFrame, ExplainedLabel, SecondLook)


def schema() -> dict[str, Any]:
    """Return the JSON schema of all messages."""
    references, definitions = msgspec.json.schema_components(
        MESSAGES, ref_template="#/$defs/{name}"
    )
    for kind in MESSAGES + _PARTS:
        summary, _, attributes = (inspect.getdoc(kind) or "").partition("\n\nAttributes:\n")
        texts = re.findall(r"^ {4}(\w+): (.+?)(?=^ {4}\w|\Z)", attributes, flags=re.M | re.S)
        definition = definitions[kind.__name__]
        fields: dict[str, Any] = definition["properties"]
        for name, text in texts:
            fields[name] = {"description": " ".join(text.split()), **fields[name]}
            fields[name].pop("default", None)
        # All fields are written, also those with a default here, but for those that may be unset.
        optional = {own.name for own in msgspec.structs.fields(kind) if own.default is UNSET}
        required = [name for name in fields if name not in optional]
        definition |= {"description": summary, "required": required}
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
