"""A language model takes a second look, behind a real server on this machine."""

import base64
import json

import cv2
import numpy as np
import pytest

pytest.importorskip("openai", reason="no openai: pip install '.[verify]'")

from stzsar.runtime.chat.model import KEY_VARIABLE
from stzsar.runtime.verify.by_model import ModelJudge, verdict_of

from ...chat_server import Chat, Given, completion
from .questions import question


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    chat = Chat()
    yield chat
    chat.close()


def answer(word, sentence):
    return json.dumps({"answer": word, "sentence": sentence})


def test_a_model_is_asked_with_pictures_and_both_answers_are_kept(server, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "secret-key-of-mine")
    server.say = lambda asked: answer("No", "It is a red curtain.\n")
    judge = ModelJudge(server.endpoint, None, timeout_s=10)
    verdict = judge.judge(question("red", "fire", size=(900, 1600)))

    assert (verdict.answer, verdict.by, verdict.said) == ("no", "parrot", "It is a red curtain.")
    (asked,) = server.questions
    parts = asked["messages"][1]["content"]
    assert "fire" in parts[0]["text"]
    images = [part["image_url"]["url"] for part in parts[1:]]
    assert len(images) == 4
    for url in images:
        head, _, data = url.partition(",")
        assert head == "data:image/jpeg;base64"
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), 1)
        assert picture is not None
        assert picture.shape[:2] == (432, 768)
        assert picture[:, 400:].mean(axis=(0, 1)) == pytest.approx((0, 0, 254), abs=3)
    sent = [request for request in server.asked if request.path.endswith("completions")]
    assert sent[0].headers["Authorization"] == "Bearer secret-key-of-mine"
    assert "secret-key" not in json.dumps(asked) + repr(verdict)


@pytest.mark.parametrize(
    ("text", "said", "sentence"),
    [
        (answer("yes", "A man waves."), "yes", "A man waves."),
        (
            f"<think>no, no</think>```json\n{answer('yes', 'A man waves.')}\n```",
            "yes",
            "A man waves.",
        ),
        ("Yes. A man waves.", "yes", "A man waves."),
        ("**No**, nobody is there.", "no", "nobody is there."),
        ("no", "no", ""),
        ("YES\n\nA man waves.", "yes", "A man waves."),
        ("No idea what this is.", "unverified", "an odd answer: No idea what this is."),
        ("No clear view, but a man waves.", "unverified", None),
        ("It may be a man.", "unverified", "an odd answer: It may be a man."),
        (answer("perhaps", "?"), "unverified", None),
        ("", "unverified", "an odd answer: nothing"),
        ("Nobody is there.", "unverified", "an odd answer: Nobody is there."),
        (answer("yes", "a\x1b[31m\nb" + "c" * 5000), "yes", None),
    ],
)
def test_answers_are_read_leniently_and_odd_ones_verify_nothing(text, said, sentence):
    verdict = verdict_of(text, "parrot")
    assert verdict.answer == said
    assert sentence is None or verdict.said == sentence
    assert verdict.said.isprintable()
    assert len(verdict.said) < 400


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Given(b"x", status=500), "it answers 500"),
        (Given(b"not JSON"), "no chat completion"),
        (completion("I cannot help with that."), "an odd answer"),
        (Given(b"", status=401), "refuses the key"),
    ],
)
def test_a_server_that_fails_verifies_nothing(server, reply, why, monkeypatch):
    monkeypatch.setattr("stzsar.runtime.chat.model._RETRIES", 0)
    server.say = lambda asked: reply
    verdict = ModelJudge(server.endpoint, "parrot", timeout_s=5).judge(question("red"))
    assert verdict.answer == "unverified"
    assert why in verdict.said


def test_what_a_server_calls_its_model_and_complains_of_is_short_and_safe_to_show(
    server, monkeypatch
):
    monkeypatch.setattr("stzsar.runtime.chat.model._RETRIES", 0)
    evil = "\x1b]0;mine\x07\n\u202e" + "A" * 300_000
    models = json.dumps({"data": [{"id": evil}]}).encode()
    server.pages["/v1/models"] = Given(models, headers={"Content-Type": "application/json"})
    complaint = json.dumps({"error": {"message": evil}}).encode()
    for status in (400, 404):
        server.say = lambda asked, status=status: Given(
            complaint, status, {"Content-Type": "application/json"}
        )
        verdict = ModelJudge(server.endpoint, None, timeout_s=5).judge(question("red"))
        assert verdict.answer == "unverified"
        assert verdict.by == "]0;mine " + "A" * 92
        assert "]0;mine AAAA" in verdict.said
        assert verdict.said.isprintable()
        assert len(verdict.said) < 500


def test_a_server_that_is_too_slow_or_away_verifies_nothing(server, monkeypatch):
    monkeypatch.setattr("stzsar.runtime.chat.model._RETRIES", 0)

    def dribble(file):
        import time

        for _ in range(100):
            time.sleep(0.1)
            file.write(b" ")
            file.flush()

    server.say = lambda asked: Given(write=dribble)
    slow = ModelJudge(server.endpoint, "parrot", timeout_s=1)
    assert "no whole answer in 1 s" in slow.judge(question("red")).said
    server.close()
    away = ModelJudge(server.endpoint, None, timeout_s=1).judge(question("red"))
    assert away.answer == "unverified"
    assert "--verify-llm" in away.said
