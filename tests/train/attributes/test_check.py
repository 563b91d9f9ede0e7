"""The rules, and the check of banks that were edited by hand."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.train.attributes.answers import entries_of, keywords_of
from stzsar.train.attributes.check import problems_of
from stzsar.train.attributes.cli import main
from stzsar.train.attributes.rules import (
    Stemmer,
    allowed_sharing,
    complaint,
    estimated_tokens,
    shared_too_often,
    tidy,
)

WORDS = ["wooden bow", "arrow", "quiver", "target", "meadow", "arm guard", "string", "archer"]
STEMMER = Stemmer()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("  Both  Hands ", "both hands"),
        ("1. **Bow & Arrow**", "bow & arrow"),
        ('"the quiver".', "the quiver"),
        ("- archer’s glove", "archer’s glove"),
        ("t-shirt", "t-shirt"),
        ("50 m pool", "50 m pool"),
        ("glass_of_water", "glass of water"),
        ("a\nb\x00c", "a b c"),
        ("e\u0301pe\u0301e", "épée"),
    ],
)
def test_words_are_tidied(said, kept):
    assert tidy(said) == kept
    assert tidy(kept) == kept


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("both hands on bat", "longer than 3 words"),
        ("x" * 61, "longer than 3 words"),
        ("plays the guitars", "only repeats the label"),
        ("guitar", "only repeats the label"),
        ("<b>bat</b>", "plain words"),
        ("", "no word"),
        ("12", "no word"),
        ("keyword 3", "is a placeholder"),
        ("the object", "says nothing specific"),
        ("electroencephalographically otorhinolaryngological", "tokens"),
    ],
)
def test_a_bad_attribute_gets_a_reason(words, why):
    assert why in (complaint(words, "playing guitar", STEMMER, estimated_tokens) or "")


@pytest.mark.parametrize("words", ["guitar strings", "six strings", "fretboard", "हाथ में गिटार"])
def test_a_good_attribute_has_no_complaint(words):
    assert complaint(words, "playing guitar", STEMMER, lambda _words: 3) is None


def test_five_percent_of_few_labels_are_two_of_them_and_never_all():
    labels = (1, 2, 3, 10, 40, 60, 400)
    assert [allowed_sharing(count) for count in labels] == [1, 1, 2, 2, 2, 3, 20]
    ball, club = STEMMER.of("the balls"), STEMMER.of("club")
    assert ball == STEMMER.of("ball")
    assert shared_too_often([[ball, club], [ball, club], [ball], []]) == {ball}


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        ('{"entries": [2, 1]}', [2, 1]),
        ('Entry 2: {"entries": ["2.", 9, true, 2]}', [2]),
        ("[3]", [3]),
        ('{"entries": []}', []),
        ('{"entries": [99]}', None),
        ("the second", None),
        ('{"entries": "all"}', None),
    ],
)
def test_a_choice_is_numbers_of_what_there_is(answer, chosen):
    assert entries_of(answer, 3) == chosen


def test_keywords_in_one_string_are_keywords():
    assert [word.strip() for word in keywords_of('{"keywords": "bow, arrow"}')] == ["bow", "arrow"]
    assert keywords_of("Here:\n\n - bow \n2.\tan arrow\n") == ["bow", "an arrow"]


def test_no_answer_is_too_deep_or_too_long_to_be_read():
    assert keywords_of("[" * 100_000) == []
    assert len(keywords_of(json.dumps([f"word {n}" for n in range(1000)]))) == 64


# check


def bank(**changes: object) -> str:
    """A bank of one label, one attribute a line, from line 5 on."""
    entry = {"label": "archery", "attributes": WORDS, "source": "by hand", **changes}
    return json.dumps([entry], indent=1)


def check(text: str) -> list[tuple[int, str]]:
    return [(p.line, p.message) for p in problems_of(text, STEMMER, estimated_tokens)]


def test_a_good_bank_has_no_problems():
    assert check(bank()) == []
    records = [
        {"source": "a.txt", "attributes": WORDS[:5], "date": "2026-11-24", "model": "m"},
        {"source": "by hand", "attributes": WORDS[5:]},
    ]
    assert check(bank(source=records)) == []


@pytest.mark.parametrize(
    ("attributes", "line", "message"),
    [
        ([*WORDS[:7], "both hands on it"], 12, "is longer than 3 words"),
        (["Archery", *WORDS[1:]], 5, "only repeats the label"),
        ([*WORDS[:3], "quivers", *WORDS[4:]], 8, "is like the one on line 7"),
        ([*WORDS[:3], "hat", "Meadow", *WORDS[5:]], 9, "should be written 'meadow'"),
        ([*WORDS[:3], 5, *WORDS[4:]], 8, "is not a string"),
        (WORDS[:7], 4, "has 7 attributes and not 8"),
        ([*WORDS, "hat"], 4, "has 9 attributes and not 8"),
        ("bow, arrow", 4, "not a list"),
    ],
)
def test_a_problem_names_its_line(attributes, line, message):
    ((found, told),) = check(bank(attributes=attributes))
    assert found == line
    assert message in told


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[\n {"label": "a",\n  "attributes": ["b" "c"]}\n]', 3, "is not JSON: Expecting ','"),
        ("", 1, "is not JSON"),
        ("[" * 100_000, 1, "nested too deeply"),
        ("[\n1,\n" + "1" * 5000 + "]", 3, "a number with thousands of digits"),
        (bank(text=4).replace("\n", "\r"), 15, "text of 'archery' is not a string"),
        (bank(text=4).replace("\n", "\r\n"), 15, "text of 'archery' is not a string"),
        ("{}", 1, "a bank is a list"),
        ("[]", 1, "a bank is a list"),
        ('[\n "archery"\n]', 2, "an entry is an object"),
        (bank(attribute=["x"]), 15, "there is no key 'attribute'"),
        (bank(source=None), 14, "neither words nor a list"),
        (bank(text=4), 15, "text of 'archery' is not a string"),
        (bank(label="a\u0000b"), 3, "control character"),
    ],
)
def test_a_broken_bank_names_the_line(text, line, message):
    assert any(found == line and message in told for found, told in check(text)), check(text)


def test_repeated_labels_and_attributes_of_all_labels_are_problems():
    entries = [
        {"label": name, "attributes": [f"{name} {word}" for word in WORDS[1:]] + ["hat"],
         "source": "by hand"} for name in ("one", "two", "three", "three")
    ]  # fmt: skip
    told = check(json.dumps(entries, indent=1))
    assert (45, "'three' is the same name as 'three' on line 31.") in told
    assert [line for line, message in told if "'hat' is an attribute of 3 labels" in message] == [
        *(12, 26, 40, 54)
    ]


def test_a_share_is_counted_of_all_labels_also_of_those_without_attributes():
    entries = [
        {"label": name, "attributes": ["hat"] if name in ("one", "two") else [], "source": "x"}
        for name in ("one", "two", "three")
    ]
    assert not [message for _, message in check(json.dumps(entries)) if "labels" in message]


def test_attributes_without_sources_and_sources_without_attributes_are_problems():
    told = check(bank(source=[{"source": "x", "attributes": [*WORDS[1:], "hat"]}]))
    assert len(told) == 2
    assert told[0][0] == 5
    assert "'wooden bow' of 'archery' has no source" in told[0][1]
    assert "lists 'hat', which is not among its attributes" in told[1][1]


def test_the_command_prints_lines_and_ends_with_1(tmp_path: Path):
    path = tmp_path / "bank.json"
    path.write_text(bank(attributes=["Archery", *WORDS[1:]]))
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 1
    assert result.stdout == f"{path}:5: 'Archery' of 'archery' only repeats the label.\n"

    path.write_text(bank())
    assert CliRunner().invoke(main, ["check", str(path)]).exit_code == 0
    assert CliRunner().invoke(main, ["check", str(tmp_path / "none.json")]).exit_code == 2
