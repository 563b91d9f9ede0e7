"""The lock on the door, tried from outside with plain clients."""

import http.client
import json
import socket
import ssl
import subprocess

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.page.access import FREE_FAILURES, MAX_FAILURES_A_MINUTE, Access, Refused
from stzsar.runtime.page.options import PageOptions, Tokens, parse_address, read_tokens
from stzsar.runtime.page.server import MAX_HEADER_BYTES
from stzsar.runtime.sinks import own_host

from .conftest import shaken

STREAM = "hall"
CHANGE, LOOK = "c" * 20, "l" * 20
BEARER = {"Authorization": f"Bearer {CHANGE}"}
ARM = ("PUT", "/api/armed", {"stream": None, "armed": True})


@pytest.fixture(scope="module")
def locked(bundle, tmp_path_factory):
    """A run whose page needs a token."""
    from .conftest import Running

    folder = tmp_path_factory.mktemp("locked")
    file = folder / "token"
    file.write_text(f"{CHANGE}\n{LOOK}\n")
    found = Running(bundle, folder, serve_token=file)
    yield found
    found.close()


@pytest.mark.parametrize(
    "path",
    ["/api/run", "/api/streams", "/api/picture?stream=hall", "/api/events", "/metrics",
     "/api/events/1/clip", "/api/labels", "/api/live"],
)  # fmt: skip
def test_nothing_is_told_without_a_token(locked, path):
    status, failure, answer = locked.ask("GET", path)
    assert (status, "error" in failure) == (401, True)
    assert answer.getheader("WWW-Authenticate")


def test_what_is_open_says_nothing_of_the_run(locked):
    assert locked.ask("GET", "/healthz")[1].keys() == {"status"}
    assert locked.ask("GET", "/readyz")[1].keys() == {"status"}
    assert locked.ask("GET", "/api/session")[1] == {"role": None, "needs_token": True}
    assert locked.ask("GET", "/")[0] == 200


def test_a_bearer_may_do_what_the_token_allows(locked):
    assert locked.ask("GET", "/api/run", **BEARER)[0] == 200
    assert locked.ask(*ARM, **BEARER)[0] == 200
    look = {"Authorization": f"Bearer {LOOK}"}
    assert locked.ask("GET", "/api/run", **look)[0] == 200
    for method, path, body in (
        ARM,
        ("PUT", "/api/labels", {"text": "red"}),
        ("PUT", "/api/regions", {"stream": STREAM}),
        ("PUT", "/api/threshold", {"lane": STREAM, "value": 0.4}),
        ("PUT", "/api/recording", {"on": True}),
        ("PATCH", "/api/events/1", {"mark": "right"}),
        ("DELETE", "/api/events/1", None),
    ):
        assert locked.ask(method, path, body, **look)[0] == 403, path


def test_logging_in_gives_a_cookie_that_scripts_and_other_sites_cannot_use(locked):
    status, session, answer = locked.ask("POST", "/api/session", {"token": LOOK})
    assert (status, session["role"]) == (200, "look")
    cookie = answer.getheader("Set-Cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert LOOK not in cookie
    kept = cookie.partition(";")[0]
    assert locked.ask("GET", "/api/session", Cookie=kept)[1]["role"] == "look"
    assert locked.ask(*ARM, Cookie=kept)[0] == 403
    assert locked.ask("GET", "/api/run", Cookie=kept[:-1] + "x")[0] == 401
    others = 'a/b=1; {"c": "d, e"}; =; f="g h'  # of other servers of this host
    assert locked.ask("GET", "/api/session", Cookie=f"{others}; {kept}")[1]["role"] == "look"
    with locked.watch(Cookie=kept) as viewer:
        assert json.loads(viewer.recv())[0]["role"] == "look"


def test_a_socket_needs_a_token_too(locked):
    with pytest.raises(InvalidStatus, match="401"):
        locked.watch()
    with locked.watch(**BEARER) as viewer:
        assert json.loads(viewer.recv())[0]["role"] == "change"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8632", "127.0.0.1.evil.example"])
def test_another_host_is_refused(running, host):
    assert running.ask("GET", "/", Host=host)[0] == 421
    with shaken(running, host) as raw:
        assert raw.recv(100).split()[1] == b"421"


def test_strange_hosts_ask_no_name_server_each_time(monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getfqdn", lambda: asked.append(1) or "camera.example.com")
    own_host._own_name.cache_clear()
    assert not own_host.is_own_host("evil.example", "127.0.0.1")
    for _ in range(3):
        assert not own_host.is_own_host("evil.example", "0.0.0.0")
    assert own_host.is_own_host("camera.example.com:8632", "0.0.0.0")
    assert len(asked) == 1
    own_host._own_name.cache_clear()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[evil"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_pages_change_nothing_and_see_nothing(running, headers):
    assert running.ask(*ARM, **headers)[0] == 403
    assert running.ask("GET", "/api/run", **headers)[0] == 403
    if "Origin" in headers:
        with pytest.raises(InvalidStatus, match="403"):
            running.watch(**headers)


def test_its_own_page_may(running):
    own = {"Origin": f"http://127.0.0.1:{running.port}", "Sec-Fetch-Site": "same-origin"}
    assert running.ask(*ARM, **own)[0] == 200
    with running.watch(Origin=own["Origin"]) as viewer:
        assert viewer.recv()


def test_every_answer_has_the_headers_that_browsers_obey(running):
    for path in ("/", "/api/run", "/nothing", "/static/nothing"):
        _, _, answer = running.ask("GET", path)
        policy = answer.getheader("Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"


@pytest.mark.parametrize(
    ("request_lines", "status"),
    [
        (["GET / HTTP/1.1", "no header"], 400),
        (["GET / HTTP/1.1"], 400),  # no host
        (["GET /api/live HTTP/1.1", "Host: localhost", "Upgrade: websocket",
          "Connection: Upgrade", "Sec-WebSocket-Version: 13"], 400),  # no key
        (["GET /api/live HTTP/1.1", "Host: localhost", "Upgrade: websocket",
          "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], 400),
        (["GET /nothing HTTP/1.1", "Host: localhost", "Upgrade: websocket",
          "Connection: Upgrade", "Sec-WebSocket-Version: 13",
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], 403),
    ],
)  # fmt: skip
def test_what_the_server_refuses_by_itself_has_them_too(running, request_lines, status):
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as raw:
        raw.sendall("\r\n".join([*request_lines, "", ""]).encode())
        head = b""
        while part := raw.recv(4096):
            head += part
    assert int(head.split()[1]) == status
    assert b"default-src 'none'" in head
    assert b"x-content-type-options: nosniff" in head.lower()


@pytest.mark.parametrize(
    "path",
    ["/static/../page.py", "/static/%2e%2e/page.py", "/static//etc/passwd", "/static/..%2fpage.py",
     "/api/events/..%2f..%2fetc/clip", "/api/events/0/clip", "/api/events/-1/still"],
)  # fmt: skip
def test_no_way_leads_to_the_file_system(running, path):
    assert running.ask("GET", path)[0] == 404


@pytest.mark.parametrize("body", [{"stream": "v4l2:///dev/video0"}, {"stream": "/etc/passwd"}])
def test_no_way_leads_to_another_source(running, body):
    assert running.ask("PUT", "/api/regions", body)[0] == 404
    assert running.ask("PUT", "/api/labels", {**body, "text": "red"})[0] == 404
    assert running.ask("GET", f"/api/picture?stream={body['stream']}")[0] == 404


def test_bodies_are_json_and_bounded(running):
    assert running.ask("PUT", "/api/armed", b"{}", Content_Type="text/plain")[0] == 415
    assert running.ask("PUT", "/api/armed", b"{" * 1000)[0] == 400
    assert running.ask("PUT", "/api/armed", b" " * (65 << 10))[0] == 413
    many = "\n".join(f"label {number}" for number in range(1001))
    assert running.ask("PUT", "/api/labels", {"text": many})[0] == 422


def test_a_body_without_a_length_is_bounded_too(running):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    parts = (b" " * 1024 for _ in range(80))
    kind = {"Content-Type": "application/json"}
    connection.request("PUT", "/api/armed", parts, kind, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_headers_are_bounded(running):
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 2 * MAX_HEADER_BYTES)
        assert b" 400 " in raw.recv(100)


def test_two_hosts_in_one_request_are_refused(running):
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert raw.recv(100).split()[1] in (b"400", b"421")


def test_wrong_tokens_are_slowed_down(locked, monkeypatch):
    access = Access(Tokens(CHANGE, LOOK), 1)
    monkeypatch.setattr(locked.page.access, "_failures", access._failures)
    for _ in range(FREE_FAILURES):
        assert locked.ask("POST", "/api/session", {"token": "x" * 20})[0] == 401
    status, _, answer = locked.ask("POST", "/api/session", {"token": CHANGE})
    assert (status, int(answer.getheader("Retry-After")) >= 1) == (429, True)
    assert locked.ask("GET", "/api/run", **BEARER)[0] == 429  # a bearer waits too
    access._failures.clear()


def test_waits_grow_and_many_addresses_try_no_more_than_one():
    now = [0.0]
    access = Access(Tokens(CHANGE, LOOK), 1, clock=lambda: now[0])
    waits = []
    while len(waits) < 4:
        found = access.role_of_token("wrong", "192.0.2.1")
        if isinstance(found, Refused):
            waits.append(found.wait_s)
            now[0] += found.wait_s
    assert waits == sorted(set(waits))
    assert access.role_of_token(CHANGE, "192.0.2.1") == "change"
    for number in range(MAX_FAILURES_A_MINUTE):
        access.role_of_token("wrong", f"2001:db8:{number:x}::1")
    assert isinstance(access.role_of_token("wrong", "192.0.2.9"), Refused)
    now[0] += 61
    assert access.role_of_token(CHANGE, "192.0.2.9") == "change"


def test_an_address_of_ipv6_is_its_network():
    access = Access(Tokens(CHANGE, LOOK), 1, clock=lambda: 0.0)
    for number in range(FREE_FAILURES):
        access.role_of_token("wrong", f"2001:db8::{number:x}")
    assert isinstance(access.role_of_token(CHANGE, "2001:db8::ffff"), Refused)


def test_viewers_are_told_of_the_end(run, told):
    running = run(keeps=False)
    with running.watch() as viewer:
        viewer.recv()
        running.close()
        assert told(viewer, lambda message: message["type"] == "bye")["reason"]
        with pytest.raises(ConnectionClosed, match="1001"):
            viewer.recv()


def test_tls(run, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", cert],
        capture_output=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl makes no certificate here")
    running = run(keeps=False, tls_cert=cert, tls_key=key)
    assert running.page.opened.address.startswith("https://")
    trusts = ssl.create_default_context(cafile=cert)
    connection = http.client.HTTPSConnection("127.0.0.1", running.port, context=trusts)
    connection.request("GET", "/api/run")
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.getheader("Strict-Transport-Security")
    connection.close()
    with connect(f"wss://127.0.0.1:{running.port}/api/live", ssl=trusts) as viewer:
        assert viewer.recv()


def test_a_certificate_that_cannot_be_used_is_one_sentence(run, tmp_path):
    (tmp_path / "c").write_text("nothing")
    with pytest.raises(StzsarError, match="PEM files"):
        run(keeps=False, tls_cert=tmp_path / "c", tls_key=tmp_path / "c")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8632", "127.0.0.1", 8632),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("[::]:9", "::", 9),
        ("[::1]", "::1", 8632),
        ("localhost", "localhost", 8632),
        (":7", "127.0.0.1", 7),
    ],
)
def test_addresses(text, host, port):
    found = parse_address(text)
    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize("text", ["", "test://moving-shapes", "a:b", "a:70000", "a b:1", "x/y:1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(StzsarError, match="--serve takes"):
        PageOptions(serve=text)


def test_tokens_of_others_than_this_machine_are_made(bundle, tmp_path):
    from stzsar.runtime.page.app import tokens_for

    tokens, made = tokens_for(parse_address("0.0.0.0:1"), PageOptions(serve="0.0.0.0:1"))
    assert made
    assert tokens.change
    assert tokens.look not in (None, tokens.change)
    assert tokens_for(parse_address("1"), PageOptions(serve="1"))[0] == Tokens()


def test_tokens_that_are_too_short_are_refused(tmp_path):
    assert read_tokens(None, {"STZSAR_PAGE_TOKEN": CHANGE}) == Tokens(CHANGE)
    for environment in (
        {"STZSAR_PAGE_TOKEN": "short"},
        {"STZSAR_PAGE_VIEWER_TOKEN": LOOK},
        {"STZSAR_PAGE_TOKEN": CHANGE, "STZSAR_PAGE_VIEWER_TOKEN": CHANGE},
    ):
        with pytest.raises(StzsarError):
            read_tokens(None, environment)
    file = tmp_path / "token"
    file.write_text("\n".join([CHANGE, LOOK, "x" * 20]))
    with pytest.raises(StzsarError, match="3 tokens"):
        read_tokens(file)


def test_a_port_that_is_taken_is_one_sentence(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        from stzsar.runtime.page.options import Address
        from stzsar.runtime.page.server import PageServer

        with pytest.raises(StzsarError, match="Cannot serve the page on port"):
            PageServer(Address("127.0.0.1", port))
