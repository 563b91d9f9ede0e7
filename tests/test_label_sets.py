"""The rules that the attributes that ship are written by; each holds for a whole data set."""

import csv
import itertools
import json
import re
from collections import Counter

import pytest
import snowballstemmer
from tokenizers import Tokenizer

from stzsar.models.tokenizer import CLIP_VOCABULARY, build_tokenizer
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.labels.names import name_key
from stzsar.runtime.labels.shipped import LABEL_SETS, shipped_labels

STEMMER = snowballstemmer.stemmer("english")
JOINING = {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
CLASSES = {"kinetics-400": 400, "kinetics-600": 600, "ucf-101": 101, "hmdb-51": 51}
TABLES = {
    "kinetics-400": "kinetics/kinetics400_classes.csv",
    "kinetics-600": "kinetics/kinetics600_classes.csv",
    "ucf-101": "ucf101/class_names.csv",
    "hmdb-51": "hmdb51/class_names.csv",
}

every_set = pytest.mark.parametrize("name", LABEL_SETS)


def stems(text: str) -> tuple[str, ...]:
    return tuple(STEMMER.stemWords(re.findall(r"[a-z0-9']+", text.lower())))


def attribute_stems(label: Label) -> set[tuple[str, ...]]:
    return {stems(words) for words in label.attributes}


@every_set
def test_each_class_has_eight_attributes_of_one_to_three_plain_words(name):
    labels = shipped_labels(name)

    assert len(labels) == CLASSES[name]
    wrong = [
        (label.name, words)
        for label in labels
        for words in label.attributes
        if not re.fullmatch(r"[a-z0-9'-]+( [a-z0-9'-]+){0,2}", words)
    ]
    assert wrong == []
    assert {len(label.attributes) for label in labels} == {8}


@every_set
def test_no_attribute_is_there_twice_or_says_the_label_alone(name):
    for label in shipped_labels(name):
        found = attribute_stems(label)
        assert len(found) == 8, label
        own = set(stems(label.name)) | JOINING
        assert [words for words in found if set(words) <= own] == [], label.name


@every_set
def test_no_two_classes_share_more_than_three_attributes(name):
    found = {label.name: attribute_stems(label) for label in shipped_labels(name)}

    near = [
        (one, other, found[one] & found[other])
        for one, other in itertools.combinations(found, 2)
        if len(found[one] & found[other]) > 3
    ]
    assert near == []


@every_set
def test_no_attribute_is_of_more_than_a_twentieth_of_the_classes(name):
    labels = shipped_labels(name)
    uses = Counter(words for label in labels for words in attribute_stems(label))

    assert {words: count for words, count in uses.items() if count > len(labels) / 20} == {}


@every_set
def test_no_attribute_is_longer_than_eight_tokens_of_clip(name):
    # A copy: the one that is built is kept for all who ask, and they want their rows padded.
    tokenizer = Tokenizer.from_str(build_tokenizer(CLIP_VOCABULARY, 77).to_str())
    tokenizer.no_padding()
    words = [words for label in shipped_labels(name) for words in label.attributes]

    between = [len(encoding.ids) - 2 for encoding in tokenizer.encode_batch(words)]

    assert [(w, n) for w, n in zip(words, between, strict=True) if n > 8] == []


@every_set
def test_each_entry_says_where_it_is_from(name, root):
    text = (root / "runtime" / "labels" / "label_sets" / f"{name}.json").read_text(encoding="utf-8")

    rows = json.loads(text)
    assert {row["source"] for row in rows} == {"written for stzsar"}
    # One line an entry, so that a change of one is a change of one line.
    assert len(text.splitlines()) == len(rows) + 2


def test_where_data_sets_share_a_name_they_agree():
    found: dict[str, tuple[str, ...]] = {}
    shared = set()
    for name in LABEL_SETS:
        labels = shipped_labels(name)
        assert len({name_key(label.name) for label in labels}) == len(labels)
        for label in labels:
            key = name_key(label.name)
            shared |= {key} & found.keys()
            assert found.setdefault(key, label.attributes) == label.attributes, label.name
    assert len(shared) > 368  # the classes that Kinetics-600 kept of Kinetics-400, and some more


@every_set
def test_every_class_of_the_data_set_is_there_in_its_order(name, root):
    table = root.parent / "shared" / "labels" / TABLES[name]
    if not table.is_file():
        pytest.skip(f"no class names at {table}")
    with table.open(encoding="utf-8", newline="") as file:
        classes = [row["name"] for row in csv.DictReader(file)]

    assert [name_key(label.name) for label in shipped_labels(name)] == list(map(name_key, classes))
