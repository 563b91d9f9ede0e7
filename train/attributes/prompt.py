"""The prompt, read from prompt.md, which is also its documentation."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROMPT = Path(__file__).with_name("prompt.md")
Message = dict[str, str]


@dataclass(frozen=True)
class Prompt:
    version: str
    parts: dict[str, str]

    def filled(self, part: str, **values: object) -> str:
        """Return a part with its names filled in; braces within values stay as they are."""
        names = "|".join(values)
        return re.sub(rf"\{{({names})\}}", lambda found: str(values[found[1]]), self.parts[part])

    def opened(self, part: str, **values: object) -> list[Message]:
        """Return the first messages of a conversation."""
        return [
            {"role": "system", "content": self.parts["system"]},
            {"role": "user", "content": self.filled(part, **values)},
        ]


@functools.cache
def read_prompt() -> Prompt:
    content = PROMPT.read_text(encoding="utf-8")
    version = re.search(r"^Version: (\S+)$", content, re.MULTILINE)
    parts = re.findall(r"^## (\w+)\n+```\n(.*?)\n```$", content, re.MULTILINE | re.DOTALL)
    if version is None:
        raise ValueError(f"{PROMPT} has no version")
    return Prompt(version[1], dict(parts))


def keywords_schema(count: int) -> dict[str, Any]:
    words = {"type": "string", "minLength": 1, "maxLength": 60}
    return _object("keywords", {"type": "array", "items": words, "minItems": count,
                                "maxItems": count})  # fmt: skip


def entries_schema(entries: int, count: int) -> dict[str, Any]:
    number = {"type": "integer", "minimum": 1, "maximum": entries}
    return _object("entries", {"type": "array", "items": number, "maxItems": count})


def _object(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: value},
        "required": [name],
        "additionalProperties": False,
    }
