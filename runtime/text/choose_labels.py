"""Wanted labels against a bundle: what its bank knows is taken, the rest is embedded."""

import logging
from collections.abc import Iterable, Sequence

from ..bundle.bundle import Bundle
from ..callbacks import OnEmbedded
from ..errors import LabelError
from ..labels.bank import LabelBank, stack_banks
from ..labels.labels import Label, as_labels
from ..labels.names import nearest_names
from ..labels.shipped import with_shipped_attributes
from .encoder import TextEncoder

SHOWN_UNKNOWN = 5

log = logging.getLogger(__name__)


def choose_labels(
    bundle: Bundle,
    wanted: Iterable[str | Label] | None = None,
    *,
    threads: int = 0,
    progress: OnEmbedded | None = None,
    shipped_attributes: bool = True,
) -> LabelBank:
    """Return the bank of the wanted labels, in their order.

    A label is taken from the bundle's bank if it is there by name and, where the wanted one has a
    text or attributes of its own, with the same ones. The others go through the text encoder, with
    the attributes that ship for their names where they are a name alone; how many is logged.

    Args:
        bundle: the opened bundle.
        wanted: labels, or names alone; all of the bundle's if None.
        threads: CPU threads of the text encoder; 0 leaves it to the engine.
        progress: see `TextEncoder.embed`.
        shipped_attributes: whether labels that are embedded get the attributes that ship.

    Raises:
        LabelError: there are none, one twice, or unknown ones and no text encoder.
        EngineError: tokenizers or the inference engine is not installed.
    """
    if wanted is None:
        return bundle.bank
    labels = as_labels(wanted)
    rows = rows_of(labels, bundle.bank.labels)
    known = [label for label, row in zip(labels, rows, strict=True) if row is not None]
    unknown = tuple(label for label, row in zip(labels, rows, strict=True) if row is None)
    if unknown and bundle.manifest.text is None:
        raise LabelError(_unknown_message(bundle, unknown))
    banks = []
    if known:
        banks.append(bundle.bank.select([row for row in rows if row is not None]))
    if unknown:
        if shipped_attributes:
            unknown = with_shipped_attributes(unknown, tell=log.info)
        banks.append(TextEncoder(bundle, threads=threads).bank_for(unknown, progress))
    place_of = {label.name: place for place, label in enumerate([*known, *unknown])}
    return stack_banks(banks).select([place_of[label.name] for label in labels])


def rows_of(wanted: Sequence[Label], stored: Sequence[Label]) -> list[int | None]:
    """Return where each wanted label stands among the stored ones; None where it does not."""
    row_of = {label.name: row for row, label in enumerate(stored)}
    rows = [row_of.get(label.name) for label in wanted]
    return [
        row if row is not None and _agree(label, stored[row]) else None
        for label, row in zip(wanted, rows, strict=True)
    ]


def _agree(wanted: Label, stored: Label) -> bool:
    """Say whether `stored` has the text and the attributes that `wanted` asks for, if any."""
    plain_text = wanted.text == wanted.name
    plain_attributes = wanted.attributes == (wanted.text,)
    return (plain_text or wanted.text == stored.text) and (
        plain_attributes or wanted.attributes == stored.attributes
    )


def _unknown_message(bundle: Bundle, unknown: Sequence[Label]) -> str:
    names = bundle.bank.names
    shown = [_with_nearest(label, names) for label in unknown[:SHOWN_UNKNOWN]]
    if len(unknown) > SHOWN_UNKNOWN:
        shown.append(f"and {len(unknown) - SHOWN_UNKNOWN} more")
    return (
        f"The bundle {bundle.path} has no text encoder and does not know {', '.join(shown)}: "
        "use labels that it knows, or export it with a text encoder."
    )


def _with_nearest(label: Label, names: Sequence[str]) -> str:
    if label.name in names:
        return f"{label.name!r} with those attributes"
    nearest = ", ".join(repr(name) for name in nearest_names(label.name, names))
    return f"{label.name!r} (nearest: {nearest})"
