"""`stzsar-archive` as people call it."""

import json

import pytest
from click.testing import CliRunner

from stzsar.runtime.command.archive.cli import main

from .conftest import NOON


def call(*arguments):
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    return done.exit_code, done.output


def test_an_archive_is_looked_at_kept_small_and_exported(made, tmp_path):
    made.add("yard", clock=NOON)
    made.add("o\x1b[31mld", clock=NOON - 9e6)
    code, said = call("inspect", made.folder, "--json")
    assert code == 0
    assert json.loads(said)["rows"]["frames"] == 40
    code, said = call("inspect", made.folder)
    assert "stream yard" in said
    assert "\x1b[31m" not in said
    assert call("verify", made.folder)[0] == 0
    assert call("export", made.folder, "--output", tmp_path / "rows", "--stream", "yard")[0] == 0
    code, said = call("retain", made.folder, "--size", "1G")
    assert "0 stretches" in said
    code, said = call("compact", made.folder, "--alone")
    assert (code, "0 rows of killed writers" in said) == (0, True)


def test_a_fault_is_a_line_and_exit_code_1(made):
    made.add("yard")
    made.tables.dataset("frames").delete("frame = 3")
    code, said = call("verify", made.folder)
    assert code == 1
    assert "has 19 of 20 rows" in said


def test_people_are_forgotten_by_stream_and_time(made):
    made.add("yard", clock=NOON)
    code, said = call("forget", made.folder, "--stream", "yard", "--until", "2020-01-01")
    assert (code, "Forgotten: 0 rows" in said) == (0, True)
    code, said = call("forget", made.folder, "--stream", "yard", "--since", "2020-01-01")
    assert (code, "Forgotten: 20 rows, 1 stills, 1 videos" in said) == (0, True)
    assert made.tables.rows("stretches") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["forget"], "would forget everything"),
        (["forget", "--since", "soon"], "--since takes a day"),
        (["retain"], "give --days N"),
        (["retain", "--size", "much"], "--size takes a size"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(made, arguments, said):
    made.add("yard")
    code, text = call(arguments[0], made.folder, *arguments[1:])
    assert code == 2
    assert said in " ".join(text.split())
