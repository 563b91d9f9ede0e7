"""Reads the answers of language models, leniently: nothing but words is taken from them.

Small models wrap JSON in prose and fences, number lists, or break off within a string. Anything
that looks like a list of words is taken; `rules` judges the words.
"""

import json
import re
from typing import Any

from ...runtime.chat.answers import said, values_in

MAX_WORDS = 64
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ITEM = re.compile(r"^[ \t]*(?:[-*•]|\d{1,2}[.)])[ \t]+(\S.*)$", re.MULTILINE)
_NUMBER = re.compile(r"\d+")


def keywords_of(answer: str) -> list[str]:
    """Return the words of an answer as they are; an empty list if it holds none."""
    text = said(answer)
    for value in values_in(text):
        found = _strings(value)
        if found:
            return found[:MAX_WORDS]
    if (start := text.find("[")) >= 0:  # cut off, or not quite JSON: its whole strings
        return [_unescaped(found) for found in _STRING.findall(text[start:])][:MAX_WORDS]
    return [found.rstrip() for found in _ITEM.findall(text)][:MAX_WORDS]


def entries_of(answer: str, count: int) -> list[int] | None:
    """Return the numbers, 1 to `count`, that an answer chooses; None if it is unusable."""
    text = said(answer)
    for value in values_in(text):
        numbers = value.get("entries") if isinstance(value, dict) else value
        if isinstance(numbers, list):
            chosen = [n for n in map(_number, numbers) if n is not None and 1 <= n <= count]
            return list(dict.fromkeys(chosen)) if chosen or not numbers else None
    return None


def _strings(value: Any) -> list[str]:
    """Return the strings of the first list of strings in a JSON value."""
    if isinstance(value, list):
        # Small models write a whole list into one string.
        words = [word for item in value for word in re.split(r"[,;\n]", _word(item))]
        return [word for word in words if word.strip()]
    if isinstance(value, dict):
        if isinstance(value.get("keywords"), str):
            return _strings([value["keywords"]])
        for inner in [value.get("keywords"), *value.values()]:
            if isinstance(inner, list | dict) and (found := _strings(inner)):
                return found
    return []


def _word(item: Any) -> str:
    if isinstance(item, dict):  # {"keyword": "bat"}
        item = next((value for value in item.values() if isinstance(value, str)), "")
    return item if isinstance(item, str) else ""


def _number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    found = _NUMBER.search(value) if isinstance(value, str) else None
    return int(found[0]) if found and len(found[0]) < 6 else None


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text
