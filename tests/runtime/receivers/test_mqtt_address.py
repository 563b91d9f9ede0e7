"""What the address of a broker says, and the topics of streams; no broker is asked."""

import os
import re
import socket

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.receivers.mqtt import Mqtt
from stzsar.runtime.receivers.mqtt_topics import Address, StreamTopics

SITE = Address.parse("mqtt://broker/site?client=gate-1")


def test_each_stream_has_one_level_of_a_topic_whatever_its_name_is():
    topics = StreamTopics(SITE)
    names = ["gate", "a/b", "a+b", "#", "", "\x00\x1b", "$SYS", "rtsp://cam/1", "x" * 70_000]
    names += ["status", "overload", "armed", "Íjászat", "\ud800", "a b\n", "camera 0"]

    found = [topics.of(name, "event") for name in names]

    assert found[0] == "site/gate/event"
    assert re.fullmatch("site/camera_0-[0-9a-f]{8}/event", found[-1])
    assert "site/Íjászat/event" in found
    assert len(set(found)) == len(names)
    assert found == [topics.of(name, "event") for name in names]
    for topic in found:
        assert topic.count("/") == 2
        assert not set(topic) & set("+#\x00\x1b\n")
        assert len(topic.encode("utf-8")) < 500


def test_the_memory_for_stream_names_is_bounded():
    topics = StreamTopics(SITE)

    for number in range(3000):
        topics.of(f"stream {number}", "event")

    assert len(topics._parts) == 1000


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://h", ("h", 1883, False, None, None, "stzsar", "mqtt://h")),
        ("mqtt://h/a?client=x", ("h", 1883, False, None, None, "a", "mqtt://h")),
        ("mqtts://h:1/a/b/", ("h", 1, True, None, None, "a/b", "mqtts://h:1")),
        ("mqtt://u%40:p%2F@[::1]/a", ("::1", 1883, False, "u@", "p/", "a", "mqtt://[::1]")),
    ],
)
def test_addresses_are_read(url, expected):
    address = Address.parse(url)

    names = ("host", "port", "tls", "user", "password", "prefix", "shown")
    assert tuple(getattr(address, name) for name in names) == expected
    host = one_level_host()
    assert StreamTopics(address).client == ("x" if "client" in url else f"{host}-{os.getpid()}")
    assert StreamTopics(address, lasting=True).client == ("x" if "client" in url else host)


def one_level_host() -> str:
    return re.sub(r"[^\w.@=-]+", "_", socket.gethostname()).strip("_.") or "stream"


@pytest.mark.parametrize(
    "url",
    [
        *("", "h", "http://h", "mqtt://", "mqtt://u:pw@", "mqtt://u:pw@h:x/", "mqtt://u:pw@h:0/"),
        *("mqtt://u:pw@h/a+b", "mqtt://u:pw@h/%23", "mqtt://u:pw@h/%00", "mqtt://u:pw@h/a#b"),
        *("mqtt://u:pw@a b/", "mqtt://u:pw@h/?token=pw", "mqtt://u:p/w@h/x", "mqtt://[u:pw@h"),
        *("mqtt://h/?client=", "mqtt://h/?client=a/b", "mqtt://h/?client=a&token=pw"),
    ],
)
def test_a_bad_address_is_refused_without_its_password(url):
    with pytest.raises(StzsarError) as refused:
        Mqtt(url)
    assert "pw" not in str(refused.value)
    assert "p/w" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        *("mqtt://me:hunter2?x@h/t", "mqtt//me:hunter2@h", "mqtt;//me:hunter2@h/t"),
        *("mqtt://h/me/hunter2/ch1", "mqtt://h/t?token=hunter2", "mqtt://h/t?a=b;token=hunter2"),
        *("mqtt:///me:hunter2@h", "mqtt://me%3Ahunter2@h/t", " mqtts://me:hunter2@h/t"),
    ],
)
def test_however_a_password_is_written_it_is_not_shown(url):
    try:
        shown = Address.parse(url).shown
    except StzsarError as refusal:
        shown = str(refusal)
    assert "hunter2" not in shown


@pytest.mark.parametrize("url", ["me:hunter2@h/t", "mqtt:me:hunter2@h", "mqtt://me:1/hunter2@h"])
def test_a_malformed_address_shows_no_password(url):
    with pytest.raises(StzsarError) as refusal:
        Address.parse(url)

    assert "hunter2" not in str(refusal.value)
