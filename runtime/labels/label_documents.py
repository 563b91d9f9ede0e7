"""Reads labels from documents: JSON, YAML, and what Python programs have in lists and dicts."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import LabelError
from .label_table import ATTRIBUTES, IGNORE_MARK, NAMES, NUMBERS, ROLE, TEXTS, Row
from .labels import Label, check_count

FORMS = '["archery", …], {"archery": ["bow", …], …} or [{"label": …, "attributes": […]}, …]'
MAX_YAML_MIB = 4
_MAX_BRACKETS = 1_000_000
_MAX_EVENTS = 1_000_000
_MAX_DEPTH = 8
# Of data.yaml and other documents with more in them than labels.
_LISTS = ("labels", "names", "classes", "actions", "categories")
# Where attributes come from, for people.
_SOURCE = "source"


def read_json(content: str) -> list[Row | Label]:
    """Read labels from JSON.

    Raises:
        LabelError: it is not JSON, or of another form.
    """
    if sum(map(content.count, "[{")) > _MAX_BRACKETS:
        raise LabelError(f"it has more than {_MAX_BRACKETS:,} brackets: write {FORMS}.")
    try:
        document = json.loads(content, object_pairs_hook=_distinct)
    except json.JSONDecodeError as error:
        raise LabelError(
            "it is read as JSON, because of its name or since it begins like JSON, and line "
            f"{error.lineno} is not JSON ({error.msg.lower()}, column {error.colno}): write "
            f"{FORMS}."
        ) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, LabelError):
            raise
        raise LabelError(f"it is JSON that is not of the form {FORMS}.") from error
    return rows_of(document)


def read_yaml(content: str) -> list[Row | Label]:
    """Read labels from YAML. Words stay words: `no` and `on` are labels like others.

    Raises:
        LabelError: it is not YAML, of another form, or has aliases, which can unfold to gigabytes.
    """
    import yaml

    if len(content) > MAX_YAML_MIB * 2**20:
        raise LabelError(f"it is YAML of more than {MAX_YAML_MIB} MiB: save it as JSON.")
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        document = _YamlReader(yaml, yaml.parse(content, Loader=loader)).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else "it"
        why = " ".join(str(getattr(error, "problem", None) or "no such character").split())
        raise LabelError(f"{line} is not YAML ({why:.80}): write {FORMS}.") from error
    return [] if document is None else rows_of(document)


def rows_of(document: object) -> list[Row | Label]:
    """Return the labels of a list or a mapping, as JSON, YAML and Python have them.

    Raises:
        LabelError: something in it is no label.
    """
    if isinstance(document, Mapping):
        check_count(len(document), "it")
        return list(_of_mapping(document))
    if isinstance(document, Iterable) and not isinstance(document, str | bytes):
        items = list(document)
        check_count(len(items), "it")
        return [
            row for place, item in enumerate(items, 1) for row in _of_item(item, f"item {place}")
        ]
    raise LabelError(f"{document!r:.60} is not a list of labels: write {FORMS}.")


def _of_mapping(document: Mapping[Any, Any]) -> Iterator[Row | Label]:
    listing = next((key for key in document if _plain(key) in _LISTS), None)
    if listing is not None and not isinstance(document[listing], str):
        if len(document) > 1:
            others = [str(key) for key in document if key != listing]
            raise LabelError(
                f"it has {listing!r:.40} beside {others[0]!r:.40}, which may be a label or not: "
                f"keep {listing!r:.40} only."
            )
        yield from rows_of(document[listing])
        return
    keys = {_plain(key) for key in document}
    if len(document) > 1 and keys & set(NAMES) and keys <= _FIELDS:
        raise LabelError(f"it is the row of one label, {_seen(document)}: put it into a list […].")
    if document and all(_is_number(key) and isinstance(v, str) for key, v in document.items()):
        yield from (Row(f"item {at}", name.strip()) for at, name in enumerate(document.values(), 1))
        return
    for place, (name, value) in enumerate(document.items(), 1):
        yield _entry(name, value, f"item {place}")


def _of_item(item: object, place: str) -> Iterator[Row | Label]:
    if isinstance(item, Label):
        yield item
    elif isinstance(item, str):
        yield Row(place, item.strip())
    elif isinstance(item, Mapping) and {_plain(key) for key in item} & {*NAMES, *TEXTS}:
        yield _fields(item, place)
    elif isinstance(item, Mapping) and len(item) == 1:
        yield from (_entry(name, value, place) for name, value in item.items())
    else:
        raise LabelError(f"{place}, {_seen(item)}, is not a label: write {FORMS}.")


def _entry(name: object, value: object, place: str) -> Row:
    """Return the label of `"archery": ["bow"]`, also of `"archery": {"text": …}` or a number."""
    if not isinstance(name, str) or _plain(name) in (*ATTRIBUTES, *NUMBERS, _SOURCE):
        raise LabelError(f"{place}, {_seen(name)}, is not a label: write {FORMS}.")
    if value is None or value == "" or _is_number(value):
        return Row(place, name.strip())
    if isinstance(value, Mapping):
        return _fields({"label": name, **value}, place)
    if isinstance(value, str):
        raise LabelError(
            f"{place}, {_seen({name: value})}, may be a text or an attribute: write "
            f'{{"text": {value!r:.40}}} or [{value!r:.40}] behind the label.'
        )
    return Row(place, name.strip(), attributes=_words(value, place))


_FIELDS = {*NAMES, *TEXTS, *ATTRIBUTES, *NUMBERS, ROLE, _SOURCE}


def _fields(item: Mapping[Any, Any], place: str) -> Row:
    """Return the label of `{"label": …, "text": …, "attributes": […], "role": …}`."""
    found: dict[str, Any] = {}
    for key, value in item.items():
        plain = _plain(key)
        if plain not in _FIELDS:
            raise LabelError(
                f"{place}, {_seen(item)}, has a field {key!r:.40}, which is none of label, text, "
                "attributes, role, source and id."
            )
        field = next((known[0] for known in (NAMES, TEXTS, ATTRIBUTES) if plain in known), plain)
        # `"label": 3, "name": "archery"`: the number is no name.
        if field == NAMES[0] and _is_number(value):
            continue
        if field in found:
            raise LabelError(f"{place}, {_seen(item)}, says twice what its {field} is: keep one.")
        found[field] = value
    text, name = found.get(TEXTS[0]) or "", found.get(NAMES[0])
    if name is None:
        name, text = text, ""
    if not (isinstance(name, str) and isinstance(text, str) and name):
        raise LabelError(
            f"{place}, {_seen(item)}, has no label, or a label or text that is not words."
        )
    attributes = found.get(ATTRIBUTES[0]) or ()
    role = found.get(ROLE, "")
    if not isinstance(role, str) or (ROLE in found and not role):
        raise LabelError(f"{place}, {_seen(item)}, has no role: write action or ignore.")
    return Row(place, name.strip(), text.strip(), _words(attributes, place), role=role)


def _words(value: object, place: str) -> tuple[str, ...]:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    words: Sequence[Any] = value if isinstance(value, Sequence) and is_list else [value, None]
    if not all(isinstance(word, str) for word in words):
        raise LabelError(
            f"{place} has the attributes {_seen(value)}, which are not a list of words: write "
            '["bow", "arrow"].'
        )
    return tuple(word.strip() for word in words)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise LabelError(f"it has {key!r:.80} twice: keep one of them.")
        document[key] = value
    return document


def _plain(key: object) -> str:
    return re.sub(r"[\s-]+", "_", key.strip().lower()) if isinstance(key, str) else ""


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isdigit()
    return isinstance(value, int) and not isinstance(value, bool)


def _seen(value: object) -> str:
    return f"{value!r:.60}"


class _YamlReader:
    """Makes lists, dicts and words of YAML's events, which are bounded in number and depth."""

    def __init__(self, yaml: Any, events: Iterator[Any]) -> None:
        self._yaml = yaml
        self._events = events
        self._left = _MAX_EVENTS

    def document(self) -> Any:
        """Return the one document."""
        yaml, found, count = self._yaml, None, 0
        while (event := self._next()) is not None:
            if isinstance(event, yaml.DocumentStartEvent):
                count += 1
                if count > 1:
                    raise self._refusal(event, "begins a second document: keep one")
                found = self._value(self._next(), 0)
        return found

    def _next(self) -> Any:
        self._left -= 1
        if self._left < 0:
            raise LabelError(f"it has more than {_MAX_EVENTS:,} parts: save it as JSON.")
        return next(self._events, None)

    def _value(self, event: Any, depth: int) -> Any:
        yaml = self._yaml
        if isinstance(event, yaml.AliasEvent):
            raise self._refusal(event, f"refers to *{event.anchor:.40}: write it out")
        if event.tag not in (None, "!"):
            raise self._refusal(event, f"has a tag {event.tag!r:.40}: leave it out")
        if isinstance(event, yaml.ScalarEvent):
            if event.implicit[0] and event.start_mark.line != event.end_mark.line:
                raise self._refusal(
                    event,
                    f"and the lines below it are one text, {event.value!r:.60}: begin every label "
                    'with "- ", all in one column',
                )
            if event.tag == "!":  # `- ! archery`
                return IGNORE_MARK + event.value
            return None if event.implicit[0] and event.value in ("", "~", "null") else event.value
        if depth >= _MAX_DEPTH:
            raise self._refusal(event, f"is nested too deeply: write {FORMS}")
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(item := self._next(), yaml.SequenceEndEvent):
                items.append(self._value(item, depth + 1))
            return items
        document: dict[str, Any] = {}
        while not isinstance(key := self._next(), yaml.MappingEndEvent):
            name = self._value(key, _MAX_DEPTH)
            if name is None or name in document:
                raise self._refusal(
                    key, f"has {name!r:.40} again: keep one" if name else "has no name"
                )
            document[name] = self._value(self._next(), depth + 1)
        return document

    @staticmethod
    def _refusal(event: Any, why: str) -> LabelError:
        return LabelError(f"line {event.start_mark.line + 1} {why}.")
