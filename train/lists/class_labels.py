"""The labels that compete: a class's words and attributes, from a file or from the model."""

from collections.abc import Sequence
from pathlib import Path

from ...runtime.errors import LabelError
from ...runtime.labels.labels import Label, as_labels
from ...runtime.labels.shipped import with_shipped_attributes
from ...runtime.terminal.commandline import say
from .names import key_of, nearest


def labels_of_file(
    classes: Sequence[str],
    others: Sequence[str],
    labels: Sequence[Label],
    where: Path,
    *,
    allow_extra: bool = False,
) -> tuple[Label, ...]:
    """Return the label of each class, from a file that must fit the data.

    Args:
        classes: the tested ones.
        others: further classes of the data, for which labels may stand there.
        labels: the file's.
        where: the file.
        allow_extra: whether labels of no class of the data may stand there; they are left out.

    Raises:
        LabelError: the file lacks a class, or has labels of no class, or two of one.
    """
    by_key: dict[str, Label] = {}
    for label in labels:
        other = by_key.setdefault(key_of(label.name), label)
        if other is not label:
            raise LabelError(
                f"{where} has {other.name!r} and {label.name!r}, which are one class: keep one."
            )
    lacking = [name for name in classes if key_of(name) not in by_key]
    if lacking:
        raise LabelError(
            f"{where} lacks {len(lacking)} of {len(classes)} classes, the first is {lacking[0]!r}"
            f"{nearest(lacking[0], [label.name for label in labels])}: take the labels of this "
            "data, or name them as its classes are named."
        )
    known = {key_of(name) for name in (*classes, *others)}
    extra = [label.name for label in labels if key_of(label.name) not in known]
    if extra and not allow_extra:
        raise LabelError(
            f"{where} has {len(extra)} labels that are no class of the data, the first is "
            f"{extra[0]!r}{nearest(extra[0], classes)}: take the labels of this data, or accept it "
            "with --allow-missing."
        )
    return tuple(by_key[key_of(name)] for name in classes)


def labels_of_model(classes: Sequence[str], known: Sequence[Label]) -> tuple[Label, ...]:
    """Return the label of each class: the model's where it knows one by name, else the words."""
    by_key = {key_of(label.name): label for label in known}
    return as_labels([by_key.get(key_of(name), Label(name)) for name in classes])


def described(labels: Sequence[Label], known: Sequence[Label]) -> tuple[Label, ...]:
    """Return the labels as stzsar-run takes them, and say how many get attributes that ship.

    A name that the model does not know gets them, and what has attributes of its own does not.
    """
    own = {label.name for label in known}
    strange = [label for label in labels if label.name not in own]
    new = {label.name: label for label in with_shipped_attributes(strange, tell=say)}
    return tuple(new.get(label.name, label) for label in labels)


def add_seen(
    labels: Sequence[Label], seen: Sequence[Label], known: Sequence[Label]
) -> tuple[tuple[Label, ...], tuple[int, ...]]:
    """Append the training classes that are not there yet.

    Args:
        labels: of the tested classes.
        seen: the training classes.
        known: the model's labels; a seen name alone is what the model means by it.

    Returns:
        All labels, and the rows of the seen ones among them.

    Raises:
        LabelError: every tested class is a seen one.
    """
    row_of = {key_of(label.name): row for row, label in enumerate(labels)}
    by_key = {key_of(label.name): label for label in known}
    everything = list(labels)
    rows = []
    for label in seen:
        key = key_of(label.name)
        if key not in row_of:
            row_of[key] = len(everything)
            plain = label == Label(label.name)
            everything.append(by_key.get(key, label) if plain else label)
        rows.append(row_of[key])
    if set(range(len(labels))) <= set(rows):
        raise LabelError(
            "Every class of the data is in --seen, so that nothing is unseen: give the classes of "
            "the training alone."
        )
    return as_labels(everything), tuple(sorted(set(rows)))
