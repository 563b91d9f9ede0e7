import http.client
import json
import re
import socket
import threading
import time

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.results import ActionEvent, Duty, Overload, Recognition, Score, StreamState
from stzsar.runtime.sinks.own_host import is_own_host
from stzsar.runtime.sinks.prometheus import PrometheusMetrics
from stzsar.runtime.sinks.queued import SinkCounters

parser = pytest.importorskip("prometheus_client.parser", reason="pip install '.[sinks]'")


def result(source="gate", age_ms: float | None = 150.0):
    return Recognition(source, 0.0, 1.0, 4, (Score("red", 0.75, 0.5),), age_ms=age_ms)


def state(condition, source="gate"):
    return StreamState(source, condition, "", 1e9)


def get(sink, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], body


def samples(sink):
    _, _, text = get(sink, "/metrics")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def make():
    """Makes sinks on free ports, and closes them."""
    made = []

    def make_one(**options):
        made.append(PrometheusMetrics(0, **options))
        return made[-1]

    yield make_one
    for sink in made:
        sink.close(1)


def test_metrics_hold_messages_and_counters(make):
    counts = {"gate": {"read": 90, "sampled": 30, "encoded": 28, "dropped": 2, "connections": 1}}
    sinks = {"mqtt": SinkCounters(delivered=5, dropped=1)}
    sink = make(counters=lambda: counts, sinks=lambda: sinks)
    for age_ms in (40.0, 150.0, 60_000.0, None):
        sink.put(result(age_ms=age_ms))
    for kind in ("start", "start", "end"):
        sink.put(ActionEvent(kind, "gate", "red", 1.0, 1e9, 0.75, 0.5))
    sink.put(Overload(0.4, 1e9))
    sink.put(Duty("gate", armed=True, scheduled=False, time=1e9))
    sink.put(state("live"))
    sink.observe_round(0.03, 3)
    counts["gate"]["read"] = 91

    found = samples(sink)

    gate = ("stream", "gate")
    assert found["stzsar_frames_read_total", gate] == 91
    assert found["stzsar_stream_on_duty", gate] == 0
    assert found["stzsar_frames_sampled_total", gate] == 30
    assert found["stzsar_frames_encoded_total", gate] == 28
    assert found["stzsar_frames_dropped_total", gate] == 2
    assert found["stzsar_connections_total", gate] == 1
    assert found["stzsar_results_total", gate] == 4
    assert found["stzsar_events_total", ("event", "start"), gate] == 2
    assert found["stzsar_result_age_seconds_count", gate] == 3
    assert found["stzsar_result_age_seconds_sum", gate] == pytest.approx(60.19)
    assert found["stzsar_result_age_seconds_bucket", ("le", "0.2"), gate] == 2
    assert found["stzsar_round_seconds_bucket", ("le", "0.05")] == 1
    assert found["stzsar_round_frames_sum",] == 3
    assert found["stzsar_sampling_share",] == 0.4
    assert found["stzsar_sink_messages_total", ("fate", "delivered"), ("sink", "mqtt")] == 5
    assert found["stzsar_resident_memory_bytes",] > 1e6
    assert any(key[0] == "stzsar_build_info" for key in found)


def test_a_stream_is_in_one_state_at_a_time(make):
    sink = make()
    for condition in ("connecting", "live", "stalled", "lost", "live", "lost"):
        sink.put(state(condition))

    found = {key[1][1]: value for key, value in samples(sink).items() if "state" in key[0]}

    assert found == {"connecting": 0, "live": 0, "stalled": 0, "lost": 1, "ended": 0}


def test_health_is_good_while_a_stream_is_live(make):
    sink = make()
    assert get(sink, "/healthz")[0] == 503

    sink.put(state("live", "a"))
    sink.put(state("lost", "b\x00\ud800"))
    status, content_type, body = get(sink, "/healthz")
    assert (status, content_type) == (200, "application/json")
    assert json.loads(body) == {
        "status": "live",
        "streams": {"a": "live", "b\x00\ud800": "lost"},
    }

    sink.source_ended("a")
    status, _, body = get(sink, "/healthz")
    assert (status, json.loads(body)["status"]) == (503, "not live")


def test_names_from_outside_neither_break_the_format_nor_fill_the_memory(make):
    awkward = 'a"b\\c\nd{e="f"}\x00\u202e\ud800'
    sink = make(counters=lambda: {awkward: {"read": 7}})
    sink.put(result(awkward))
    for number in range(1500):
        sink.put(result(f"stream {number}"))
        sink.put(state("live", f"stream {number}"))

    found = samples(sink)

    streams = {dict(key[1:])["stream"] for key in found if key[0] == "stzsar_results_total"}
    assert len(streams) == 1001
    assert found["stzsar_results_total", ("stream", "(other)")] == 501
    shown = awkward.replace("\ud800", "?")
    assert found["stzsar_frames_read_total", ("stream", shown)] == 7
    assert len(sink.health()[1]["streams"]) == 1000


def test_clients_may_choose_openmetrics_and_other_paths_do_not_exist(make):
    sink = make()

    plain = get(sink, "/metrics?x=1")
    modern = get(sink, "/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert plain[1].startswith("text/plain; version=")
    assert modern[1].startswith("application/openmetrics-text")
    assert modern[2].endswith("# EOF\n")
    assert get(sink, "/")[0] == get(sink, "/../etc/passwd")[0] == 404


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/nothing"])
def test_head_is_answered_like_get_without_a_body(make, path):
    sink = make()
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=30)
    answers = []
    for method in ("GET", "HEAD", "GET"):  # over one connection: a stray body would break it
        connection.request(method, path)
        answer = connection.getresponse()
        answers.append((answer.status, answer.headers["Content-Type"], bool(answer.read())))
    connection.close()
    assert answers[0] == answers[2] == (*answers[1][:2], True)
    assert not answers[1][2]


def test_other_methods_are_refused(make):
    connection = http.client.HTTPConnection("127.0.0.1", make().port, timeout=30)
    connection.request("POST", "/metrics", body="x")
    assert connection.getresponse().status == 405
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "text/plain; version=abc"},
        {"Accept": "application/openmetrics-text; version=1.x; escaping"},
        {"Accept": ";=,;;=\xff", "Accept-Encoding": "br;q=,;x"},
        {"Accept-Encoding": ";;;"},
        {"Content-Type": "\xff", "Cookie": "=" * 4000, "Range": "bytes=9-1"},
    ],
)
def test_an_odd_header_is_no_error(make, headers):
    assert get(make(), "/metrics", **headers)[0] == 200


def test_a_close_is_overtaken_by_the_end_of_a_request(make, monkeypatch):
    sink = make()
    trigger = sink._server._server.trigger
    pull = trigger._physical_pull

    def overtaken():
        pull()
        time.sleep(0.1)  # the server's thread has seen the first
        pull()

    monkeypatch.setattr(trigger, "_physical_pull", overtaken)
    sink.close(1)
    with pytest.raises(OSError, match="refused"):
        get(sink, "/healthz")


def test_dns_rebinding_reads_nothing(make):
    sink = make()
    sink.put(state("live"))
    for host in ("evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "["):
        for path in ("/metrics", "/healthz"):
            assert get(sink, path, Host=host)[0] == 421
    for host in (f"127.0.0.1:{sink.port}", "localhost", "LOCALHOST:1", "[::1]:9100", "127.0.0.2"):
        assert get(sink, "/healthz", Host=host)[0] == 200


def test_where_others_may_read_local_names_count_too():
    for host in ("10.0.0.9:9100", "[fd00::1]", "stzsar:9100", "gate.local", "gate.site.svc"):
        assert is_own_host(host, "0.0.0.0")
        assert not is_own_host(host, "127.0.0.1")
    assert not is_own_host("evil.example", "0.0.0.0")
    assert is_own_host("metrics.example", "metrics.example")


def test_a_count_that_fails_is_an_answer_and_not_the_end(make):
    sink = make(counters=lambda: {}["x"])

    assert get(sink, "/metrics")[0] == 500
    assert get(sink, "/healthz")[0] == 503


def test_other_pages_are_refused(make):
    sink = make()
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for path in ("/metrics", "/healthz"):
            assert get(sink, path, **headers)[0] == 403
    assert get(sink, "/metrics", Origin=f"http://127.0.0.1:{sink.port}")[0] == 200


def test_a_port_that_is_taken_and_a_host_elsewhere_are_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StzsarError, match=rf"^Cannot listen on port {port} of 127.* in use"):
            PrometheusMetrics(port)
    for host, port in (("192.0.2.1", 0), ("no such host", 0), ("127.0.0.1", 70_000), ("x" * 99, 1)):
        with pytest.raises(StzsarError, match="Cannot listen on port"):
            PrometheusMetrics(port, host=host)


def test_listening_for_other_machines_is_a_warning(make, caplog):
    assert re.fullmatch(r"metrics http://127\.0\.0\.1:\d+/metrics", make().name)
    make(host="::1")
    make(host="localhost")
    assert caplog.records == []

    make(host="0.0.0.0")
    assert "Everyone in the network can read metrics http://0.0.0.0:" in caplog.text


def test_clients_that_never_finish_are_cut_off(make):
    sink = make()
    idle = [socket.create_connection(("127.0.0.1", sink.port)) for _ in range(100)]
    for connection in idle:
        connection.sendall(b"GET /met")

    ended = []
    for connection in idle:
        connection.settimeout(30)
        try:
            ended.append(connection.recv(1000))
        except ConnectionResetError:
            ended.append(b"")
        connection.close()

    assert len(ended) == 100
    assert get(sink, "/metrics")[0] == 200


def test_counting_goes_on_while_it_is_read(make):
    sink = make()
    stop = threading.Event()

    def count():
        number = 0
        while not stop.is_set():
            sink.put(result(f"stream {number % 50}"))
            sink.put(state("live", f"stream {number % 50}"))
            number += 1
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        assert all(get(sink, path)[0] in (200, 503) for path in ["/metrics", "/healthz"] * 20)
    finally:
        stop.set()
        thread.join()


def test_after_closing_the_port_is_free():
    sink = PrometheusMetrics(0)
    sink.close(1)

    again = PrometheusMetrics(sink.port)
    assert get(again, "/metrics")[0] == 200
    again.close(1)


def test_slow_clients_make_room_for_others(make):
    sink = make()
    slow = [socket.create_connection(("127.0.0.1", sink.port)) for _ in range(100)]
    for connection in slow:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nX: ")

    assert [get(sink, "/metrics")[0] for _ in range(3)] == [200] * 3

    for connection in slow:
        connection.close()
