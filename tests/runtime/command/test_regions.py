"""Regions: each is recognised by itself, in the batches of the whole run."""

import json

import cv2
import numpy as np
import pytest

from stzsar.runtime.events.store import EventStore
from stzsar.runtime.results_schema import schema

jsonschema = pytest.importorskip("jsonschema")

REGIONS = """
[[stream]]
name = "hall"
source = "clip.mkv"
{stream}

[[stream.region]]
name = "left"
box = [0.0, 0.5, 0.25, 1.0]

[[stream.region]]
name = "right"
polygon = [[0.75, 0.5], [1.0, 0.5], [1.0, 1.0], [0.75, 1.0]]
{right}
"""


@pytest.fixture
def folder(tmp_path):
    """A green picture, with something red on the left for four seconds, and blue on the right."""
    writer = cv2.VideoWriter(
        str(tmp_path / "clip.mkv"), cv2.VideoWriter.fourcc(*"FFV1"), 8, (128, 64)
    )
    for number in range(64):
        image = np.full((64, 128, 3), (0, 255, 0), np.uint8)
        if number < 32:
            image[32:, :32] = (0, 0, 255)
        if number >= 16:
            image[32:, 96:] = (255, 0, 0)
        writer.write(image)
    writer.release()
    return tmp_path


@pytest.fixture
def run(run_cli, bundle, folder):
    def run_streams(*arguments, stream="", right=""):
        text = REGIONS.format(stream=stream, right=right)
        (folder / "streams.toml").write_text(text)
        result = run_cli("--bundle", bundle, "--streams", folder / "streams.toml", *arguments)
        assert result.exit_code == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    return run_streams


def labels(messages, region):
    return [
        (one["window"][1], one["label"])
        for one in messages
        if one["type"] == "result" and one["region"] == region
    ]


def test_each_region_has_results_and_events_of_its_own(run, folder):
    messages = run("--events", folder / "events", "--before", 1, "--after", 1)
    for message in messages:
        jsonschema.validate(message, schema())
        assert message["source"] == "hall"

    left, right = labels(messages, "left"), labels(messages, "right")
    assert len(left) == len(right)
    assert {label for at_s, label in left if at_s < 3.9} == {"red"}
    assert {label for at_s, label in left if at_s > 4.9} == {"green"}
    assert {label for at_s, label in right if at_s < 1.9} == {"green"}
    assert {label for at_s, label in right if at_s > 2.9} == {"blue"}

    told = {
        (one["region"], one["label"], one["event"], one["time_s"])
        for one in messages
        if one["type"] == "event"
    }
    assert {one[:2] for one in told} == {
        ("left", "red"), ("left", "green"), ("right", "green"), ("right", "blue")
    }  # fmt: skip
    with EventStore(folder / "events" / "events.sqlite") as store:
        rows = store.find()
    stored = {(row.region, row.label, "start", round(row.start_s, 3)) for row in rows}
    stored |= {(row.region, row.label, "end", round(row.end_s, 3)) for row in rows}
    assert stored == told
    assert all(row.clip and row.still and f"-{row.region}-" in row.clip for row in rows)
    assert all(row.left_out == 0 for row in rows)


def test_a_region_has_labels_a_threshold_and_a_rate_of_its_own(run, folder):
    (folder / "right.txt").write_text("sky\nblue\n")
    messages = run(right='labels = "right.txt"\nthreshold = 0.99\nrate = 2')

    left, right = labels(messages, "left"), labels(messages, "right")
    assert {label for _, label in left} == {"red", "green"}
    assert {label for _, label in right} <= {"sky", "blue"}
    assert np.diff([at_s for at_s, _ in left]) == pytest.approx(0.25)
    assert np.diff([at_s for at_s, _ in right]) == pytest.approx(0.5)
    # Blue is only blue beside the sky to 0.85, which is enough for the run and not for the region.
    found = [one for one in messages if one["type"] == "result" and one["region"] == "right"]
    assert max(one["score"] for one in found if one["label"] == "blue") > 0.8
    assert not any(one["decision"] == "blue" for one in found)


def test_a_recording_gives_the_results_and_events_of_regions_again(run, run_cli, bundle, folder):
    (folder / "right.txt").write_text("sky\nblue\n")
    live = run("--record", folder / "a.rec", right='labels = "right.txt"\nrate = 2')
    result = run_cli("--bundle", bundle, "--replay", folder / "a.rec")
    assert result.exit_code == 0, result.stderr
    again = [json.loads(line) for line in result.stdout.splitlines()]

    def told(messages):
        return sorted(json.dumps(one, sort_keys=True) for one in messages)

    assert {one["source"] for one in again} == {"hall"}
    assert {one["region"] for one in again if one["type"] == "event"} == {"left", "right"}
    assert told(again) == told(live)


def test_the_video_of_a_stream_with_regions_is_one_and_whole(run, folder):
    run("--video", folder / "annotated.mp4")
    capture = cv2.VideoCapture(str(folder / "annotated.mp4"))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == 64
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 2 * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)


def test_a_mask_goes_before_regions(run):
    messages = run(stream="mask = [[0.0, 0.5, 0.25, 1.0]]")
    scores = {tuple(top["score"] for top in one["top"]) for one in messages
              if one.get("region") == "left" and one["type"] == "result"}  # fmt: skip
    assert len(scores) == 1  # black, whatever goes on there


def test_a_live_stream_with_regions_has_one_state_and_ends_once(run_cli, bundle, tmp_path):
    (tmp_path / "streams.toml").write_text(
        '[[stream]]\nname = "shapes"\nsource = "test://moving-shapes?seconds=3"\ntiles = [2, 1]\n'
    )
    result = run_cli("--bundle", bundle, "--streams", tmp_path / "streams.toml", "--quiet")
    assert result.exit_code == 0, result.stderr
    messages = [json.loads(line) for line in result.stdout.splitlines()]
    states = [one["state"] for one in messages if one["type"] == "stream"]
    assert states == ["connecting", "live", "ended"]
    ends_s = {
        name: [at_s for at_s, _ in labels(messages, name)] for name in ("tile 1,1", "tile 2,1")
    }
    assert len(ends_s["tile 1,1"]) >= 3
    assert ends_s["tile 1,1"] == ends_s["tile 2,1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name = "a"', "it takes a box or a polygon, and not both"),
        ('name = "a"\nbox = [0, 0, 1]', "an area is a box"),
        ('name = "a"\nbox = [[0, 0], [1, 0], [1, 1]]', "box takes"),
        ('name = "a"\nbox = [0, 0, 1, 1]\ncolour = 1', "unknown field colour"),
        ('name = "a"\nbox = [0, 0, 1, 1]\n[[stream.region]]\nname = "a"\nbox = [0, 0, 1, 1]',
         "two have the same name"),
    ],
)  # fmt: skip
def test_a_region_that_is_wrong_is_refused(run_cli, assert_refused, tmp_path, text, sentence):
    (tmp_path / "streams.toml").write_text(
        f'[[stream]]\nname = "hall"\nsource = "0"\n[[stream.region]]\n{text}\n'
    )
    assert_refused(run_cli("--streams", tmp_path / "streams.toml"), "stream 1 of", sentence)


def test_regions_and_whole_files_do_not_go_together(run_cli, bundle, folder, assert_refused):
    (folder / "streams.toml").write_text(REGIONS.format(stream="", right=""))
    result = run_cli("--bundle", bundle, "--streams", folder / "streams.toml", "--whole")
    assert_refused(result, "has a mask or regions")


def test_regions_and_masks_are_drawn(run_cli, folder, assert_refused):
    text = REGIONS.format(stream="mask = [[0.4, 0.0, 0.6, 0.3]]", right="")
    (folder / "streams.toml").write_text(text)
    result = run_cli("--streams", folder / "streams.toml", "--show-regions", folder / "out.png")
    assert result.exit_code == 0, result.stderr

    picture = cv2.imread(str(folder / "out.png"))
    assert picture is not None
    assert picture.shape == (64, 128, 3)
    plain = cv2.VideoCapture(str(folder / "clip.mkv")).read()[1]
    changed = (picture != plain).any(2)
    under = picture[4:16, 56:72]  # the mask, where there is nothing but its grey name
    assert (under.max(2) == under.min(2)).all()
    assert (under == 0).mean() > 0.3
    assert changed[31:33, 2:30].any(0).mean() > 0.9  # the upper side of the left region
    assert changed[40:60, 94:97].any(1).mean() > 0.9  # the left side of the right one
    assert not changed[40:60, 40:80].any()

    two = (folder / "streams.toml").read_text() + '[[stream]]\nname = "b"\nsource = "clip.mkv"\n'
    (folder / "streams.toml").write_text(two)
    result = run_cli("--streams", folder / "streams.toml", "--show-regions", folder / "out.png")
    assert_refused(result, "2 sources need a folder for --show-regions")
    result = run_cli("--streams", folder / "streams.toml", "--show-regions", folder / "pictures")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in (folder / "pictures").iterdir()) == ["b.png", "hall.png"]
    result = run_cli("--source", folder / "clip.mkv", "--show-regions", folder / "of_one")
    assert result.exit_code == 0, result.stderr
    assert [path.name for path in (folder / "of_one").iterdir()] == ["clip.png"]


def test_nothing_else_goes_with_drawing_regions(run_cli, folder):
    result = run_cli("--source", folder / "clip.mkv", "--show-regions", "a.png", "--explain")
    assert result.exit_code == 2
    assert "--show-regions recognises nothing" in result.stderr
    result = run_cli("--source", folder / "gone.mkv", "--show-regions", folder / "a.png")
    assert result.exit_code == 2
    assert not (folder / "a.png").exists()
