"""Checks a bank, line by line."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ...runtime.documents import MIB, read_file
from ...runtime.errors import LabelError, StzsarError
from ...runtime.labels.label_files import MAX_FILE_MIB
from ...runtime.labels.labels import MAX_LABELS, Label
from ...runtime.labels.names import name_key
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
        return [Problem(line, "holds a number with thousands of digits.")]
    except RecursionError:
        return [Problem(1, "is nested too deeply to be a bank.")]
    if bank.is_object or not isinstance(bank.value, list) or not bank.value:
        return [Problem(bank.line, 'a bank is a list: [{"label": …, "attributes": [...]}].')]
    check = _Check(stemmer, count_tokens)
    check.bank(bank.value)
    return sorted(set(check.problems))


class _Check:
    def __init__(self, stemmer: Stemmer, count_tokens: CountTokens) -> None:
        self.problems: list[Problem] = []
        self._stemmer, self._count_tokens = stemmer, count_tokens

    def bank(self, entries: list[Placed]) -> None:
        if len(entries) > MAX_LABELS:
            self._add(1, f"{len(entries)} labels are too many, at most {MAX_LABELS} are scored.")
        seen: dict[str, tuple[str, int]] = {}
        attributes: list[_Attribute] = []
        for entry in entries:
            fields = self._fields(entry, _KEYS, "an entry")
            name = _string(fields.get("label"))
            if name is None:
                self._add(entry.line, 'the entry has no "label", or it is not a string.')
                continue
            line = fields["label"].line
            if first := seen.get(name_key(name)):
                self._add(line, f"{name!r} is the same name as {first[0]!r} on line {first[1]}.")
            seen.setdefault(name_key(name), (name, line))
            own = self._attributes(name, fields.get("attributes"), entry.line)
            self._text(fields, name)
            self._sources(fields.get("source"), name, own, entry.line)
            attributes += own
        self._sharing(attributes, len(entries))

    def _add(self, line: int, message: str) -> None:
        self.problems.append(Problem(line, message))

    def _fields(self, entry: Placed, known: tuple[str, ...], what: str) -> dict[str, Placed]:
        if not entry.is_object:
            self._add(entry.line, f"{what} is an object: {{{', '.join(known)}}}.")
            return {}
        fields: dict[str, Placed] = {}
        for key, value in entry.value:
            if key not in known:
                self._add(value.line, f"there is no key {key!r:.40}, only {', '.join(known)}.")
            elif key in fields:
                self._add(value.line, f"the key {key!r} is there twice.")
            fields.setdefault(key, value)
        return fields

    def _attributes(self, name: str, field: Placed | None, entry_line: int) -> list[_Attribute]:
        if field is None or field.is_object or not isinstance(field.value, list):
            line = field.line if field else entry_line
            self._add(line, f'{name!r} has no "attributes", or they are not a list.')
            return []
        own: list[_Attribute] = []
        stems_at: dict[Stems, int] = {}
        problems = len(self.problems)
        for placed in field.value:
            words = _string(placed)
            if words is None:
                self._add(placed.line, f"an attribute of {name!r} is not a string.")
                continue
            stems = self._stemmer.of(words)
            why = complaint(words, name, self._stemmer, self._count_tokens)
            if why is None and words != tidy(words):
                why = f"should be written {tidy(words)!r}"
            if why is None and stems in stems_at:
                why = f"is like the one on line {stems_at[stems]}"
            if why is not None:
                self._add(placed.line, f"{words!r:.80} of {name!r} {why}.")
            stems_at.setdefault(stems, placed.line)
            own.append(_Attribute(name, words, placed.line, stems))
        if len(own) != WANTED and len(self.problems) == problems:
            self._add(field.line, f"{name!r} has {len(own)} attributes and not {WANTED}.")
        return own

    def _text(self, fields: dict[str, Placed], name: str) -> None:
        """Check what the reader of label files would refuse."""
        placed = fields.get("text")
        text = _string(placed) if placed else ""
        if placed and text is None:
            self._add(placed.line, f"the text of {name!r} is not a string.")
            return
        try:
            Label(name.strip(), (text or "").strip())
        except LabelError as error:
            self._add((placed or fields["label"]).line, str(error))

    def _sources(
        self, field: Placed | None, name: str, own: list[_Attribute], entry_line: int
    ) -> None:
        if field is None:
            self._add(entry_line, f'{name!r} has no source: add "source": "by hand".')
            return
        if isinstance(field.value, str) and field.value.strip():
            return
        if field.is_object or not isinstance(field.value, list):
            self._add(field.line, f"the source of {name!r} is neither words nor a list of records.")
            return
        words_here = {attribute.words for attribute in own}
        sourced: set[str | None] = set()
        for record in field.value:
            fields = self._fields(record, _RECORD, "a record")
            for key, value in fields.items():
                if key != "attributes" and _string(value) is None:
                    self._add(value.line, f"{key} in a record of {name!r} is not a string.")
            listed = fields.get("attributes")
            if "source" not in fields or listed is None or not isinstance(listed.value, list):
                self._add(record.line, f'a record of {name!r} lacks "source" or "attributes".')
                continue
            for placed in listed.value:
                words = _string(placed) if isinstance(placed, Placed) else None
                if words not in words_here:
                    line = listed.line if words is None else placed.line
                    self._add(
                        line,
                        f"a record of {name!r} lists {words!r:.80}, which is not among its "
                        "attributes.",
                    )
                sourced.add(words)
        for attribute in own:
            if attribute.words not in sourced:
                self._add(
                    attribute.line,
                    f"{attribute.words!r:.80} of {name!r} has no source: add "
                    '{"source": "by hand", "attributes": ["…"]} to the source of the label.',
                )

    def _sharing(self, attributes: list[_Attribute], labels: int) -> None:
        by_label: dict[str, set[Stems]] = {}
        for attribute in attributes:
            by_label.setdefault(attribute.label, set()).add(attribute.stems)
        often = shared_too_often(by_label.values(), labels)
        counts = Counter(stems for own in by_label.values() for stems in own)
        for attribute in attributes:
            if attribute.stems in often:
                self._add(
                    attribute.line,
                    f"{attribute.words!r:.80} is an attribute of {counts[attribute.stems]} labels; "
                    f"at most {allowed_sharing(labels)} of {labels} may share one.",
                )


def _string(placed: Placed | None) -> str | None:
    return placed.value if placed is not None and isinstance(placed.value, str) else None


def _read(path: Path) -> str:
    try:
        return read_file(path, MAX_FILE_MIB * MIB).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StzsarError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    except OSError as error:
        raise StzsarError(f"Cannot read {path}: {error.strerror}.") from error
