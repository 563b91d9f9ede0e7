"""What is cut off a label is said where torch embeds it, too."""

import logging

import pytest

from stzsar.models.config import small_config
from stzsar.models.label_texts import embed_labels
from stzsar.models.stzsar import STZSAR
from stzsar.runtime.labels.labels import as_labels

LONG = "a red circle that moves slowly along the upper edge of a wide and empty grey picture "


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["circle", "ring"], []),
        ([f"{LONG} with a hat", f"{LONG} without one", "ring"], ["cannot tell"]),
    ],
)
def test_labels_that_are_cut_are_warned_of_by_name(names, said, caplog):
    with caplog.at_level(logging.WARNING, logger="stzsar"):
        embed_labels(STZSAR(small_config()), as_labels(names))

    assert len(caplog.records) == len(said)
    assert all(words in caplog.text for words in said)
    assert all(repr(name) in caplog.text for name in names if LONG in name)
