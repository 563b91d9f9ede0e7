"""Whole runs with receivers in streams.toml: the picture of the moment comes with the event."""

import base64
import json
from urllib.parse import unquote

import cv2
import numpy as np
import pytest

pytest.importorskip("urllib3", reason="pip install '.[sinks]'")

SINK = """
[[sink]]
type = "webhook"
url = "{url}"
still = "{still}"
send = ["start", "end"]
"""


@pytest.fixture
def run(tmp_path, run_cli, bundle, draw_video, receiver):
    """Runs over a video that is red, then green; returns what was posted."""
    draw_video(tmp_path / "clip.avi", ["red"] * 32 + ["green"] * 32)

    def run_with(*sinks, more=""):
        text = '[[stream]]\nname = "clip"\nsource = "clip.avi"\n' + more + "".join(sinks)
        (tmp_path / "streams.toml").write_text(text)
        ended = run_cli(
            *("--streams", tmp_path / "streams.toml", "--bundle", bundle, "--quiet"),
            *("--events", tmp_path / "events", "--output", tmp_path / "lines.jsonl"),
        )
        assert ended.exit_code == 0, ended.stderr
        return [json.loads(got["body"]) for got in receiver.got]

    return run_with


def colour(jpeg):
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1)
    assert picture is not None
    return ("blue", "green", "red")[int(picture.mean(axis=(0, 1)).argmax())]


def test_the_still_of_an_event_shows_its_action(run, receiver):
    posted = run(SINK.format(url=receiver.url(), still="base64"))
    told = [(one["event"], one["label"], colour(base64.b64decode(one["still"]))) for one in posted]
    assert told == [
        *(("start", "red", "red"), ("end", "red", "red")),
        *(("start", "green", "green"), ("end", "green", "green")),
    ]


def test_a_link_leads_to_the_file_that_is_kept(run, receiver, tmp_path):
    posted = run(SINK.format(url=receiver.url(), still="https://nas.example/events"))
    assert len(posted) == 4
    for one in posted:
        name = unquote(one["still_url"].removeprefix("https://nas.example/events/"))
        assert colour((tmp_path / "events" / name).read_bytes()) == one["label"]


def test_each_receiver_has_its_own_filter_and_events_their_priority(run, receiver):
    rule = '[[rule]]\nlabels = ["green"]\npriority = "high"\nrepeat = 1\n'
    red = SINK.format(url=receiver.url("/red"), still="base64") + 'labels = ["red"]\n'
    high = SINK.format(url=receiver.url("/high"), still="base64").replace('"end"', '"repeat"')
    run(rule, red, high + 'min_priority = "high"\n')
    got = [(one["path"], json.loads(one["body"])) for one in receiver.got]
    assert {one["label"] for path, one in got if path == "/red"} == {"red"}
    of_high = [one for path, one in got if path == "/high"]
    assert [one["event"] for one in of_high[:2]] == ["start", "repeat"]
    assert {(one["label"], one["priority"]) for one in of_high} == {("green", "high")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('labels = ["purple"]', "for the label 'purple', which the run does not have"),
        ('streams = ["hall"]', "for the stream 'hall', which the run does not have"),
        ('schedule = "night"', "names the schedule 'night'"),
    ],
)
def test_a_filter_that_lets_nothing_through_ends_the_run_at_once(
    tmp_path, run_cli, bundle, red_video, assert_refused, text, message
):
    path = tmp_path / "streams.toml"
    sink = SINK.format(url="http://me:hunter2@127.0.0.1:9/hunter2", still="base64")
    path.write_text(f'[[stream]]\nname = "clip"\nsource = "red.avi"\n{sink}{text}\n')
    ended = run_cli("--streams", path, "--bundle", bundle, "--events", tmp_path / "events")
    assert_refused(ended, message)
    assert "hunter2" not in ended.stderr


@pytest.mark.parametrize(
    ("more", "options", "message"),
    [
        ('schedule = "n"\n[[schedule]]\nname = "n"\n', (), "a file has no time of day"),
        ("", ("--idle",), "--idle is for live streams, and there are only files"),
        ('[[rule]]\nlabels = ["purple"]\nrepeat = 9\n', (), "label 'purple', which no stream has"),
    ],
)
def test_what_has_no_effect_is_refused(
    tmp_path, run_cli, bundle, red_video, assert_refused, more, options, message
):
    path = tmp_path / "streams.toml"
    path.write_text(f'[[stream]]\nname = "clip"\nsource = "red.avi"\n{more}')
    assert_refused(run_cli("--streams", path, "--bundle", bundle, *options), message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--idle",), "--idle needs a schedule in --streams, or --serve or --mqtt"),
        (("--whole", "--mqtt", "mqtt://h", "--idle"), "--idle has no effect with --whole"),
        (("--webhook-form", "ntfy"), "--webhook-form requires --webhook"),
        (("--webhook", "http://h", "--webhook-still", "attached"), "needs --events DIR"),
        (("--mqtt", "mqtt://h", "--mqtt-discovery", "a b"), "first level of topics"),
    ],
)
def test_options_that_lack_another_are_refused(
    run_cli, bundle, red_video, assert_refused, options, message
):
    assert_refused(run_cli("--source", red_video, "--bundle", bundle, *options), message)
