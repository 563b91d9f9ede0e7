"""One request: answers that are not HTTP, hosts with several numbers, certificates."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from stzsar.runtime.chat import transport
from stzsar.runtime.chat.transport import GuardedTransport, Limits, NoAnswerError

from ...chat_server import Given


def ask(url: str, method: str = "GET", limits: Limits | None = None) -> bytes:
    guarded = GuardedTransport(limits or Limits(), private=True)
    return guarded.handle_request(httpx2.Request(method, url)).content


def test_an_answer_that_is_not_http_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"220 mail.example ready\r\n")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        with pytest.raises(NoAnswerError, match="is not HTTP"):
            ask(f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join(10)


def test_a_hosts_next_number_is_asked_only_if_the_one_before_is_away(site, monkeypatch):
    def post(*numbers: str) -> bytes:
        monkeypatch.setattr(transport, "resolve", lambda *_host, private: list(numbers))
        return ask(f"{site.url}/p", "POST", Limits(total_s=0.3))

    site.pages["/p"] = Given(b"hello")
    assert post("127.0.0.2", "127.0.0.1") == b"hello"  # it listens on the second alone
    assert len(site.asked) == 1

    stop = threading.Event()
    site.pages["/p"] = Given(write=lambda _out: stop.wait(60))
    with pytest.raises(NoAnswerError, match="no whole answer"):
        post("127.0.0.1", "127.0.0.1")
    stop.set()
    assert len(site.asked) == 2


def test_headers_that_come_a_byte_now_and_then_are_given_up():
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(NoAnswerError, match=r"no whole answer in 0\.2 s"):
            ask(f"http://127.0.0.1:{server.getsockname()[1]}/", limits=Limits(total_s=0.2))
        stop.set()


@pytest.fixture
def secure_port(tmp_path, monkeypatch) -> Iterator[int]:
    """A server whose certificate is for localhost; SSL_CERT_FILE trusts it."""
    if not shutil.which("openssl"):
        pytest.skip("apt install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, format, *args):  # noqa: A002  its name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_certificates_are_checked_though_numbers_are_connected_to(secure_port, monkeypatch):
    assert ask(f"https://localhost:{secure_port}/") == b"hello"
    with pytest.raises(NoAnswerError, match="certificate"):
        ask(f"https://127.0.0.1:{secure_port}/")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(NoAnswerError, match="self-signed"):
        ask(f"https://localhost:{secure_port}/")
