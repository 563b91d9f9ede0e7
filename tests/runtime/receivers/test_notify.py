"""Notifications by Apprise, sent to a real receiver on this machine."""

import base64
import json
import logging
import socket
import subprocess
import sys

import pytest

from stzsar.runtime.backoff import Backoff
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.results import ActionEvent, Recognition, Score, StreamState
from stzsar.runtime.sinks.stills import Still

pytest.importorskip("apprise", reason="pip install '.[notify]'")

from stzsar.runtime.receivers.notify import Notify

QUICK = Backoff(attempts=3, first_s=0.001, longest_s=0.002)
JPEG = b"\xff\xd8\xff\xe0 not really a picture"


def event(priority=None):
    return ActionEvent("start", "hall", "waving", 12.3, None, 0.87, 1.0, None, priority)


def url(receiver, secret="hunter2"):
    # Apprise's form for a service that takes its own JSON.
    return f"json://me:{secret}@127.0.0.1:{receiver.port}/hook"


def test_an_event_is_told_with_its_still(receiver):
    sink = Notify(url(receiver), still_of=lambda _event: Still(JPEG, "stills/1.jpg"))
    sink.put(event("urgent"))
    sink.put(Recognition("hall", 0.0, 1.0, 4, (Score("waving", 0.9, 0.3),)))
    sink.put(StreamState("hall", "lost", "no route", 1e9))
    sink.close(30)

    first, second = (json.loads(got["body"]) for got in receiver.got)
    assert (first["title"], first["message"]) == ("hall: waving", "At 12.3 s, 87%")
    assert first["type"] == "failure"
    (attached,) = first["attachments"]
    assert base64.b64decode(attached["base64"]) == JPEG
    assert (attached["filename"], attached["mimetype"]) == ("still.jpg", "image/jpeg")
    assert (second["title"], second["message"]) == ("hall: lost", "no route")
    assert (second["type"], second["attachments"]) == ("info", [])
    assert sink.counters.delivered == 2


def test_a_service_that_refuses_is_tried_again_and_nothing_shows_its_secret(open_receiver, caplog):
    caplog.set_level(logging.DEBUG)
    with open_receiver(*[(503, {})] * 4) as receiver:
        sink = Notify(url(receiver), backoff=QUICK)
        sink.put(event())
        sink.put(event())
        sink.close(30)
        assert len(receiver.got) == 5
    assert (sink.counters.failed, sink.counters.delivered) == (1, 1)
    assert sink.name == "notify json"
    assert "notify json: the service did not take it; the run goes on." in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("wrong", ["", "hunter2", "nosuch://me:hunter2@h", "json://"])
def test_an_address_that_apprise_does_not_know_is_refused_without_its_secret(wrong):
    with pytest.raises(StzsarError, match="Apprise knows no service") as refused:
        Notify(wrong)
    assert "hunter2" not in str(refused.value)


def test_without_apprise_its_extra_is_named():
    program = (
        "import sys; sys.modules['apprise'] = None\n"
        "from stzsar.runtime.errors import StzsarError\n"
        "from stzsar.runtime.receivers.notify import Notify\n"
        "try: Notify('json://h')\n"
        "except StzsarError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install '.[notify]'" in done.stdout


@pytest.mark.parametrize("services", [1, 2])
def test_a_service_that_hangs_does_not_keep_a_run_from_its_end(services):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        # Apprise itself would wait for ten minutes.
        urls = ",".join(f"json://127.0.0.1:{port}/{number}?rto=600" for number in range(services))
        program = (
            "import sys\n"
            "from stzsar.runtime.results import StreamState\n"
            "from stzsar.runtime.receivers.notify import Notify\n"
            f"sink = Notify({urls!r})\n"
            "sink.put(StreamState('hall', 'lost', '', 1e9))\n"
            "sys.stdin.readline()\n"
            "sink.close(0.1)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
        try:
            mute.settimeout(60)
            connection, _ = mute.accept()
            with connection:
                assert connection.recv(4) == b"POST"
                process.communicate(b"\n", timeout=60)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0
