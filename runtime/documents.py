"""JSON and TOML files, read into typed objects.

Such files come from strangers or from people's editors. Only regular files of a bounded size are
read. The types (msgspec's) say which values each field takes, so that a number of 400 digits, a
list nested a thousand times or a missing field is one clause that names the field, never a crash.
"""

import errno
import io
import os
import re
import stat
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

MIB = 2**20
_LONGEST = 200

T = TypeVar("T")

Count = Annotated[int, Meta(ge=0, le=2**53)]
FiniteFloat = Annotated[float, Meta(ge=-1e300, le=1e300)]  # TOML has nan and inf
PositiveFloat = Annotated[float, Meta(gt=0, le=1e300)]
NotNegativeFloat = Annotated[float, Meta(ge=0, le=1e300)]


class DocumentError(ValueError):
    """Content that is not what it should be; the message is a clause that names the field."""


def read_file(path: Path, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it cannot be read, is a folder, a pipe or a device, or is too large; `strerror`
            says which.
    """
    with open_regular(path, follow_links=follow_links) as file:
        parts, left = [], max_bytes + 1
        # In parts: a single read would allocate all of the limit.
        while left and (part := file.read(min(left, MIB))):
            parts.append(part)
            left -= len(part)
    if not left:
        most = f"{max_bytes // MIB} MiB" if max_bytes >= MIB else f"{max_bytes} bytes"
        raise OSError(errno.EFBIG, f"Larger than {most}", str(path))
    return b"".join(parts)


def open_regular(path: Path, *, follow_links: bool = True) -> io.BufferedReader:
    """Open a regular file to read it.

    Raises:
        OSError: it cannot be opened, or is a folder, a pipe or a device.
    """
    # Opening a pipe would wait for somebody who writes to it.
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow_links else os.O_NOFOLLOW)
    return os.fdopen(_regular(os.open(path, flags), path), "rb")


def open_to_append(path: Path) -> io.BufferedRandom:
    """Open a regular file to append to it, made where it is missing; it can be locked and read.

    Raises:
        OSError: it cannot be opened, or is a folder, a pipe or a device.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
    return os.fdopen(_regular(os.open(path, flags, 0o666), path), "a+b")


def _regular(descriptor: int, path: Path) -> int:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "Not a regular file", str(path))


def from_json(content: bytes | str, kind: type[T]) -> T:
    """Return the JSON document `content` as an object of `kind`.

    Raises:
        DocumentError: it is not JSON, or a field is missing, of another type or out of range.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DocumentError(_clause(error)) from error


def from_toml(content: bytes) -> dict[str, Any]:
    """Return the TOML document `content`.

    Raises:
        DocumentError: it is not TOML; the clause says where, and quotes nothing, since a line of
            it may hold a password.
    """
    try:
        return msgspec.toml.decode(content.decode())
    except UnicodeDecodeError as error:
        raise DocumentError("it is not UTF-8") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        place = re.search(r"at (line \d+, column \d+|end of document)", str(error))
        hint = f"look {place[0]}" if place else "look for a missing quote or bracket"
        raise DocumentError(f"it is not TOML: {hint}") from None


def convert(value: object, kind: type[T], *, strict: bool = True) -> T:
    """Return what JSON or TOML gave as an object of `kind`; not `strict` takes texts for numbers.

    Raises:
        DocumentError: a field is missing, of another type or out of range.
    """
    try:
        return msgspec.convert(value, kind, strict=strict)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DocumentError(_clause(error)) from error


def convert_table(value: object, kind: type[T], name: str) -> T:
    """Return a table that people wrote as an object of `kind`, like `convert`.

    Args:
        value: what TOML gave.
        kind: a Struct.
        name: what the table is called in the file: "stream" for [[stream]].

    Raises:
        DocumentError: as `convert` does; the clause counts from 1, and says what to write instead.
    """
    try:
        return convert(value, kind)
    except DocumentError as error:
        said = str(error.__cause__)
        clause = re.sub(r"\[(\d+)\]", lambda match: f" {int(match[1]) + 1}", str(error))
        clause = clause.replace(" | null", "")
        raise DocumentError(clause + _advice(said, kind, name)) from error


def _advice(said: str, kind: type, name: str) -> str:
    """Return what msgspec leaves out: the fields that there are, or the values of one."""
    found = msgspec.inspect.type_info(kind)
    path = re.search(r" - at `\$(.+?)`", said)
    for step in re.findall(r"[\w-]+", path[1] if path else ""):
        found = _inner(found, step)
        name = name if step.isdigit() else f"{name}.{step}"
    if "unknown field" in said or "missing required field" in said:
        fields = getattr(found, "fields", ())
        return f"; a [[{name}]] takes {', '.join(field.encode_name for field in fields)}"
    if said.startswith("Invalid enum value"):
        return f"; give one of {', '.join(map(str, getattr(found, 'values', ())))}"
    return ""


def _inner(kind: Any, step: str) -> Any:
    """Return the type of a field or of an item, without what may stand beside it: None, bounds."""
    if step.isdigit():
        items = getattr(kind, "item_types", ())
        inner = items[int(step)] if items else kind.item_type
    else:
        inner = next(field.type for field in kind.fields if field.encode_name == step)
    options = [inner, *getattr(inner, "types", ())]
    options = [getattr(option, "type", option) for option in options]
    known = ("fields", "values", "item_type", "item_types")
    return next((one for one in options if any(hasattr(one, has) for has in known)), inner)


def _clause(error: Exception) -> str:
    """Return msgspec's message as a clause: "sampling.frames: expected int >= 1"."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    said = str(error).rstrip(".")
    match = re.fullmatch(r"(.*) - at `\$\.?(.+?)`", said, flags=re.DOTALL)
    what, field = (match[1], match[2]) if match else (said, "")
    what = what.replace("`", "").replace("Object ", "").strip()
    what = what if what[:2].isupper() else what[:1].lower() + what[1:]  # JSON stays JSON
    return shown_clause(f"{field}: {what}" if field else what)


def shown_clause(clause: object) -> str:
    """Return a clause that quotes what is in a file, short enough and safe for a terminal."""
    text = str(clause)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return "".join(character if character.isprintable() else "�" for character in shown)
