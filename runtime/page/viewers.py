"""Viewers and what waits for each of them: bounded, so that a slow one holds up nobody.

Everything here belongs to the server's event loop.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable

from .messages.live import Watch
from .pictures import SIZES, Packet, Size

# Twenty people and some tabs that they forgot.
MAX_VIEWERS = 50
# News that wait: five seconds of them. A viewer that is further behind begins anew.
MAX_NEWS = 50
# What takes longer to send is too slow for anything here.
SEND_S = 10.0


class Viewer:
    """A WebSocket.

    Attributes:
        watch: what it wants to see.
        sending_s: when the message that is being sent began to be, by `time.monotonic`; None
            between messages.
        is_over: whether it is to be told no more.
    """

    def __init__(self) -> None:
        self.watch = Watch(type="watch")
        self.sending_s: float | None = None
        self.is_over = False
        self._news: deque[bytes] = deque()
        self._packets: dict[tuple[str, str], bytes] = {}
        self._is_behind = True  # it knows nothing yet
        self._wake = asyncio.Event()

    def tell(self, news: bytes) -> None:
        """Queue news; where too many wait, all go, and the viewer is told everything again."""
        if self._is_behind:
            return
        if len(self._news) >= MAX_NEWS:
            self._news.clear()
            self._is_behind = True
        else:
            self._news.append(news)
        self._wake.set()

    def show(self, packet: Packet) -> None:
        """Queue a picture, if it is wanted; an older one of the same that waits goes."""
        kind, name = packet.key
        watch = self.watch
        wanted = watch.why if kind == "strip" else watch.small if name == "small" else watch.large
        if (name if kind == "strip" else kind) in wanted:
            self._packets[packet.key] = packet.data
            self._wake.set()

    def use(self, watch: Watch) -> None:
        """Want other pictures; those that wait and are not wanted any more go."""
        self.watch = watch
        waiting, self._packets = self._packets, {}
        for key, data in waiting.items():
            self.show(Packet(key, data))

    def end(self) -> None:
        """Have `next` return None."""
        self.is_over = True
        self._wake.set()

    async def next(self, everything: Callable[[], bytes]) -> bytes | str | None:
        """Return what to send next, text or bytes; None at the end.

        Args:
            everything: makes what a viewer is told that knows nothing.
        """
        self.sending_s = None
        while not self.is_over:
            if self._is_behind:
                self._is_behind = False
                found: bytes | str = everything().decode()
            elif self._news:
                found = self._news.popleft().decode()
            elif self._packets:
                found = self._packets.pop(next(iter(self._packets)))
            else:
                self._wake.clear()
                await self._wake.wait()
                continue
            self.sending_s = time.monotonic()
            return found
        return None


class Viewers:
    """All viewers of a run."""

    def __init__(self, on_watch: Callable[[], None]) -> None:
        """Begin without any.

        Args:
            on_watch: called when they want to see other things.
        """
        self._on_watch = on_watch
        self._all: set[Viewer] = set()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, viewer: Viewer) -> bool:
        """Add a viewer; return False if there are too many."""
        if len(self._all) >= MAX_VIEWERS:
            return False
        self._all.add(viewer)
        return True

    def remove(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        self._all.discard(viewer)
        self._on_watch()

    def use(self, viewer: Viewer, watch: Watch) -> None:
        """Note what a viewer wants to see."""
        viewer.use(watch)
        self._on_watch()

    @property
    def wanted(self) -> dict[str, frozenset[Size]]:
        """The streams whose pictures anybody wants, with their sizes."""
        sizes: dict[str, set[Size]] = {}
        for viewer in self._all:
            for size in SIZES:
                for source in viewer.watch.small if size == "small" else viewer.watch.large:
                    sizes.setdefault(source, set()).add(size)
        return {source: frozenset(wanted) for source, wanted in sizes.items()}

    @property
    def explained(self) -> frozenset[str]:
        """The lanes whose explanations anybody wants."""
        return frozenset(lane for viewer in self._all for lane in viewer.watch.why)

    def tell(self, news: bytes) -> None:
        """Tell all viewers."""
        for viewer in self._all:
            viewer.tell(news)

    def explain(self, lane: str, news: bytes) -> None:
        """Tell those who asked why."""
        for viewer in self._all:
            if lane in viewer.watch.why:
                viewer.tell(news)

    def show(self, packets: Iterable[Packet]) -> None:
        """Show pictures to those who want them."""
        for packet in packets:
            for viewer in self._all:
                viewer.show(packet)

    def too_slow(self) -> list[Viewer]:
        """Return those for whom a message takes too long."""
        now_s = time.monotonic()
        return [
            viewer
            for viewer in self._all
            if viewer.sending_s is not None and now_s - viewer.sending_s > SEND_S
        ]

    def end(self) -> list[Viewer]:
        """Have all of them end; return them."""
        viewers = list(self._all)
        for viewer in viewers:
            viewer.end()
        return viewers
