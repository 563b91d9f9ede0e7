"""One request: what is no HTTP, a host of several numbers, and certificates."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stzsar.train.attributes import exchange as exchange_module
from stzsar.train.attributes.addresses import WebAddress
from stzsar.train.attributes.exchange import ExchangeError, Limits, Reply, exchange

from .conftest import Given


def test_an_answer_that_is_not_http_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"220 mail.example ready\r\n")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        address = WebAddress.parse(f"http://127.0.0.1:{server.getsockname()[1]}/")
        with pytest.raises(ExchangeError, match="is not HTTP"):
            exchange("GET", address, headers={}, private=True)
        thread.join(10)


def test_a_hosts_next_number_is_asked_only_if_the_one_before_is_away(site, monkeypatch):
    def ask(*numbers: str) -> Reply:
        monkeypatch.setattr(exchange_module, "places", lambda _address, *, private: list(numbers))
        address, limits = WebAddress.parse(f"{site.url}/p"), Limits(total_s=0.3)
        return exchange("POST", address, headers={}, body=b"{}", limits=limits, private=True)

    site.pages["/p"] = Given(b"hello")
    assert ask("127.0.0.2", "127.0.0.1").body == b"hello"  # it listens on the second alone
    assert len(site.asked) == 1

    stop = threading.Event()
    site.pages["/p"] = Given(write=lambda _out: stop.wait(60))
    with pytest.raises(ExchangeError, match="no whole answer"):
        ask("127.0.0.1", "127.0.0.1")
    stop.set()
    assert len(site.asked) == 2


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
    def ask(host: str) -> bytes:
        address = WebAddress.parse(f"https://{host}:{secure_port}/")
        return exchange("GET", address, headers={}, private=True).body

    assert ask("localhost") == b"hello"
    with pytest.raises(ExchangeError, match="certificate"):
        ask("127.0.0.1")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ExchangeError, match="self-signed"):
        ask("localhost")
