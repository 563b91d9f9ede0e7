import json
import random
import unicodedata
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from stzsar.runtime.labels.shipped import default_labels
from stzsar.runtime.text.clean_text import clean_text
from stzsar.runtime.text.clip_tokenizer import ClipTokenizer, split_words

SHIPPED = Path(__file__).parents[3] / "runtime" / "shipped" / "moving-shapes" / "tokenizer.json"
LENGTH = 24
# What tokenizers go wrong with: suffixes, signs, numbers that are no digits, marks, wide letters.
CHARACTERS = (
    "abc xyz'sSdDtTreRvell  0129½²Ⅷ_-!?.&\u0345éßİſΣς中文字かな한글🙂🤸‍♀️\u00a0\u2003\u0301٣अऄ्ि‿ﬁ"
)


@pytest.fixture(scope="module")
def ours() -> ClipTokenizer:
    tokenizer = ClipTokenizer.open(SHIPPED)
    assert tokenizer
    return tokenizer


@pytest.fixture(scope="module")
def theirs() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(SHIPPED))
    tokenizer.enable_truncation(LENGTH)
    tokenizer.no_padding()
    return tokenizer


def any_texts(count: int) -> list[str]:
    chance = random.Random(0)
    ranges = (range(32, 0x300), range(0x300, 0x3000), range(0x3000, 0xD800), range(0xE000, 0x20000))
    mixed = ["".join(chance.choices(CHARACTERS, k=chance.randint(1, 40))) for _ in range(count)]
    wild = [
        "".join(chr(chance.choice(chance.choice(ranges))) for _ in range(chance.randint(1, 12)))
        for _ in range(count)
    ]
    return [text for text in map(clean_text, mixed + wild) if _is_of_every_unicode_version(text)]


def _is_of_every_unicode_version(text: str) -> bool:
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Cn") for character in text)


def test_tokens_are_those_of_the_package_tokenizers(ours, theirs):
    labels = [clean_text(f"This is a video about {label.name}.") for label in default_labels()]
    texts = labels + any_texts(2000)

    assert len(texts) > 3000
    for text in texts:
        assert ours.encode(text, LENGTH) == theirs.encode(text).ids, text


def test_words_are_letters_digits_and_signs():
    assert list(split_words("it's 24 o'clock -- don't!")) == [
        *("it", "'s", "2", "4", "o", "'", "clock", "--", "don", "'t", "!")
    ]


def test_a_long_text_keeps_its_end(ours):
    tokens = ours.encode("word " * 100, LENGTH)

    assert len(tokens) == LENGTH
    assert tokens[-1] == ours.encode("", LENGTH)[-1]


def test_long_words_have_the_tokens_of_the_package_tokenizers(ours):
    theirs = Tokenizer.from_file(str(SHIPPED))
    theirs.no_truncation()
    theirs.no_padding()
    chance = random.Random(0)
    kinds = ("etaoinshrdlu", "ab", "a", "éß射", "-!?", "0123")
    for count in (500, 2000):
        for letters in kinds:
            word = "".join(chance.choices(letters, k=count))
            assert ours.encode(word, 9 * count) == theirs.encode(word).ids, letters


@pytest.mark.timeout(20)
def test_a_word_of_a_hundred_thousand_letters_takes_no_minutes(ours):
    assert len(ours.encode("etaoin" * 17_000, LENGTH)) == LENGTH


BPE = '{"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": %s}}'


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": 3}', BPE % 3, BPE % '{"a": "b"}'])
def test_what_is_not_a_tokenizer_is_refused(content):
    with pytest.raises(ValueError, match=r"malformed|truncated|expected|required"):
        ClipTokenizer.parse(content)


def test_a_document_that_is_nested_too_deep_is_refused():
    with pytest.raises(ValueError, match="nested too deeply"):
        ClipTokenizer.parse('{"model": ' + "[" * 10**5)


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"type": "WordLevel"}},
        {"added_tokens": [{"id": 0, "content": "<pad>"}]},
        {"model": {"type": "BPE", "vocab": {"a": 0}, "end_of_word_suffix": "</w>"}},
    ],
)
def test_another_kind_of_tokenizer_is_left_to_the_package(change, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(json.loads(SHIPPED.read_text()) | change))

    assert ClipTokenizer.open(path) is None
