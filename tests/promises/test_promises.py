"""What is promised to users is what it was, and a broken signature is called that."""

import difflib
import re

import pytest

from . import golden

griffe = pytest.importorskip("griffe")


@pytest.fixture(scope="module")
def now():
    return golden.texts()


def breakages(old: str, new: str) -> list[str]:
    """What no longer works for who wrote against the old stub, as griffe tells it."""
    with (
        griffe.temporary_visited_package("old", {"__init__.py": old}) as before,
        griffe.temporary_visited_package("new", {"__init__.py": new}) as after,
    ):
        found = list(griffe.find_breaking_changes(before, after))
    return [one.explain(griffe.ExplanationStyle.MARKDOWN) for one in found]


def kept(name: str) -> str:
    return (golden.FOLDER / name).read_text("utf-8")


def test_a_golden_copy_is_kept_of_every_promise_and_of_nothing_else(now):
    assert {path.name for path in golden.FOLDER.iterdir()} == set(now)


@pytest.mark.parametrize("name", sorted(path.name for path in golden.FOLDER.iterdir()))
def test_a_promise_is_what_it_was(now, name):
    lines = (kept(name).splitlines(), now[name].splitlines())
    diff = "\n".join(difflib.unified_diff(*lines, "promised", "now", lineterm=""))
    assert not diff, (
        f"{diff}\n\nIf users lose nothing by it, or docs/promises.md allows it now: "
        f"{golden.RENEW}, and a line in CHANGELOG.md."
    )


def test_no_promised_signature_is_broken(now):
    assert breakages(kept("python.txt"), now["python.txt"]) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("threads: int=0, ", "", "removed"),
        ("min_length_s: float = 0.5", "min_length_s: float = 1.5", "default was changed"),
        ("def use_labels(", "def set_labels(", "removed"),
        ("def at(self, fps: float)", "def at(self, fps: float, exact: bool)", "required"),
    ],
)
def test_griffe_calls_a_break_a_break(now, old, new, said):
    stub = now["python.txt"]
    assert old in stub
    assert re.search(said, " ".join(breakages(stub, stub.replace(old, new, 1)))), (old, new)


def test_a_new_parameter_with_a_default_breaks_nobody(now):
    stub = now["python.txt"]
    assert not breakages(stub, stub.replace("fps: float)", "fps: float, exact: bool=False)", 1))


def test_help_is_kept_of_subcommands_too(now):
    assert "$ stzsar-export inspect --help" in now["help.txt"]
    assert "$ stzsar-events list --help" in now["help.txt"]
