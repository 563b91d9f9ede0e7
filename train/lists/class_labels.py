"""Chooses the labels that compete: a class's words and attributes, from a file or the model."""

from collections.abc import Sequence
from dataclasses import replace

from ...runtime.errors import LabelError
from ...runtime.labels.labels import Label, as_labels
from ...runtime.labels.names import name_key, nearest_hint
from ...runtime.labels.shipped import with_shipped_attributes
from ...runtime.terminal.commandline import say
from ...runtime.text.choose_labels import rows_of


def labels_of_classes(
    classes: Sequence[str],
    others: Sequence[str],
    labels: Sequence[Label],
    where: str,
    *,
    allow_extra: bool = False,
) -> tuple[Label, ...]:
    """Return the label of each class, from labels that must fit the data.

    There may be labels of `others`, further classes of the data; `allow_extra` leaves out the rest.
    An error says `where` they were read.

    Raises:
        LabelError: a class lacks its label, or a label is no class.
    """
    by_key = {name_key(label.name): label for label in labels}
    lacking = [name for name in classes if name_key(name) not in by_key]
    if lacking:
        hint = nearest_hint(lacking[0], [label.name for label in labels])
        raise LabelError(
            f"{where} lacks {len(lacking)} of {len(classes)} classes, the first is "
            f"{lacking[0]!r:.80}{hint}: take the labels of this data, or give them the names of "
            "its classes."
        )
    known = set(map(name_key, (*classes, *others)))
    extra = [label.name for label in labels if name_key(label.name) not in known]
    if extra and not allow_extra:
        raise LabelError(
            f"{where} has {len(extra)} labels that are no class of the data, the first is "
            f"{extra[0]!r:.80}{nearest_hint(extra[0], classes)}: take the labels of this data, or "
            "accept it with --allow-missing."
        )
    return tuple(by_key[name_key(name)] for name in classes)


def labels_of_model(classes: Sequence[str], known: Sequence[Label]) -> tuple[Label, ...]:
    """Return the model's label of each class, or the class's name if the model lacks it."""
    by_key = {name_key(label.name): replace(label, role="action") for label in known}
    return as_labels([by_key.get(name_key(name), Label(name)) for name in classes])


def without_attributes(labels: Sequence[Label]) -> tuple[Label, ...]:
    """Return labels that are described by nothing but their text."""
    return tuple(replace(label, attributes=()) for label in labels)


def described(labels: Sequence[Label], known: Sequence[Label]) -> tuple[Label, ...]:
    """Return what stzsar-run would score for these labels.

    A name alone, in any spelling, means what the model, with its `known` labels, means by it. Other
    names get the attributes that ship, and a message counts them. Labels with a text or attributes
    of their own keep them.
    """
    rows = rows_of(labels, known)
    strange = [label for label, row in zip(labels, rows, strict=True) if row is None]
    new = {label.name: label for label in with_shipped_attributes(strange, tell=say)}
    return tuple(
        new[label.name] if row is None else replace(known[row], name=label.name, role="action")
        for label, row in zip(labels, rows, strict=True)
    )


def add_seen(
    labels: Sequence[Label], seen: Sequence[Label], known: Sequence[Label]
) -> tuple[tuple[Label, ...], tuple[int, ...]]:
    """Append the training classes that are not among the labels yet; return all, and their rows.

    A seen name alone means what the model, with its `known` labels, means by it.

    Raises:
        LabelError: every tested class is a seen one.
    """
    row_of = {name_key(label.name): row for row, label in enumerate(labels)}
    by_key = {name_key(label.name): label for label in known}
    everything = list(labels)
    rows = []
    for label in seen:
        key = name_key(label.name)
        if key not in row_of:
            row_of[key] = len(everything)
            is_plain = label == Label(label.name)
            everything.append(by_key.get(key, label) if is_plain else label)
        rows.append(row_of[key])
    if set(range(len(labels))) <= set(rows):
        raise LabelError(
            "Every class of the data is in --seen, which leaves none unseen: give only the classes "
            "of the training."
        )
    return as_labels(everything), tuple(sorted(set(rows)))
