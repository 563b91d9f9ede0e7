"""Chooses labels for a bundle: its bank provides those it knows, the rest is embedded."""

import logging
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from functools import partial

from ..bundle.bundle import Bundle
from ..callbacks import OnEmbedded
from ..errors import LabelError
from ..labels.bank import LabelBank, stack_banks
from ..labels.labels import Label, as_labels, identity_of, ignored
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
    ignore: Iterable[str | Label] = (),
    context: Sequence[Label] = (),
    threads: int = 0,
    progress: OnEmbedded | None = None,
    shipped_attributes: bool = True,
) -> LabelBank:
    """Return the bank of the wanted labels, in their order and under their names.

    The bundle's bank provides a label that it knows by name, in any spelling, unless the wanted one
    has another text or other attributes: a name alone means what the bundle means by it. The text
    encoder embeds the others; names alone get the attributes that ship for them, and the log says
    how many did.

    Args:
        bundle: the opened bundle.
        wanted: labels, or names alone; all of the bundle's if None.
        ignore: labels, or names alone, that follow them as labels to ignore.
        context: labels that a calibration measures with; those that are not there follow last.
        threads: CPU threads of the text encoder; 0 lets the engine choose.
        progress: see `TextEncoder.embed`.
        shipped_attributes: whether names alone get attributes, the bundle's own or those that ship;
            if not, labels are embedded as they are.

    Raises:
        LabelError: there are none, one twice, or unknown ones and no text encoder; or the shipped
            bundle, which nobody named, knows no word of most.
        EngineError: tokenizers or the inference engine is not installed.
    """
    add_context = partial(
        with_context, bundle=bundle, context=context, threads=threads, progress=progress
    )
    to_ignore = ignored(as_labels(ignore)) if ignore else ()
    if wanted is None and not to_ignore:
        return add_context(bundle.bank)
    if wanted is None:
        keys = {name_key(label.name) for label in to_ignore}
        wanted = [label for label in bundle.bank.labels if name_key(label.name) not in keys]
    labels = as_labels([*wanted, *to_ignore])
    if bundle.is_fallback:
        labels = _without_strange_actions(bundle, labels)
    rows = rows_of(labels, bundle.bank.labels, as_they_are=not shipped_attributes)
    known = [label for label, row in zip(labels, rows, strict=True) if row is not None]
    unknown = tuple(label for label, row in zip(labels, rows, strict=True) if row is None)
    banks = []
    if known:
        banks.append(bundle.bank.select([row for row in rows if row is not None], known))
    if unknown:
        if shipped_attributes and bundle.manifest.text is not None:
            unknown = with_shipped_attributes(unknown, tell=log.info)
        banks.append(_embedded(bundle, unknown, threads=threads, progress=progress))
    place_of = {label.name: place for place, label in enumerate([*known, *unknown])}
    bank = stack_banks(banks).select([place_of[label.name] for label in labels])
    return add_context(bank)


def _embedded(
    bundle: Bundle,
    labels: tuple[Label, ...],
    *,
    threads: int,
    progress: OnEmbedded | None,
) -> LabelBank:
    if bundle.manifest.text is None:
        raise LabelError(_unknown_message(bundle, labels))
    return TextEncoder(bundle, threads=threads).bank_for(labels, progress)


def with_context(
    bank: LabelBank,
    bundle: Bundle,
    context: Sequence[Label],
    *,
    threads: int = 0,
    progress: OnEmbedded | None = None,
) -> LabelBank:
    """Return a bank with the labels of the context that it lacks, or itself if it has them all.

    Not the name counts, but the meaning.

    Raises:
        LabelError: it lacks one that the bundle does not know, and there is no text encoder.
    """
    present = {identity_of(label) for label in bank.labels}
    missing = [label for label in context if identity_of(label) not in present]
    if not missing:
        return bank
    row_of = {identity_of(label): row for row, label in enumerate(bundle.bank.labels)}
    known = [label for label in missing if identity_of(label) in row_of]
    unknown = tuple(label for label in missing if identity_of(label) not in row_of)
    banks = [bank]
    taken = set(bank.names)
    if known:
        rows = [row_of[identity_of(label)] for label in known]
        banks.append(bundle.bank.select(rows, as_context(known, taken)))
    if unknown:
        embedded = _embedded(bundle, unknown, threads=threads, progress=progress)
        banks.append(embedded.select(range(len(unknown)), as_context(unknown, taken)))
    return stack_banks(banks)


def as_context(labels: Iterable[Label], taken: Container[str]) -> list[Label]:
    """Return labels in the role of context, under names that are not taken."""
    return [
        replace(
            label,
            name=identity_of(label) if label.name in taken else label.name,
            role="context",
        )
        for label in labels
    ]


def rows_of(
    wanted: Sequence[Label], stored: Sequence[Label], *, as_they_are: bool = False
) -> list[int | None]:
    """Return each wanted label's row among the stored ones; None if it is not there.

    A name alone finds its label, whatever text and attributes that has; `as_they_are` it does not.
    """
    row_of: dict[str, int] = {}
    for row, label in enumerate(stored):
        row_of.setdefault(name_key(label.name), row)
    # Banks of older bundles may have two spellings of a name: the very same one comes first.
    exact = {label.name: row for row, label in enumerate(stored)}
    rows = [exact.get(label.name, row_of.get(name_key(label.name))) for label in wanted]
    agree = _are_equal if as_they_are else _agree
    return [
        row if row is not None and agree(label, stored[row]) else None
        for label, row in zip(wanted, rows, strict=True)
    ]


def _without_strange_actions(bundle: Bundle, labels: tuple[Label, ...]) -> tuple[Label, ...]:
    """Return labels of which a network of moving shapes reports none that it scores by chance.

    Raises:
        LabelError: it knows no word of half of them.
    """
    from ..shapes.vocabulary import strange_labels

    strange = strange_labels(labels)
    if not strange:
        return labels
    more = f" and {len(strange) - SHOWN_STRANGE} more labels" * (len(strange) > SHOWN_STRANGE)
    shown = ", ".join(f"{label.name!r:.80}" for label in strange[:SHOWN_STRANGE])
    why = f"The bundle that ships knows moving shapes and no word of {shown}{more}"
    hint = f"fetch one that knows people with stzsar-fetch, or insist with --bundle {bundle.path}."
    if 2 * len(strange) >= len(labels):
        raise LabelError(f"{why}: {hint}")
    log.warning("%s, which is never reported: %s", why, hint)
    never = {label.name for label in strange}
    return tuple(
        replace(label, role="ignore") if label.name in never else label for label in labels
    )


def _agree(wanted: Label, stored: Label) -> bool:
    """Whether `stored` has the text and the attributes that `wanted` asks for, if any."""
    plain_text = wanted.text == wanted.name
    plain_attributes = wanted.attributes == (wanted.text,)
    return (plain_text or wanted.text == stored.text) and (
        plain_attributes or wanted.attributes == stored.attributes
    )


def _are_equal(wanted: Label, stored: Label) -> bool:
    return (wanted.text, wanted.attributes) == (stored.text, stored.attributes)


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
