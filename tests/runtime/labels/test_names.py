"""Which names are the same name, in every spelling and script that people use."""

import re
import unicodedata

import pytest

from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.label_files import read_labels
from stzsar.runtime.labels.labels import Label, as_labels
from stzsar.runtime.labels.names import (
    check_distinct,
    name_key,
    nearest_hint,
    nearest_names,
    spaced_words,
)
from stzsar.runtime.labels.shipped import LABEL_SETS, shipped_labels, with_shipped_attributes


@pytest.mark.parametrize(
    "spellings",
    [
        ("YoYo", "yo yo", "yo-yo", "yo_yo", "YOYO", "  Yo  Yo "),
        ("HandstandPushups", "handstand pushups", "Handstand-Push-Ups", "HandStandPushups"),
        ("TaiChi", "tai chi", "Tai-Chi", "tai\u2010chi", "tai\u2013chi", "tai\u00a0chi"),
        (
            "fencing (sport)",
            "fencing_-sport-",
            "fencing sport",
            "fencing [sport]",
            "fencing{sport}",
        ),
        ("person's head", "persons head", "person\u2019s head", '"person\'s head"'),
        ("person's head", "person&#39;s head", "person&apos;s_head", "person&amp;rsquo;s head"),
        ("person's head", "«person’s head»"),
        ("rock & roll", "rock &amp; roll", "Rock&Roll"),
        ("caf\u00e9", "cafe\u0301", "CAFE\u0301", "CAF\u00c9"),
        ("straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("射 箭", "射箭", "「射箭」"),
        ("level 1 12", "level_1-12", "Level 1 (12)"),
        ("3D printing", "3d_printing", "3DPrinting"),
        ("soft\u00adball", "softball", "soft\u200bball", "\u200esoftball"),
    ],
)
def test_spellings_of_one_name_are_the_same_name(spellings):
    assert len({name_key(name) for name in spellings}) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("बोलना", "बेलना", "बालना"),
        ("गाना", "गना"),
        ("C", "C++", "C#"),
        ("👍", "👎", "👍🏽"),
        ("🧗‍♀️", "🧗‍♂️"),
        ("รำ", "ร่ำ", "รา"),
        ("கடி", "கடு", "கட"),
        ("می\u200cخواهم", "میخواهم"),
        ("bar", "b\u00e4r"),
        ("level 1 12", "level 11 2", "level 112"),
        ("1.5 m", "15 m"),
        ("1/2", "12"),
        ("2 × 4", "24"),
        ("+", "++", "?", "!"),
        ("-", "--", "_", "()", "[]"),
        ("が", "か"),
        ("か゚", "か"),
    ],
)
def test_names_that_differ_in_a_letter_mark_digit_or_symbol_are_different(names):
    assert len({name_key(name) for name in names}) == len(names)


def test_marks_and_symbols_of_every_script_count():
    shown = [chr(code) for code in range(0x21, 0x30000) if not 0xD800 <= code < 0xE000]
    ignored = [
        character
        for character in shown
        if unicodedata.category(character)[0] in "MSLN"
        and len(unicodedata.normalize("NFC", f"x{character}")) == 2  # a new letter otherwise
        and name_key(f"x{character}x") == "xx"
    ]
    assert ignored == []


def test_a_key_of_a_key_is_the_key():
    for name in ("HulaHoop", "level 1 12", "--", "« »", "İ", "ΐ", "&amp;amp;", "か゚", "ᾳ"):
        assert name_key(name_key(name)) == name_key(name)


def renamed(name: str) -> dict[str, str]:
    """A class of Kinetics as people's scripts rename its folder."""
    spaced = name.replace("'", "")
    return {
        "MMAction2": re.sub("[()]", "-", name.replace(" ", "_")),
        "MMAction2, apostrophes too": re.sub("[()']", "-", name.replace(" ", "_")),
        "no brackets": re.sub("[()']", "", name).replace(" ", "_"),
        "no brackets, spaces": re.sub("[()]", "", name),
        "brackets and apostrophes to spaces": re.sub("[()']", " ", name),
        "curly": name.replace("'", "\u2019"),
        "escaped": name.replace("'", "&#39;"),
        "in quotes": f'"{name}"',
        "camel case": re.sub("[()]", "", "".join(w[0].upper() + w[1:] for w in spaced.split())),
        "capitals": name.upper(),
        "hyphens": name.replace(" ", "-"),
        "joined": name.replace(" ", ""),
        "decomposed": unicodedata.normalize("NFD", name),
    }


@pytest.mark.parametrize("data_set", LABEL_SETS)
def test_every_class_has_its_attributes_in_every_spelling(data_set):
    labels = {
        (way, name): label
        for label in shipped_labels(data_set)
        for way, name in renamed(label.name).items()
    }
    described = with_shipped_attributes([Label(name) for _, name in labels])

    lost = [
        key
        for (key, label), new in zip(labels.items(), described, strict=True)
        if new.attributes != label.attributes
    ]
    assert lost == []


def test_two_spellings_of_a_label_are_refused_by_name(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("YoYo\narchery\nyo-yo\n")

    with pytest.raises(LabelError, match=r"labels\.txt names 'YoYo' and 'yo-yo', which are the sa"):
        read_labels(path)
    with pytest.raises(LabelError, match="names 'C' and 'c', which are the same name"):
        as_labels(["C", "C++", "c"])
    with pytest.raises(LabelError, match="a list names 'a' twice: keep one of them"):
        check_distinct(["a", "b", "a"], "a list")


def test_labels_of_any_script_stay_apart(tmp_path):
    names = ["बोलना", "बेलना", "गाना", "C", "C++", "👍", "👎", "--", "..."]
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(names), encoding="utf-8")

    assert [label.name for label in read_labels(path)] == names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("HulaHoop", "hula hoop"),
        ("apply_eye_makeup", "apply eye makeup"),
        ("playing guitar", "playing guitar"),
        ("YoYo", "yo yo"),
        ("passing_American_football_-in_game-", "passing american football in game"),
        ("rock_&amp;_roll", "rock & roll"),
        ("cafe\u0301", "caf\u00e9"),
        ("--", "--"),
        ("C++", "c++"),
    ],
)
def test_a_class_is_read_as_spaced_words(name, words):
    assert spaced_words(name) == words


def test_the_nearest_names_are_those_spelled_alike_in_any_case():
    assert nearest_names("archry", ["bowling", "archery", "diving"], count=1) == ["archery"]
    assert nearest_names("ARCHERY", ["SOCCER", "archery", "DIVING"], count=1) == ["archery"]
    assert nearest_hint("archry", ["bowling", "archery"]) == " (nearest: 'archery')"
    assert nearest_hint("archery", []) == ""
