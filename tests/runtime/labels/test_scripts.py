import logging

import pytest

from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.labels.scripts import script_warning
from stzsar.runtime.text.choose_labels import choose_labels

# As many as CLIP's own tokenizer makes of them (open_clip's SimpleTokenizer).
CLIP_TOKENS = {
    "стрельба из лука": 16, "射箭": 5, "アーチェリー": 7, "양궁": 5, "الرماية": 6, "τοξοβολία": 18,
    "tir à l'arc": 5, "Bogenschießen": 7, "Íjászat": 5, "archery 🏹": 3, "archery": 1,
}  # fmt: skip
# Of a tokenizer that was made for a hundred languages: a few letters a token, one or two a sign.
MANY_LANGUAGES = {"стрельба из лука": 5, "射箭": 3, "アーチェリー": 4, "양궁": 3, "الرماية": 3}


@pytest.mark.parametrize("text", list(CLIP_TOKENS)[:6])
def test_a_label_that_is_spelt_out_in_bytes_is_warned_of(text):
    assert f"({text!r})" in script_warning([text, "archery"], CLIP_TOKENS.__getitem__)


@pytest.mark.parametrize("text", list(CLIP_TOKENS)[6:])
def test_accents_and_emoji_are_no_other_script(text):
    assert script_warning([text], CLIP_TOKENS.__getitem__) == ""


@pytest.mark.parametrize("text", MANY_LANGUAGES)
def test_an_encoder_that_knows_the_script_is_not_warned_of(text):
    assert script_warning([text], MANY_LANGUAGES.__getitem__) == ""


def test_a_run_is_warned_once_for_all_such_labels(caplog):
    with caplog.at_level(logging.WARNING):
        choose_labels(Bundle.open(shipped_bundle()), ["射箭", "стрельба", "red circle rising"])

    said = [record.getMessage() for record in caplog.records if "script" in record.getMessage()]
    assert len(said) == 1
    assert said[0].startswith("2 labels are in a script that the text encoder spells out byte by")
