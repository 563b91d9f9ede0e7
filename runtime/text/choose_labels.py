"""Chooses labels for a bundle: its bank provides those it knows, the rest is embedded."""

import logging
from collections.abc import Iterable, Sequence

from ..bundle.bundle import Bundle
from ..callbacks import OnEmbedded
from ..errors import LabelError
from ..labels.bank import LabelBank, stack_banks
from ..labels.labels import Label, as_labels
from ..labels.names import name_key, nearest_hint
from ..labels.shipped import with_shipped_attributes
from .encoder import TextEncoder

SHOWN_UNKNOWN = 5
SHOWN_STRANGE = 3

log = logging.getLogger(__name__)


def choose_labels(
    bundle: Bundle,
    wanted: Iterable[str | Label] | None = None,
    *,
    threads: int = 0,
    progress: OnEmbedded | None = None,
    shipped_attributes: bool = True,
) -> LabelBank:
    """Return the bank of the wanted labels, in their order and under their names.

    The bundle's bank provides a label that it knows by name, in any spelling, unless the wanted one
    has another text or other attributes. The text encoder embeds the others; names alone get the
    attributes that ship for them, and the log says how many did.

    Args:
        bundle: the opened bundle.
        wanted: labels, or names alone; all of the bundle's if None.
        threads: CPU threads of the text encoder; 0 lets the engine choose.
        progress: see `TextEncoder.embed`.
        shipped_attributes: whether names alone get the attributes that ship.

    Raises:
        LabelError: there are none, one twice, or unknown ones and no text encoder; or the shipped
            bundle, which nobody named, knows no word of one.
        EngineError: tokenizers or the inference engine is not installed.
    """
    if wanted is None:
        return bundle.bank
    labels = as_labels(wanted)
    if bundle.is_fallback:
        _refuse_strange_labels(bundle, labels)
    rows = rows_of(labels, bundle.bank.labels)
    known = [label for label, row in zip(labels, rows, strict=True) if row is not None]
    unknown = tuple(label for label, row in zip(labels, rows, strict=True) if row is None)
    if unknown and bundle.manifest.text is None:
        raise LabelError(_unknown_message(bundle, unknown))
    banks = []
    if known:
        names = [label.name for label in known]
        banks.append(bundle.bank.select([row for row in rows if row is not None], names))
    if unknown:
        if shipped_attributes:
            unknown = with_shipped_attributes(unknown, tell=log.info)
        banks.append(TextEncoder(bundle, threads=threads).bank_for(unknown, progress))
    place_of = {label.name: place for place, label in enumerate([*known, *unknown])}
    return stack_banks(banks).select([place_of[label.name] for label in labels])


def rows_of(wanted: Sequence[Label], stored: Sequence[Label]) -> list[int | None]:
    """Return each wanted label's row among the stored ones; None if it is not there."""
    row_of: dict[str, int] = {}
    for row, label in enumerate(stored):
        row_of.setdefault(name_key(label.name), row)
    # Banks of older bundles may have two spellings of a name: the very same one comes first.
    exact = {label.name: row for row, label in enumerate(stored)}
    rows = [exact.get(label.name, row_of.get(name_key(label.name))) for label in wanted]
    return [
        row if row is not None and _agree(label, stored[row]) else None
        for label, row in zip(wanted, rows, strict=True)
    ]


def _refuse_strange_labels(bundle: Bundle, labels: Sequence[Label]) -> None:
    """Refuse labels that a network of moving shapes would score by chance.

    Raises:
        LabelError: it knows no word of one.
    """
    from ..shapes.vocabulary import strange_labels

    strange = strange_labels(labels)
    if not strange:
        return
    more = f" and {len(strange) - SHOWN_STRANGE} more labels" * (len(strange) > SHOWN_STRANGE)
    shown = ", ".join(f"{label.name!r:.80}" for label in strange[:SHOWN_STRANGE])
    raise LabelError(
        f"The bundle that ships knows moving shapes and no word of {shown}{more}: fetch one that "
        f"knows people with stzsar-fetch, or insist with --bundle {bundle.path}."
    )


def _agree(wanted: Label, stored: Label) -> bool:
    """Whether `stored` has the text and the attributes that `wanted` asks for, if any."""
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
    if name_key(label.name) in map(name_key, names):
        return f"{label.name!r:.80} with those attributes"
    return f"{label.name!r:.80}{nearest_hint(label.name, names, 3)}"
