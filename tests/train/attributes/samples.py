"""Two labels with texts and good answers, and the command that is run on them."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from stzsar.train.attributes.cli import main

from ...chat_server import Chat

TEXTS = {
    "archery": "An archer in a meadow draws the bowstring of a wooden bow back to the cheek, aims "
    "an arrow at the straw target, and lets it fly. A quiver hangs on the hip, and an arm guard "
    "protects the skin.",
    "bowling": "A player rolls a heavy ball down a polished lane and knocks over ten pins. Gutters "
    "lie on both sides of the foul line, rented shoes slide, and a screen shows the score.",
}
GOOD = {
    "archery": [
        *("bowstring", "wooden bow", "straw target", "quiver", "arm guard", "meadow"),
        *("flying arrow", "hand at cheek"),
    ],
    "bowling": [
        *("heavy ball", "polished lane", "ten pins", "gutters", "rented shoes", "foul line"),
        *("score screen", "rolling arm"),
    ],
}
KEY = "sk-this-is-secret-4711"


def label_of(question: dict) -> str:
    return next(label for label in TEXTS if label in question["messages"][1]["content"])


def good(question: dict) -> str:
    return json.dumps({"keywords": GOOD[label_of(question)]})


def run(model: Chat | None, *more: str) -> Result:
    arguments = ["labels.txt", "--output", "bank.json", "--source", "texts", "--cache", "cache"]
    if model is not None:
        arguments += ["--llm-url", model.endpoint]
    return CliRunner().invoke(main, [*arguments, *more])


def bank() -> dict[str, list[str]]:
    return {
        entry["label"]: entry["attributes"] for entry in json.loads(Path("bank.json").read_text())
    }


def checked(*more: str) -> Result:
    return CliRunner().invoke(main, ["check", "bank.json", *more])
