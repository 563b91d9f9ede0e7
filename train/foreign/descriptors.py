"""OST's descriptors: phrases of what is seen and what is done in each class, as attributes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from ...runtime.documents import MIB, DocumentError, from_json, read_file
from ...runtime.errors import LabelError
from ...runtime.labels.labels import MAX_ATTRIBUTES, MAX_TEXT_CHARACTERS, Label, as_labels
from ..lists.class_lists import read_numbered_classes
from .ost import DONE, SEEN

_MAX_BYTES = 16 * MIB
_Phrase = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
_Phrases = Annotated[list[_Phrase], Meta(min_length=1, max_length=MAX_ATTRIBUTES // 2)]


def described_labels(seen: Path, done: Path, classes: Path) -> tuple[Label, ...]:
    """Return the classes as labels whose attributes are OST's sentences, those seen first.

    Raises:
        LabelError: a file cannot be read, or the files do not fit each other.
    """
    names = read_numbered_classes(classes, spaced=False)
    visible, acted = _read(seen), _read(done)
    numbers = [str(number) for number in names]
    for path, found in ((seen, visible), (done, acted)):
        if set(found) != set(numbers):
            raise LabelError(
                f"{path} describes {len(found)} classes and {classes} names {len(numbers)}, and "
                "their numbers must be the same: give the files of one data set."
            )
    return as_labels(
        Label(name, attributes=_sentences(name, visible[str(number)], acted[str(number)], seen))
        for number, name in names.items()
    )


def _sentences(
    name: str, visible: Sequence[str], acted: Sequence[str], path: Path
) -> tuple[str, ...]:
    if len(visible) != len(acted):
        raise LabelError(
            f"{path} has {len(visible)} descriptors of {name!r:.80} and the other file "
            f"{len(acted)}: OST takes as many of each kind."
        )
    return (
        *(SEEN.format(phrase) for phrase in visible),
        *(DONE.format(name, phrase) for phrase in acted),
    )


def _read(path: Path) -> dict[str, list[str]]:
    try:
        return from_json(read_file(path, _MAX_BYTES), dict[str, _Phrases])
    except OSError as error:
        raise LabelError(f"Cannot read the descriptors {path}: {error.strerror}.") from error
    except DocumentError as error:
        raise LabelError(f"{path} is not a file of descriptors: {error}.") from error
