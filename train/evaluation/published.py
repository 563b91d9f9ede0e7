"""Published zero-shot figures of other families, to print beside ours.

They are copied from their papers and pages, as published.json says, and none was measured here.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from ...models.prompts import PromptMean
from ...runtime.documents import MIB, from_json, read_file
from ...runtime.errors import StzsarError

FILE = Path(__file__).with_name("published.json")
_Percent = Annotated[float, Meta(ge=0, le=100)]


class Figure(Struct, forbid_unknown_fields=True):
    """One number of a family's table."""

    data: str  # the data set, as its labels ship
    protocol: str  # of `stzsar-eval --protocol`
    backbone: str
    frames: int
    views: str  # clips x crops
    top1: _Percent
    source: str  # where it is published
    std: _Percent | None = None


class Family(Struct, forbid_unknown_fields=True):
    title: str
    rows: tuple[Figure, ...]
    prompt_mean: PromptMean = "embeddings"  # of its own test code


def published() -> dict[str, Family]:
    """Return the figures by the names of families that stzsar-import has."""
    return from_json(read_file(FILE, MIB), dict[str, Family])


def family_of(name: str) -> Family:
    """Return the figures of a family.

    Raises:
        StzsarError: there are none.
    """
    families = published()
    if name not in families:
        raise StzsarError(
            f"There are no published figures of {name!r:.80}. Choose one of {', '.join(families)}."
        )
    return families[name]
