"""The HTTP interface is what its document says, whatever is asked."""

import json

import pytest
from hypothesis import HealthCheck, given, settings

from stzsar.runtime.page.api.document import FILE

schemathesis = pytest.importorskip("schemathesis")

STREAM = "hall"
EXAMPLES = 12
# Where "not now" is an answer.
UNAVAILABLE = {"/healthz", "/readyz", "/api/picture"}


def test_no_request_makes_an_error_of_the_server(running):
    """What a program sends as another host or another page is in test_lock.py."""
    address = f"http://127.0.0.1:{running.port}/api/openapi.json"
    schema = schemathesis.openapi.from_url(address)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        check(operation)


def check(operation):
    responses = operation.definition.raw["responses"]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[*HealthCheck],  # pyright: ignore[reportArgumentType],
    )
    @given(case=operation.as_strategy())
    def ask(case):
        answer = case.call(timeout=20)
        status = answer.status_code
        assert status < 500 or (status == 503 and case.path in UNAVAILABLE), answer.text
        assert str(status) in responses, (case.method, case.path, status, answer.text)
        if answer.headers.get("Content-Type", [""])[0].startswith("application/json"):
            operation.validate_response(answer)

    ask()


def test_the_document_that_ships_is_that_of_the_server(running):
    """`python -m stzsar.runtime.page.api.document` writes it."""
    served = running.ask("GET", "/api/openapi.json")[1]
    assert json.loads(FILE.read_text()) == served


def test_events_are_found_shown_marked_exported_and_removed(run, told, becomes):
    running = run()
    with running.watch() as socket:
        told(socket, lambda message: message["type"] == "stored")
        running.camera.left = running.camera.right = (0, 255, 0)
        becomes(lambda: running.ask("GET", "/api/events")[1]["events"][-1]["clip"])
    listed = running.ask("GET", "/api/events?label=red&stream=hall&text=re%20HAL")[1]
    first = listed["events"][-1]
    id_ = first["id"]
    assert (first["label"], first["source"], first["mark"]) == ("red", STREAM, None)
    assert running.ask("GET", "/api/events?text=100%25")[1]["events"] == []
    assert running.ask("GET", f"/api/events?before={id_}")[1] == {"events": [], "more": False}
    assert running.ask("GET", f"/api/events/{id_}")[1]["scores"]
    assert running.ask("GET", "/api/events/counts")[1]["label"]["red"] >= 1

    for part in ("still", "annotated"):
        status, jpeg, _ = running.ask("GET", f"/api/events/{id_}/{part}")
        assert (status, jpeg[:2]) == (200, b"\xff\xd8")
    status, clip, answer = running.ask("GET", f"/api/events/{id_}/clip")
    assert (status, answer.getheader("Accept-Ranges")) == (200, "bytes")
    status, part, answer = running.ask("GET", f"/api/events/{id_}/clip", Range="bytes=4-11")
    assert (status, part) == (206, clip[4:12])
    assert answer.getheader("Content-Range") == f"bytes 4-11/{len(clip)}"
    ask = {"Range": f"bytes={len(clip) + 5}-"}
    assert running.ask("GET", f"/api/events/{id_}/clip", **ask)[0] == 416

    change = {"mark": "wrong", "kept": True}
    changed = running.ask("PATCH", f"/api/events/{id_}", change)[1]
    assert (changed["mark"], changed["kept"]) == ("wrong", True)
    assert running.ask("GET", "/api/events?mark=wrong&kept=true")[1]["events"][0]["id"] == id_
    assert running.ask("PATCH", f"/api/events/{id_}", {"mark": None})[1]["mark"] is None

    status, table, answer = running.ask("GET", "/api/events/export?format=csv&label=red")
    assert (status, table.splitlines()[0][:3]) == (200, b"id,")
    assert "attachment" in answer.getheader("Content-Disposition")
    assert running.ask("GET", "/api/events/export?format=json")[1][0]["label"]

    assert running.ask("DELETE", f"/api/events/{id_}")[0] == 204
    assert running.ask("GET", f"/api/events/{id_}")[0] == 404
    assert running.ask("GET", f"/api/events/{id_}/clip")[0] == 404


def test_metrics_count_what_is_recognised(running, becomes):
    def counted():
        status, text, answer = running.ask("GET", "/metrics")
        assert (status, "text/plain" in answer.getheader("Content-Type")) == (200, True)
        return b'stzsar_results_total{stream="hall"}' in text

    becomes(counted)
