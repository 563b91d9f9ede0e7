"""Real servers on this machine: pages for the tests, and a chat endpoint that is told its words."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAGE = "text/html; charset=utf-8"


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Given:
    """A reply: `write` may send the body by itself, byte by byte if it likes."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": PAGE})
    write: Callable[[Any], object] | None = None


Answer = Callable[[Asked], Given]


class Site:
    """A web server whose replies are functions of the request, by path."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer | Given] = {}
        self.asked: list[Asked] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                asked = Asked(self.command, self.path, dict(self.headers), body)
                site.asked.append(asked)
                page = site.pages.get(self.path) or site.pages.get(self.path.partition("?")[0])
                given = page(asked) if callable(page) else page or Given(status=404)
                try:
                    self.send_response(given.status)
                    for name, value in given.headers.items():
                        self.send_header(name, value)
                    if given.write is None:
                        self.send_header("Content-Length", str(len(given.body)))
                    self.end_headers()
                    if given.write is None:
                        self.wfile.write(given.body)
                    else:
                        given.write(self.wfile)
                except OSError:
                    pass  # the other side had enough

            do_GET = do_POST = answer  # noqa: N815  http.server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Chat(Site):
    """A chat endpoint; `say` gives the content of each answer, or a whole reply."""

    def __init__(self) -> None:
        super().__init__()
        self.say: Callable[[dict[str, Any]], str | Given] = lambda _asked: "{}"
        self.questions: list[dict[str, Any]] = []
        self.pages["/v1/chat/completions"] = self._completion
        self.pages["/v1/models"] = Given(json.dumps({"data": [{"id": "parrot"}]}).encode())

    @property
    def endpoint(self) -> str:
        return f"{self.url}/v1"

    def _completion(self, asked: Asked) -> Given:
        question = json.loads(asked.body)
        self.questions.append(question)
        said = self.say(question)
        return said if isinstance(said, Given) else completion(said)


def completion(text: str, finish: str = "stop") -> Given:
    """What a server sends for an answer."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": finish,
    }
    return Given(json.dumps({"choices": [choice]}).encode(), headers={"Content-Type": "text/json"})
