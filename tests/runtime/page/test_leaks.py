"""What the page says of files, and of recordings that are not whole."""

import errno
import json
import re
import subprocess
import sys

import pytest

from stzsar.runtime.command.options import RunOptions
from stzsar.runtime.command.receivers import places_now
from stzsar.runtime.command.recognize import _labels_needed
from stzsar.runtime.page.refusal import without_folders
from stzsar.runtime.receivers.home_assistant import Discovery
from stzsar.runtime.receivers.mqtt_topics import Address, StreamTopics
from stzsar.runtime.recordings.writer import RecordWriter

STREAM = "hall"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Cannot write the recording /srv/my home/a.rec: No space.",
         "Cannot write the recording a.rec: No space."),
        ("/srv/events has no event 7: look.", "events has no event 7: look."),
        ("'/srv/a/b' is no bundle, nor is \"/x/y\".", "'b' is no bundle, nor is \"y\"."),
        ("The score is 1/2 at http://host/a/b of hall/left.",
         "The score is 1/2 at http://host/a/b of hall/left."),
    ],
)  # fmt: skip
def test_a_sentence_names_files_without_their_folders(said, shown):
    assert without_folders(said) == shown


def test_a_refusal_tells_no_path_of_the_machine(run, becomes, tmp_path):
    running = run()
    becomes(lambda: running.table.lanes)
    folder = running.page.recordings.folder
    folder.mkdir(parents=True)
    # What is to be written is a folder: nobody can, not even root.
    (folder / "x.rec").mkdir()
    running.page.recordings._open = lambda _path: running._open_recorder(folder / "x.rec")
    status, failure, _ = running.ask("PUT", "/api/recording", {"on": True})
    assert status == 422
    assert "x.rec" in failure["error"]
    assert str(tmp_path) not in failure["error"]
    assert "/" not in failure["error"]


def test_a_recording_without_its_end_is_not_called_done(run, becomes, monkeypatch):
    running = run()
    becomes(lambda: running.table.lanes)
    assert running.ask("PUT", "/api/recording", {"on": True})[0] == 200
    writer = running.page.recordings._current[0]._writer

    def full(_content):
        raise OSError(errno.ENOSPC, "No space left on device")

    class Full:
        """The file of a disk that has become full."""

        def __init__(self, file):
            self._file = file

        def __getattr__(self, name):
            return full if name == "write" else getattr(self._file, name)

    writer._patient, writer._file = True, Full(writer._file)
    becomes(lambda: writer._is_full)
    status, failure, _ = running.ask("PUT", "/api/recording", {"on": False})
    assert (status, "lacks its end" in failure["error"]) == (422, True)
    assert running.ask("GET", "/api/run")[1]["recording"]["on"] is False


def test_a_writer_says_whether_its_end_is_written(tmp_path):
    writer = RecordWriter(tmp_path / "a.rec")
    writer.put(b"all", droppable=False)
    assert writer.close(5.0)


def test_no_link_is_shown_to_a_run_that_cannot_begin(bundle):
    ended = subprocess.run(
        [sys.executable, "-m", "stzsar.runtime.command.cli", "--camera", "63",
         "--bundle", bundle, "--serve", "127.0.0.1:0", "--quiet"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 2
    assert re.search("no camera 63", ended.stderr)
    assert "live page" not in ended.stderr


def test_results_hold_what_the_lowest_threshold_of_the_page_needs():
    options = RunOptions(sources=("test://moving-shapes",), serve="127.0.0.1:0")
    # From 0.1 on, a label that is on stays on down to 0.06, which 16 may have at once.
    assert _labels_needed(options, ()) == 16
    assert _labels_needed(RunOptions(sources=("test://moving-shapes",)), ()) < 16


def test_home_assistant_is_told_of_regions_as_they_are_drawn(run, becomes):
    running = run()
    becomes(lambda: running.table.lanes)
    topics = StreamTopics(Address.parse("mqtt://localhost/site?client=one"), lasting=True)
    discovery = Discovery("homeassistant", topics, armable=False, stills=False)

    def told():
        places = places_now(running.table, [running.spec], running.recognizer)
        (document,) = discovery.documents(places).values()
        return json.loads(document)["components"]

    whole = told()
    assert "rate" in whole
    region = {"name": "left", "shape": [0, 0, 0.6, 1]}
    body = {"stream": STREAM, "regions": [region], "mask": []}
    assert running.ask("PUT", "/api/regions", body)[0] == 200
    drawn = told()
    new = {key for key in drawn if key not in whole}
    assert "left: red" in {drawn[key]["name"] for key in new}
    assert drawn["rate"] == {"platform": "sensor"}  # what the whole picture had is taken back

    assert running.ask("PUT", "/api/regions", {**body, "regions": []})[0] == 200
    again = told()
    assert {key for key in new if len(again[key]) > 1} == set()
    assert len(again["rate"]) > 1
