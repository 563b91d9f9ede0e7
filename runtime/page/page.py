"""The live page of a run: what it needs of the run, put together and served."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.routing import WebSocketRoute

from ..results import Message, Recognition, to_json
from ..sinks.metrics import Metrics
from ..sinks.sink import Sink
from ..terminal.commandline import leave_threads_behind
from .access import Access, Role
from .api.endpoints import Endpoint
from .app import Site
from .board import told
from .live import Live
from .messages.live import Bye, Hello, Stored, StreamNews
from .options import PageOptions
from .pictures import Packet
from .recordings import Recordings
from .sight import Sight
from .viewers import Viewers

log = logging.getLogger(__name__)

TICK_S, STATS_S = 0.1, 1.0


class LivePage(Sink):
    """Serves the page; a sink whose `close` tells viewers and ends the server.

    Attributes:
        opened: where it is.
        recordings: what people record.
        on_close: called at the end.
    """

    recordings: Recordings
    name = "page"
    wants_frames = False

    def __init__(self, options: PageOptions, sight: Sight, metrics: Metrics) -> None:
        """Listen; `start` begins to answer.

        Raises:
            StzsarError: the port is taken, the host is not this machine's, or the tokens or the
                certificate cannot be used.
        """
        self._site = site = Site(options)
        self.opened = site.opened
        self._sight, self._metrics, self._stats_s = sight, metrics, 0.0
        self._server, self._workers = site.server, site.workers
        self._viewers = Viewers(self._use_watches)
        self._live = Live(self._viewers, self._hello, self._bye)
        sight.pictures.on_packet = self._on_packet
        self.on_close: list[Callable[[], None]] = []
        self._changed_events: deque[int] = deque()

    def start(self, endpoints: Sequence[Endpoint]) -> None:
        """Answer requests.

        Args:
            endpoints: what can be asked, besides the page itself and its WebSocket.
        """
        live = WebSocketRoute("/api/live", self._live.serve)
        self._site.start(endpoints, self._tell, sockets=[live])

    def put(self, message: Message) -> None:
        """Note a message."""
        self._sight.board.put(message)
        self._metrics.count(message)

    def source_ended(self, source: str) -> None:
        """Note that a source has ended."""
        self._sight.board.source_ended(source)
        self._metrics.set_state(source, "ended")

    def observe_round(self, seconds: float, batch: int) -> None:
        """Count a batch: its seconds, and the frames that it encoded."""
        self._metrics.observe_round(seconds, batch)

    def close(self, timeout_s: float) -> None:
        """Tell all viewers that the run has ended, and end the server."""
        self._server.do(self._live.end)
        for end in self.on_close:
            end()
        self._sight.pictures.close(0.1)
        self._server.close(max(0.5, timeout_s))
        self.recordings.close(timeout_s)
        if self._workers.at_work:  # a thread inside the engine would abort the process at its end
            leave_threads_behind()

    def tell_of_event(self, number: int) -> None:
        """Tell all viewers soon that an event has changed; called from any thread."""
        self._changed_events.append(number)

    def tell(self, *news: msgspec.Struct) -> None:
        """Tell all viewers something; called from any thread."""
        content = msgspec.json.encode(news)
        self._server.do(self._viewers.tell, content)

    @property
    def access(self) -> Access:
        """The tokens."""
        return self._site.access

    def _hello(self, role: Role) -> bytes:
        sight = self._sight
        hello = Hello(
            time=round(time.time(), 3),
            role=role,
            run=sight.run(),
            streams=tuple(sight.scene.stream(one, history=True) for one in sight.scene.sources),
        )
        return msgspec.json.encode([hello])

    def _bye(self) -> bytes:
        return msgspec.json.encode([Bye(reason="The run has ended.")])

    def _on_packet(self, packet: Packet) -> None:
        self._server.do(self._viewers.show, (packet,))

    def _use_watches(self) -> None:
        self._sight.pictures.watch(self._viewers.wanted)
        self._sight.explain(self._viewers.explained)

    async def _tell(self) -> None:
        """Tell viewers what is new, some times a second; nothing while there are none."""
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self._tell_once()
            except Exception:  # the next news may be better
                log.debug("News could not be told.", exc_info=True)

    def _tell_once(self) -> None:
        messages, results = self._sight.board.news()
        changed = self._sight.scene.changed()
        events = {self._changed_events.popleft() for _ in range(len(self._changed_events))}
        if not len(self._viewers):
            return
        self._live.drop(self._viewers.too_slow())
        news: list[Any] = [_told(one) for one in messages]
        news += [StreamNews(stream=self._sight.scene.stream(one)) for one in changed]
        news += [Stored(id=number) for number in sorted(events)]
        news += [told(found, values) for found, values in results.values()]
        if time.monotonic() - self._stats_s >= STATS_S:
            self._stats_s = time.monotonic()
            news.append(self._sight.scene.stats(len(self._viewers)))
        if news:
            self._viewers.tell(msgspec.json.encode(news))
        for lane, (found, explanation) in self._sight.board.whys().items():
            if why := self._sight.scene.why(lane, found, explanation):
                self._viewers.explain(lane, msgspec.json.encode([why]))


def _told(message: Message) -> Any:
    assert not isinstance(message, Recognition)
    return msgspec.Raw(to_json(message).encode())
