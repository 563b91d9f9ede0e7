"""Checks a bank, line by line."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...runtime.errors import LabelError, StzsarError
from ...runtime.labels.labels import MAX_FILE_MIB, MAX_LABELS, Label
from .bank_json import Placed, parse_placed
from .options import CheckOptions
from .ordering import BundleEncoder, NoEncoder
from .rules import (
    WANTED,
    CountTokens,
    Stemmer,
    Stems,
    allowed_sharing,
    complaint,
    shared_too_often,
    tidy,
)

_KEYS = ("label", "text", "attributes", "source")
_RECORD = ("source", "attributes", "date", "model", "prompt", "sense")


@dataclass(frozen=True, order=True)
class Problem:
    """A mistake and its line."""

    line: int
    message: str


@dataclass(frozen=True)
class _Attribute:
    label: str
    words: str
    line: int
    stems: Stems


def check_bank(options: CheckOptions) -> list[Problem]:
    """Return what is wrong with a bank, by lines.

    Raises:
        StzsarError: the bank or the bundle cannot be read.
    """
    encoder = BundleEncoder(options.bundle) if options.bundle else NoEncoder()
    return problems_of(_read(options.bank), Stemmer(options.language), encoder.tokens)


def problems_of(text: str, stemmer: Stemmer, count_tokens: CountTokens) -> list[Problem]:
    """Return what is wrong with a bank, by lines."""
    try:
        bank = parse_placed(text)
    except json.JSONDecodeError as error:
        return [Problem(error.lineno, f"is not JSON: {error.msg}, at column {error.colno}.")]
    except ValueError:  # Python reads no integer of more than 4300 digits
        found = re.search(r"\d{4000}", text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        return [Problem(line, "holds a number of thousands of digits, which no bank has.")]
    except RecursionError:
        return [Problem(1, "is nested too deeply to be a bank.")]
    if bank.is_object or not isinstance(bank.value, list) or not bank.value:
        return [Problem(bank.line, 'a bank is a list: [{"label": …, "attributes": [...]}].')]
    return sorted(set(_Checker(stemmer, count_tokens).of(bank.value)))


class _Checker:
    def __init__(self, stemmer: Stemmer, count_tokens: CountTokens) -> None:
        self._stemmer, self._count_tokens = stemmer, count_tokens

    def of(self, entries: list[Placed]) -> Iterator[Problem]:
        if len(entries) > MAX_LABELS:
            yield Problem(1, f"{len(entries)} labels are too many, {MAX_LABELS} are scored.")
        lines: dict[str, int] = {}
        found: list[_Attribute] = []
        for entry in entries:
            fields, problems = _fields(entry, _KEYS, "an entry")
            yield from problems
            name = _string(fields.get("label"))
            if name is None:
                yield Problem(entry.line, 'the entry has no "label", or it is no string.')
                continue
            if name in lines:
                yield Problem(
                    fields["label"].line, f"{name!r} is there already, on line {lines[name]}."
                )
            lines.setdefault(name, fields["label"].line)
            attributes = list(self._attributes(name, fields.get("attributes"), entry.line))
            yield from (item for item in attributes if isinstance(item, Problem))
            own = [item for item in attributes if isinstance(item, _Attribute)]
            yield from _text(fields, name)
            yield from _sources(fields.get("source"), name, own, entry.line)
            if len(own) != WANTED and not any(isinstance(i, Problem) for i in attributes):
                line = fields["attributes"].line
                yield Problem(line, f"{name!r} has {len(own)} attributes and not {WANTED}.")
            found += own
        yield from _shared(found, len(entries))

    def _attributes(
        self, name: str, field: Placed | None, entry_line: int
    ) -> Iterator[Problem | _Attribute]:
        if field is None or field.is_object or not isinstance(field.value, list):
            line = field.line if field else entry_line
            yield Problem(line, f'{name!r} has no "attributes", or they are no list.')
            return
        stems_at: dict[Stems, int] = {}
        for placed in field.value:
            words = _string(placed)
            if words is None:
                yield Problem(placed.line, f"an attribute of {name!r} is no string.")
                continue
            stems = self._stemmer.of(words)
            why = complaint(words, name, self._stemmer, self._count_tokens)
            if why is None and words != tidy(words):
                why = f"should be written {tidy(words)!r}"
            if why is None and stems in stems_at:
                why = f"is like the one on line {stems_at[stems]}"
            if why is not None:
                yield Problem(placed.line, f"{words!r:.80} of {name!r} {why}.")
            stems_at.setdefault(stems, placed.line)
            yield _Attribute(name, words, placed.line, stems)


def _fields(
    entry: Placed, known: tuple[str, ...], what: str
) -> tuple[dict[str, Placed], list[Problem]]:
    if not entry.is_object:
        return {}, [Problem(entry.line, f"{what} is an object: {{{', '.join(known)}}}.")]
    fields: dict[str, Placed] = {}
    problems = []
    for key, value in entry.value:
        if key not in known:
            problems.append(
                Problem(value.line, f"there is no key {key!r:.40}, only {', '.join(known)}.")
            )
        elif key in fields:
            problems.append(Problem(value.line, f"the key {key!r} is there twice."))
        fields.setdefault(key, value)
    return fields, problems


def _text(fields: dict[str, Placed], name: str) -> Iterator[Problem]:
    """Yield what the reader of label files would not take."""
    placed = fields.get("text")
    text = _string(placed) if placed else ""
    if text is None and placed:
        yield Problem(placed.line, f"the text of {name!r} is no string.")
        return
    try:
        Label(name.strip(), (text or "").strip())
    except LabelError as error:
        yield Problem((placed or fields["label"]).line, str(error))


def _sources(
    field: Placed | None, name: str, own: list[_Attribute], entry_line: int
) -> Iterator[Problem]:
    """Yield attributes of which nobody says where they are from, and records of what is gone."""
    if field is None:
        yield Problem(
            entry_line,
            f'{name!r} does not say where its attributes are from: add "source": "by hand".',
        )
        return
    if isinstance(field.value, str) and field.value.strip():
        return
    if field.is_object or not isinstance(field.value, list):
        yield Problem(field.line, f"the source of {name!r} is neither words nor a list of records.")
        return
    words_here = {attribute.words for attribute in own}
    said: set[str] = set()
    for record in field.value:
        fields, problems = _fields(record, _RECORD, "a record")
        yield from problems
        for key, value in fields.items():
            if key != "attributes" and _string(value) is None:
                yield Problem(value.line, f"{key} of a record of {name!r} is no string.")
        listed = fields.get("attributes")
        if "source" not in fields or listed is None or not isinstance(listed.value, list):
            yield Problem(record.line, f'a record of {name!r} lacks "source" or "attributes".')
            continue
        for placed in listed.value:
            words = _string(placed) if isinstance(placed, Placed) else None
            if words not in words_here:
                yield Problem(
                    listed.line if words is None else placed.line,
                    f"a record of {name!r} is about {words!r:.80}, which is none of its "
                    "attributes.",
                )
            said.add(words or "")
    for attribute in own:
        if attribute.words not in said:
            yield Problem(
                attribute.line,
                f"nobody says where {attribute.words!r:.80} of {name!r} is from: add "
                '{"source": "by hand", "attributes": ["…"]} to its source.',
            )


def _shared(found: list[_Attribute], labels: int) -> Iterator[Problem]:
    of_labels: dict[str, set[Stems]] = {}
    for attribute in found:
        of_labels.setdefault(attribute.label, set()).add(attribute.stems)
    often = shared_too_often(of_labels.values(), labels)
    counts = Counter(stems for own in of_labels.values() for stems in own)
    for attribute in found:
        if attribute.stems in often:
            yield Problem(
                attribute.line,
                f"{attribute.words!r:.80} is an attribute of {counts[attribute.stems]} labels; at "
                f"most {allowed_sharing(labels)} of {labels} may share one.",
            )


def _string(placed: Placed | None) -> str | None:
    return placed.value if placed is not None and isinstance(placed.value, str) else None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read((MAX_FILE_MIB << 20) + 1)
        if len(content) > MAX_FILE_MIB << 20:
            raise StzsarError(f"{path} is larger than {MAX_FILE_MIB} MiB: it is no bank.")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StzsarError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    except OSError as error:
        raise StzsarError(f"Cannot read {path}: {error.strerror}.") from error
