"""Which streams make events: what switches them, what is told, and what a restart remembers."""

import json
import os
import threading

import pytest

from stzsar.runtime import duty as module
from stzsar.runtime.duty import Duties
from stzsar.runtime.schedule import read_schedules

NIGHT = read_schedules([{"name": "n", "times": ["22:00-06:00"], "time_zone": "UTC"}], "f")["n"]
NOON = 12 * 3600.0


class Clock:
    now = NOON

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def look_always(monkeypatch):
    monkeypatch.setattr(module, "_LOOK_S", 0.0)


def told(duties):
    return [(one.source, one.armed, one.scheduled, one.on) for one in duties.news()]


def test_a_stream_within_its_schedule_and_armed_is_no_news():
    duties = Duties({"hall": None})
    assert duties.news() == []
    assert duties.of("hall").on


def test_a_schedule_ends_and_begins():
    clock = Clock()
    duties = Duties({"hall": NIGHT, "door": None}, clock=clock)
    assert told(duties) == [("hall", True, False, False)]
    assert told(duties) == []
    clock.now = NOON + 10 * 3600
    assert told(duties) == [("hall", True, True, True)]
    clock.now -= 3600  # somebody sets the clock back
    assert told(duties) == [("hall", True, False, False)]


def test_switching_a_stream_wakes_the_run_and_is_told_once():
    woken = []
    duties = Duties({"hall": NIGHT, "door": None}, wake=lambda: woken.append(1), clock=Clock())
    assert duties.arm("door", armed=False)
    assert woken == [1]
    assert told(duties) == [("hall", True, False, False), ("door", False, True, False)]
    assert duties.arm("door", armed=True)
    assert told(duties) == [("door", True, True, True)]
    assert not duties.arm("gate", armed=False)
    assert told(duties) == []


def test_all_streams_are_switched_at_once():
    duties = Duties({"hall": None, "door": None})
    duties.arm(None, armed=False)
    assert told(duties) == [("hall", False, True, False), ("door", False, True, False)]


def test_what_is_switched_off_is_off_after_a_restart(tmp_path):
    kept = tmp_path / "new" / "off.json"
    Duties({"hall": None, "door": None}, kept=kept).arm("hall", armed=False)
    again = Duties({"hall": None, "door": None, "new": None}, kept=kept)
    assert told(again) == [("hall", False, True, False)]
    again.arm("hall", armed=True)
    assert json.loads(kept.read_text()) == {"off": []}


def test_a_file_keeps_what_it_says_of_other_streams(tmp_path):
    kept = tmp_path / "off.json"
    one, other = Duties({"hall": None}, kept=kept), Duties({"door": None}, kept=kept)
    one.arm("hall", armed=False)
    other.arm("door", armed=False)
    one.arm("hall", armed=True)
    assert json.loads(kept.read_text()) == {"off": ["door"]}


def test_nothing_is_written_until_somebody_switches(tmp_path):
    Duties({"hall": None}, kept=tmp_path / "off.json").news()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", '{"off": 1}', "{" * 5000])
def test_a_spoilt_file_arms_every_stream_and_says_so(tmp_path, content, caplog):
    kept = tmp_path / "off.json"
    kept.write_text(content)
    assert Duties({"hall": None}, kept=kept).of("hall").on
    assert f"Which streams were switched off is lost, as {kept} cannot be read: " in caplog.text
    assert "jSON" not in caplog.text


def test_a_file_that_cannot_be_written_is_said_and_the_stream_is_off(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    duties = Duties({"hall": None}, kept=tmp_path / "file" / "off.json")
    duties.arm("hall", armed=False)
    assert not duties.of("hall").on
    assert "is lost at the next start" in caplog.text


def test_what_is_no_file_arms_every_stream_and_is_said_in_words(tmp_path, caplog):
    kept = tmp_path / "off.json"
    os.mkfifo(kept)
    assert Duties({"hall": None}, kept=kept).of("hall").on
    assert caplog.messages == [
        f"Which streams were switched off is lost, as {kept} cannot be read: Not a regular file."
    ]


def test_the_run_does_not_wait_for_a_disk_that_hangs(tmp_path, monkeypatch):
    writes, goes_on = threading.Event(), threading.Event()

    def write_slowly(*_):
        writes.set()
        assert goes_on.wait(60)

    monkeypatch.setattr(module.atomic, "write_file", write_slowly)
    duties = Duties({"hall": None}, kept=tmp_path / "off.json")
    switching = threading.Thread(target=duties.arm, args=("hall",), kwargs={"armed": False})
    switching.start()
    assert writes.wait(60)
    found = []
    asking = threading.Thread(target=lambda: found.extend(told(duties)))
    asking.start()
    asking.join(10)
    found_meanwhile = list(found)
    goes_on.set()
    for thread in (switching, asking):
        thread.join()
    assert found_meanwhile == [("hall", False, True, False)]
