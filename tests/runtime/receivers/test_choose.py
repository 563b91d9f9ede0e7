import http.client
import json
import os
import subprocess
import sys

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.receivers.choose import SinkOptions, open_sinks, parse_listen
from stzsar.runtime.receivers.plans import SECRET_VARIABLE, Told
from stzsar.runtime.results import Recognition, Score, StreamState
from stzsar.runtime.sinks.videos import VideoPlan
from stzsar.runtime.sources.frames import Frame

RESULT = Recognition("clip", 0.0, 1.0, 4, (Score("red", 0.75, 0.5),))


def open_all(*, environment=None, live=False, videos=None, **options):
    return open_sinks(
        SinkOptions(**options),
        on_quit=lambda: None,
        live=live,
        videos=videos,
        told=Told(environment=environment or {}),
    )


def test_lines_and_videos_are_there_without_the_sinks_libraries(tmp_path, picture):
    program = (
        "import sys\n"
        "gone = ('urllib3', 'paho', 'paho.mqtt', 'paho.mqtt.client', 'prometheus_client')\n"
        "sys.modules.update(dict.fromkeys(gone))\n"
        "from stzsar.runtime.errors import StzsarError\n"
        "from stzsar.runtime.receivers.choose import SinkOptions, open_sinks\n"
        "open_sinks(SinkOptions(), on_quit=lambda: None).close(1)\n"
        "for options in ({'webhook': 'http://x'}, {'mqtt': 'mqtt://x'}, {'metrics': '0'}):\n"
        "    try: open_sinks(SinkOptions(**options), on_quit=lambda: None)\n"
        "    except StzsarError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    said = done.stdout.splitlines()
    assert len(said) == 3
    assert all("run pip install '.[sinks]' in stzsar's folder" in line for line in said)


def test_all_of_a_runs_sinks_get_its_messages_and_pictures(tmp_path, picture):
    pytest.importorskip("prometheus_client")
    sinks = open_all(
        output=tmp_path / "out.jsonl",
        videos={"clip": VideoPlan(tmp_path / "out.mp4", live=False)},
        metrics="0",
    )
    sinks.put(RESULT)
    sinks.put(StreamState("clip", "live", "", 1e9))
    sinks.show("clip", Frame(picture("red"), 0.0, 0), RESULT)
    sinks.observe_round(0.1, 2)
    connection = http.client.HTTPConnection("127.0.0.1", sinks.metrics_port or 0, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    sinks.close(10)

    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["result", "stream"]
    assert (tmp_path / "out.mp4").stat().st_size > 0
    assert f'stzsar_sink_messages_total{{fate="delivered",sink="{tmp_path}/out.jsonl"}} 2.0' in text
    assert 'stzsar_sink_messages_total{fate="delivered",sink="video"} 1.0' in text
    assert "stzsar_round_frames_sum 2.0" in text


def test_only_events_and_live_reach_the_lines(tmp_path):
    sinks = open_all(output=tmp_path / "out.jsonl", only_events=True, live=True)
    sinks.put(RESULT)
    sinks.put(StreamState("clip", "live", "", 1e9))
    sinks.close(10)

    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["stream"]
    assert not sinks.wants_frames


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"webhook_results": True}, "--webhook-results requires --webhook"),
        ({"webhook_secret": "x"}, "--webhook-secret requires --webhook"),
        ({"mqtt_ca": "x"}, "--mqtt-ca requires --mqtt"),
        ({"mqtt_ca": "x", "mqtt": "mqtt://x"}, "mqtts://"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options, sentence):
    with pytest.raises(StzsarError, match=sentence):
        SinkOptions(**options)


def test_what_was_opened_is_closed_when_another_is_refused(tmp_path):
    with pytest.raises(StzsarError, match="not an address for a webhook"):
        open_all(
            output=tmp_path / "out.jsonl",
            videos={"clip": VideoPlan(tmp_path / "out.mp4", live=True)},
            webhook="x",
        )

    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_secrets_come_from_a_file_or_the_environment(tmp_path, monkeypatch):
    pytest.importorskip("urllib3")
    from stzsar.runtime.receivers import webhook

    used = []
    real = webhook.signing_key
    monkeypatch.setattr(webhook, "signing_key", lambda secret: used.append(real(secret)))
    (tmp_path / "secret").write_text("from a file\n")
    environment = {SECRET_VARIABLE: "from the environment"}

    open_all(webhook="http://x", environment=environment).close(1)
    open_all(webhook="http://x", webhook_secret=tmp_path / "secret", environment=environment).close(
        1
    )
    open_all(webhook="http://x").close(1)

    assert used == [b"from the environment", b"from a file", None]


def test_a_secret_in_a_pipe_is_refused_and_not_waited_for(tmp_path):
    pytest.importorskip("urllib3")
    os.mkfifo(tmp_path / "secret")

    with pytest.raises(StzsarError, match="Not a regular file"):
        open_all(webhook="http://x", webhook_secret=tmp_path / "secret")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "No such file"),
        (b"\xff", "not UTF-8"),
        (b"x" * 9999, "Larger than 4096 bytes"),
        (b"\n", "is empty"),
    ],
)
def test_a_secret_that_is_of_no_use_is_one_sentence(tmp_path, content, sentence):
    pytest.importorskip("urllib3")
    if content is not None:
        (tmp_path / "secret").write_bytes(content)

    with pytest.raises(StzsarError, match=sentence):
        open_all(webhook="http://x", webhook_secret=tmp_path / "secret")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9100", ("127.0.0.1", 9100)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::]:9100", ("::", 9100)),
        ("edge.local:9100", ("edge.local", 9100)),
    ],
)
def test_where_metrics_listen_is_read(text, expected):
    assert parse_listen(text) == expected


@pytest.mark.parametrize("text", ["", "x", ":9100", "h:", "h:-1", "h:65536", "9" * 5000, "h:٣"])
def test_other_ports_are_refused(text):
    with pytest.raises(StzsarError, match="a port or HOST:PORT"):
        parse_listen(text)
