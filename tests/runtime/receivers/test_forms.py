"""Posts in the forms of JSON, ntfy, Slack and Discord, with stills and without."""

import base64
import email
import email.policy
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.receivers.forms import words_of
from stzsar.runtime.receivers.webhook import Webhook, signature
from stzsar.runtime.results import ActionEvent, Duty, Overload, StreamState
from stzsar.runtime.sinks.stills import Still

pytest.importorskip("urllib3", reason="pip install '.[sinks]'")

JPEG = b"\xff\xd8\xff\xe0 not really a picture \x00\r\n--"
STILL = Still(JPEG, "stills/2026-11-30/000001-hall-Íjászat.jpg")
BASE = "https://nas.example/events/"
LINK = "https://nas.example/events/stills/2026-11-30/000001-hall-%C3%8Dj%C3%A1szat.jpg"


def event(
    kind: Any = "start", *, label="Íjászat <!channel> & @everyone", priority=None, region="door"
):
    return ActionEvent(kind, "hall", label, 12.3, None, 0.87, 75.0, region, priority)


@pytest.fixture
def posted(receiver):
    """What arrives of a message: path, headers and body."""

    def post(message, rest="/hook", **options):
        sink = Webhook(receiver.url(rest), still_of=lambda _event: STILL, **options)
        sink.put(message)
        sink.close(30)
        assert sink.counters.delivered == 1
        return receiver.got[-1]

    return post


def parts(request) -> Any:
    head = f"Content-Type: {request['headers']['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request["body"], policy=email.policy.HTTP)
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_content_type(),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    }


def test_json_has_the_still_as_a_file_beside_it_and_the_signature_is_of_all(posted):
    request = posted(event(), still="attached", secret="s")
    found = parts(request)
    assert found["still"] == ("image/jpeg", "still.jpg", JPEG)
    kind, name, document = found["message"]
    assert (kind, name) == ("application/json", None)
    assert json.loads(document)["label"] == event().label
    headers = request["headers"]
    stamp = int(headers["webhook-timestamp"])
    expected = signature(b"s", headers["webhook-id"], stamp, request["body"])
    assert headers["webhook-signature"] == expected


def test_json_has_the_still_inside_or_linked(posted):
    inside = json.loads(posted(event(), still="base64")["body"])
    assert base64.b64decode(inside["still"]) == JPEG
    assert "still_url" not in inside
    linked = json.loads(posted(event(), still=BASE)["body"])
    assert linked["still_url"] == LINK
    assert "still" not in linked
    assert {"still", "still_url"}.isdisjoint(json.loads(posted(event())["body"]))


def test_ntfy_gets_text_with_title_and_priority(posted):
    request = posted(event(priority="urgent"), "/my-topic", form="ntfy")
    query = parse_qs(urlsplit(request["path"]).query)
    assert urlsplit(request["path"]).path == "/my-topic"
    assert query == {"title": [f"hall/door: {event().label}"], "priority": ["5"]}
    assert request["body"].decode() == "At 12.3 s, 87%"
    assert request["headers"]["Content-Type"] == "text/plain; charset=utf-8"
    for priority, number in ((None, "3"), ("normal", "3"), ("low", "2"), ("high", "4")):
        path = posted(event(priority=priority), form="ntfy")["path"]
        assert parse_qs(urlsplit(path).query)["priority"] == [number]


def test_ntfy_gets_the_still_as_a_file_or_linked(posted):
    request = posted(event(), "/topic?auth=x", form="ntfy", still="attached")
    query = parse_qs(urlsplit(request["path"]).query)
    assert request["body"] == JPEG
    assert query["filename"] == ["still.jpg"]
    assert query["message"] == ["At 12.3 s, 87%"]
    assert query["auth"] == ["x"]
    request = posted(event(), form="ntfy", still=BASE)
    assert parse_qs(urlsplit(request["path"]).query)["attach"] == [LINK]
    assert request["body"].decode() == "At 12.3 s, 87%"


def test_slack_gets_text_that_calls_nobody_and_a_linked_picture(posted):
    document = json.loads(posted(event(), form="slack")["body"])
    text = "hall/door: Íjászat &lt;!channel&gt; &amp; @everyone\nAt 12.3 s, 87%"
    assert document == {"text": text}
    document = json.loads(posted(event(), form="slack", still=BASE)["body"])
    assert document["text"] == text
    section, image = document["blocks"]
    assert section == {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    assert image == {"type": "image", "image_url": LINK, "alt_text": "still"}


def test_discord_gets_text_that_calls_nobody_and_the_still_as_a_file_or_linked(posted):
    found = parts(posted(event(), form="discord", still="attached"))
    assert found["files[0]"] == ("image/jpeg", "still.jpg", JPEG)
    document = json.loads(found["payload_json"][2])
    assert document["content"] == f"hall/door: {event().label}\nAt 12.3 s, 87%"
    assert document["allowed_mentions"] == {"parse": []}
    assert document["embeds"] == [{"image": {"url": "attachment://still.jpg"}}]
    document = json.loads(posted(event(), form="discord", still=BASE)["body"])
    assert document["embeds"] == [{"image": {"url": LINK}}]
    assert "embeds" not in json.loads(posted(event(), form="discord")["body"])
    long = json.loads(posted(event(label="x" * 5000), form="discord")["body"])
    assert len(long["content"]) == 2000


def test_a_message_without_a_still_is_posted_all_the_same(receiver):
    sink = Webhook(receiver.url(), form="discord", still="attached", still_of=lambda _event: None)
    for message in (event(), StreamState("hall", "lost", "no route", 1e9)):
        sink.put(message)
    sink.close(30)
    assert [json.loads(got["body"])["content"].splitlines()[-1] for got in receiver.got] == [
        *("At 12.3 s, 87%", "no route")
    ]


@pytest.mark.parametrize(
    ("form", "still", "ways"),
    [
        ("slack", "attached", "give an address behind which"),
        ("ntfy", "base64", "give attached or an address"),
        ("discord", "base64", "give attached or an address"),
        ("json", "inline", "give attached or base64 or an address"),
        ("json", "ftp://nas/events", "sent as 'this'"),
    ],
)
def test_a_still_that_a_form_cannot_have_is_refused(form, still, ways):
    with pytest.raises(StzsarError, match=ways):
        Webhook("http://x", form=form, still=still)


def test_every_message_has_words_for_people():
    assert words_of(event("repeat"))[1] == "It goes on, for 75 s now, at best 87%"
    assert words_of(event("end"))[1] == "It ended after 75 s, at best 87%"
    assert words_of(StreamState("hall", "lost", "", 1e9)) == ("hall: lost", "The stream's state.")
    off = Duty("hall", armed=False, scheduled=True, time=1e9)
    assert words_of(off) == ("hall", "It makes no events: switched off.")
    assert words_of(Duty("hall", True, True, 1e9))[1] == "It makes events."
    assert words_of(Overload(0.5, 1e9))[1] == "50% of the sampling rate is possible."
    live = ActionEvent("start", "hall", "waving", 1.0, 1e9, 0.87, 1.0)
    assert words_of(live)[0] == "hall: waving"
    assert words_of(live)[1].startswith("At ")
    assert words_of(live)[1].count(":") == 2
