"""Warns of labels that are longer than what a network reads, which it may then mix up."""

from collections.abc import Hashable, Mapping, Sequence

from .labels import Label

_SHOWN = 5


def cut_warning(labels: Sequence[Label], cut: Mapping[str, Hashable], length: int) -> str:
    """Return a warning about labels and attributes that are cut; "" if there are none.

    Args:
        labels: the labels.
        cut: the tokens that are left of each text that was cut.
        length: how many tokens the network reads.
    """
    long = [label for label in labels if label.text in cut]
    attributes = {word for label in labels for word in label.attributes if word in cut}
    attributes -= {label.text for label in long}
    if not long and not attributes:
        return ""
    counts = [f"{len(long)} labels"] if long else []
    counts += [f"{len(attributes)} attributes"] if attributes else []
    first = long[0].name if long else min(attributes)
    sentences = [
        f"{' and '.join(counts)} are longer than the {length} tokens that the network reads, and "
        f"are cut; the first is {first!r}."
    ]
    alike: dict[Hashable, list[str]] = {}
    for label in labels:
        words = (label.text, *label.attributes)
        if any(text in cut for text in words):
            alike.setdefault(tuple(cut.get(text, text) for text in words), []).append(label.name)
    twins = [" and ".join(map(repr, names[:_SHOWN])) for names in alike.values() if len(names) > 1]
    if twins:
        more = f"; and {len(twins) - _SHOWN} more" if len(twins) > _SHOWN else ""
        sentences.append(
            f"The network cannot tell {'; '.join(twins[:_SHOWN])}{more} apart: put first what "
            "differs, or shorten them."
        )
    return " ".join(sentences)
