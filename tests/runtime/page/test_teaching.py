"""Teaching from the page: marks, moments and a recording to a calibration that is taken."""

import json
import os
import shutil
import time

import numpy as np
import pytest

STREAM = "hall"
GREEN, BLUE = (0, 255, 0), (255, 0, 0)
SIZE_PX = 16


def write_ordinary(running, folder):
    """Write a recording of eleven minutes of grey, as the page's button does in that time."""
    folder.mkdir()
    path, frames = folder / "2026-01-01-000000.rec", 11 * 60 * 8
    recognizer = running.recognizer
    recorder = running._open_recorder(path)
    image = np.full((1, SIZE_PX, SIZE_PX, 3), 90, np.uint8)
    noise = np.random.default_rng(0)
    for number in range(frames):
        shade = image + noise.integers(0, 60, (1, 1, 1, 3), np.uint8)
        states = recognizer.scorer.encode(shade, features=True)
        state = {name: value[0] for name, value in states.items()}
        recorder.add(STREAM, state, number / 8, clock=1e9 + number / 8, rate_fps=8.0)
    recorder.close(20)
    began = time.mktime((2026, 1, 1, 0, 0, 0, 0, 0, -1))
    os.utime(path, (began, began + frames / 8))


@pytest.mark.live
def test_marks_and_moments_teach_and_the_result_is_taken_when_asked(run, told, becomes, tmp_path):
    running = run()
    camera = running.camera

    def ask(method, path, body=None):
        status, found, _ = running.ask(method, path, body)
        assert status == 200, found
        return found

    assert "example is missing" in ask("GET", "/api/teaching")["missing"]
    assert running.ask("POST", "/api/teaching", {})[0] == 409
    with running.watch() as socket:
        started = told(socket, lambda message: message.get("event") == "start")
        assert started["label"] == "red"
        becomes(lambda: ask("GET", "/api/events")["events"])
        time.sleep(1.5)  # so much of it is shown
        camera.left = camera.right = BLUE
        event = becomes(lambda: [one for one in ask("GET", "/api/events")["events"] if one["clip"]])
        ask("PATCH", f"/api/events/{event[0]['id']}", {"mark": "right"})

        assert "ordinary footage" in ask("GET", "/api/teaching")["missing"]
        write_ordinary(running, tmp_path / "events" / "recordings")
        camera.left = camera.right = GREEN
        told(socket, lambda message: message.get("decision") == "green")
        time.sleep(2)
        body = {"stream": STREAM, "label": "GREEN", "seconds": 2}
        examples = ask("POST", "/api/teaching/examples", body)["examples"]
        assert [(one["label"], one["kind"]) for one in examples] == [
            ("green", "moment"),
            ("red", "event"),
        ]
        info = ask("POST", "/api/teaching", {"false_alarms_per_day": 50})
        assert info["job"]["state"] == "running"
        assert running.ask("POST", "/api/teaching", {})[0] == 409

        def is_over(message):
            job = message["type"] == "teaching" and message["teaching"]["job"]
            return job and job["state"] != "running"

        job = told(socket, is_over, patience_s=120)["teaching"]["job"]
        assert job["state"] == "done", job
        (red,) = [one for one in job["after"] if one["label"] == "red"]
        assert (red["examples"], red["right_of"]) == (1, 1)
        assert job["hours"] > 0

        assert ask("GET", "/api/teaching")["used"] is False
        assert ask("POST", "/api/teaching/use")["used"] is True
        news = told(
            socket,
            lambda message: (
                message["type"] == "info"
                and message["stream"]["lanes"][0]["threshold"]["kind"] == "evidence"
            ),
        )
        threshold = news["stream"]["lanes"][0]["threshold"]["labels"]["red"]
        body = {"lane": STREAM, "value": threshold - 1, "label": "red"}
        assert ask("PUT", "/api/threshold", body)["labels"]["red"] == pytest.approx(
            threshold - 1, abs=1e-3
        )
        result = told(socket, lambda message: message["type"] == "result")
        assert len(result["values"]) == len(result["top"])

    id_ = examples[0]["id"]
    remaining = ask("DELETE", f"/api/teaching/examples/{id_}")["examples"]
    assert [one["kind"] for one in remaining] == ["event"]
    assert running.ask("DELETE", "/api/teaching/examples/..%2f..%2fx")[0] == 404


def test_what_teaches_nothing_is_refused(run, told):
    running = run()
    with running.watch() as socket:
        told(socket, lambda message: message["type"] == "result")
    for body, status in (
        ({"stream": "none", "label": "red"}, 404),
        ({"stream": STREAM, "label": "walking"}, 422),
        ({"stream": STREAM, "label": "red", "seconds": 1000}, 400),
    ):
        assert running.ask("POST", "/api/teaching/examples", body)[0] == status
    assert running.ask("POST", "/api/teaching/use")[0] == 409


def test_moments_have_own_names_and_failing_disks_are_said(run, becomes, tmp_path):
    running = run()
    asked = {"stream": STREAM, "label": "red", "seconds": 1}

    def add():
        answer = running.ask("POST", "/api/teaching/examples", asked)
        return [one["id"] for one in answer[1]["examples"]] if answer[0] == 200 else []

    first = becomes(add)[0]  # once there is a second of pictures
    add()
    running.ask("DELETE", f"/api/teaching/examples/{first}")
    ids = add()  # all within a second or two
    assert len(ids) == len(set(ids)) == 2
    moments = tmp_path / "events" / "teaching" / "moments"
    shutil.rmtree(moments)
    moments.write_text("no folder")
    status, failure, _ = running.ask("POST", "/api/teaching/examples", asked)
    assert (status, "cannot be used" in failure["error"]) == (422, True)


def test_without_kept_events_nothing_can_be_taught(run):
    running = run(keeps=False)
    assert running.ask("GET", "/api/teaching")[0] == 409
    assert "--events" in json.dumps(running.ask("GET", "/api/run")[1]["why_not"]["teaches"])
