"""What a viewer sees, and what changes while they look."""

import json

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

STREAM = "hall"
WATCH = {"type": "watch", "small": [STREAM], "large": [STREAM], "why": []}


def of_lane(lane, **fields):
    def wanted(message):
        return message.get("lane") == lane and all(
            message.get(name) == value for name, value in fields.items()
        )

    return wanted


def is_picture(message):
    return message["type"] == "picture"


def test_a_viewer_is_told_everything_first_and_then_what_is_new(running, told, becomes):
    becomes(lambda: running.table.lanes)
    with running.watch() as socket:
        hello = json.loads(socket.recv())[0]
        assert (hello["type"], hello["role"]) == ("hello", "change")
        (stream,) = hello["streams"]
        (lane,) = stream["lanes"]
        assert (stream["name"], lane["lane"], stream["editable"]) == (STREAM, STREAM, True)
        assert [one["label"] for one in lane["labels"]] == ["red", "green", "blue"]
        assert lane["threshold"] == {"kind": "score", "value": 0.5, "labels": {}}

        result = told(socket, lambda message: message["type"] == "result")
        assert result["lane"] == STREAM
        assert result["values"] == [one["score"] for one in result["top"]]
        stats = told(socket, lambda message: message["type"] == "stats")
        assert stats["lanes"][STREAM]["read"] > 0


def test_pictures_come_to_those_who_ask_and_to_nobody_else(running, told):
    with running.watch() as blind, running.watch() as socket:
        socket.send(json.dumps(WATCH))
        picture = told(socket, is_picture)
        assert (picture["stream"], picture["width"], picture["height"]) == (STREAM, 64, 48)
        assert picture["jpeg"][:2] == b"\xff\xd8"
        seen = [blind.recv() for _ in range(5)]
        assert all(isinstance(one, str) for one in seen)

        socket.send(json.dumps({"type": "watch"}))
        told(socket, lambda message: message["type"] == "stats")
        for _ in range(10):
            assert isinstance(socket.recv(), str)


def test_a_picture_can_be_fetched_alone(running):
    status, content, answer = running.ask("GET", f"/api/picture?stream={STREAM}&size=small")
    assert (status, answer.getheader("Content-Type")) == (200, "image/jpeg")
    assert content[:2] == b"\xff\xd8"
    assert running.ask("GET", "/api/picture?stream=none")[0] == 404


def test_who_asks_why_gets_heat_weights_and_the_frames_of_the_window(run, told):
    with (running := run()).watch() as socket:
        socket.send(json.dumps({"type": "watch", "why": [STREAM]}))
        _, info, _ = running.ask("GET", "/api/run")
        if not info["explains"]:
            pytest.skip("this bundle has no patches")
        why = told(socket, lambda message: message["type"] == "why")
        assert sum(frame["weight"] for frame in why["frames"]) == pytest.approx(1, abs=0.01)
        assert told(socket, lambda message: message["type"] == "strip")["height"] == 96


def test_labels_change_between_two_frames_and_win(run, told):
    running = run()
    with running.watch() as socket:
        told(socket, of_lane(STREAM, type="result"))
        text = "yellow: crimson, sky\n! grass\n"
        status, info, _ = running.ask("PUT", "/api/labels", {"text": text, "stream": STREAM})
        assert (status, info["origin"], info["text"]) == (200, "page", text)
        news = told(socket, lambda message: message["type"] == "info")
        labels = news["stream"]["lanes"][0]["labels"]
        assert [(one["label"], one["role"]) for one in labels] == [
            ("yellow", "action"),
            ("grass", "ignore"),
        ]
        told(socket, of_lane(STREAM, type="result", decision="yellow"))
    counters = running.table.counters()[STREAM]
    assert counters["connections"] == 1


def test_wrong_lines_are_named_and_nothing_changes(run):
    running = run()
    text = "red\n\na | b\nred\n"
    status, failure, _ = running.ask("PUT", "/api/labels", {"text": text})
    assert status == 422
    assert [one["line"] for one in failure["lines"]] == [3, 4]
    assert running.ask("PUT", "/api/labels", {"text": "! red\n"})[0] == 422
    assert running.ask("PUT", "/api/labels", {"text": "sky", "check": True})[0] == 200
    assert [one.name for one in running.recognizer.labels] == ["red", "green", "blue"]


def test_labels_are_saved_to_their_file_only_when_asked(run, tmp_path):
    file = tmp_path / "labels.txt"
    file.write_text("red\nblue\n")
    running = run(labels=file)
    assert running.ask("GET", "/api/labels")[1]["file"] == "labels.txt"
    assert running.ask("PUT", "/api/labels", {"text": "sky\nred\n"})[0] == 200
    assert file.read_text() == "red\nblue\n"
    body = {"text": "sky\n! red\n", "save": True}
    assert running.ask("PUT", "/api/labels", body)[0] == 200
    assert file.read_text() == "sky\n! red\n"
    body = {"text": "sky: grass\n", "save": True}
    assert running.ask("PUT", "/api/labels", body)[0] == 409  # no room for attributes
    assert [one.name for one in running.recognizer.labels] == ["sky", "red"]


def test_labels_from_no_file_cannot_be_saved(run):
    status, failure, _ = run().ask("PUT", "/api/labels", {"text": "sky\n", "save": True})
    assert (status, "no file" in failure["error"]) == (409, True)


def test_regions_are_looked_at_as_they_are_drawn(run, told):
    running = run()
    regions = [
        {"name": "left", "shape": [0, 0, 0.6, 1]},
        {"name": "right", "shape": [[0.65, 0], [1, 0], [1, 1], [0.65, 1]]},
    ]
    with running.watch() as socket:
        told(socket, of_lane(STREAM, type="result"))
        body = {"stream": STREAM, "regions": regions, "mask": []}
        status, areas, _ = running.ask("PUT", "/api/regions", body)
        assert (status, [one["name"] for one in areas["regions"]]) == (200, ["left", "right"])
        assert told(socket, of_lane("hall/left", decision="red"))["region"] == "left"
        assert told(socket, of_lane("hall/right", decision="blue"))
        assert running.ask("PUT", "/api/regions", {"stream": STREAM})[0] == 200
        told(socket, of_lane(STREAM, type="result"))
    assert running.table.counters()[STREAM]["connections"] == 1  # it was read on


def test_a_mask_hides_at_once(run, told):
    running = run()
    with running.watch() as socket:
        body = {"stream": STREAM, "regions": [], "mask": [[0, 0, 1, 1]]}
        assert running.ask("PUT", "/api/regions", body)[1]["mask"] == [[0, 0, 1, 1]]
        socket.send(json.dumps(WATCH))
        told(socket, is_picture)

        def is_black(message):
            if not is_picture(message):
                return False
            image = cv2.imdecode(np.frombuffer(message["jpeg"], np.uint8), cv2.IMREAD_COLOR)
            return image is not None and image.max() < 4

        told(socket, is_black)


@pytest.mark.parametrize(
    "regions",
    [
        [{"name": "a", "shape": [0, 0, 2, 1]}],
        [{"name": "a", "shape": [0, 0, 1, 1]}, {"name": "a", "shape": [0, 0, 1, 1]}],
        [{"name": "a\nb", "shape": [0, 0, 1, 1]}],
        [{"name": "a", "shape": [[0, 0], [1, 1]]}],
        [{"name": "a", "shape": [[1, 1], [1, 1], [1, 1]]}],
        [{"name": "a", "shape": [[1, 0], [1, 1], [1, 0.5]]}],
    ],
)
def test_areas_that_are_none_are_refused(running, regions):
    status, _, _ = running.ask("PUT", "/api/regions", {"stream": STREAM, "regions": regions})
    assert status in (400, 422)


def test_thresholds_are_dragged(run, told):
    running = run()
    running.camera.left = running.camera.right = (90, 90, 90)  # as near to each colour
    with running.watch() as socket:
        told(socket, of_lane(STREAM, type="result", decision=None))
        body = {"lane": STREAM, "value": 0.2}
        assert running.ask("PUT", "/api/threshold", body)[1]["value"] == 0.2
        told(socket, lambda message: message.get("decision"))
        # It outlives other labels.
        running.ask("PUT", "/api/labels", {"text": "red\nsky\n"})
        told(socket, lambda message: message.get("top") and len(message["top"]) == 2)
        (stream,) = running.ask("GET", "/api/streams")[1]["streams"]
        assert stream["lanes"][0]["threshold"]["value"] == 0.2
    assert running.ask("PUT", "/api/threshold", {**body, "value": 0.01})[0] == 422
    assert running.ask("PUT", "/api/threshold", {**body, "label": "red"})[0] == 422


def test_streams_are_switched_off_and_on(run, told):
    running = run()
    with running.watch() as socket:
        told(socket, of_lane(STREAM, type="result"))
        duties = running.ask("PUT", "/api/armed", {"stream": STREAM, "armed": False})[1]
        assert duties["streams"][STREAM]["armed"] is False
        assert told(socket, lambda message: message["type"] == "duty")["on"] is False
        running.ask("PUT", "/api/armed", {"stream": None, "armed": True})
        assert told(socket, lambda message: message["type"] == "duty")["on"] is True
    assert running.ask("PUT", "/api/armed", {"stream": "none", "armed": True})[0] == 404


def test_a_lost_stream_says_why_and_comes_back(run, told):
    running = run()
    with running.watch() as socket:
        told(socket, of_lane(STREAM, type="result"))
        running.camera.is_broken = True
        lost = told(socket, lambda message: message.get("state") == "lost")
        assert lost["reason"]
        running.camera.is_broken = False
        told(socket, lambda message: message.get("state") == "live")


def test_a_recording_starts_and_stops(run, told, tmp_path):
    running = run()
    with running.watch() as socket:
        told(socket, of_lane(STREAM, type="result"))
        status, info, _ = running.ask("PUT", "/api/recording", {"on": True})
        assert (status, info["on"]) == (200, True)
        assert told(socket, lambda message: message["type"] == "recording")["recording"]["on"]
        told(socket, of_lane(STREAM, type="result"))
        assert running.ask("PUT", "/api/recording", {"on": False})[1]["on"] is False
    (file,) = (tmp_path / "events" / "recordings").iterdir()
    assert file.name == info["name"]
    assert file.stat().st_size > 1000


def test_without_a_place_nothing_is_recorded(run):
    running = run(keeps=False)
    assert running.ask("PUT", "/api/recording", {"on": True})[0] == 409
    assert running.ask("GET", "/api/run")[1]["why_not"].keys() >= {"events", "records"}
    assert running.ask("GET", "/api/events")[0] == 409


def test_what_is_no_message_closes_the_socket(running, told):
    with running.watch() as socket:
        socket.send('{"type": "delete everything"}')
        with pytest.raises(ConnectionClosed) as closed:
            told(socket, lambda message: False)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
