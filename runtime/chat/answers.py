"""Finds JSON in the answers of language models: small ones wrap it in prose and fences."""

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_CHARACTERS = 20_000
_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL | re.IGNORECASE)


def said(answer: str) -> str:
    """Return an answer without what was thought aloud before it."""
    return _THOUGHT.sub("", answer[:MAX_CHARACTERS])


def values_in(text: str) -> Iterator[Any]:
    """Yield the outermost JSON objects and lists in a text."""
    decoder, at = json.JSONDecoder(), 0
    while found := re.compile(r"[\[{]").search(text, at):
        try:
            value, at = decoder.raw_decode(text, found.start())
            yield value
        except ValueError:
            at = found.start() + 1
        except RecursionError:  # each bracket would be tried anew
            return
