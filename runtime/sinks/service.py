"""Tells systemd that a run is ready, that its streams live, and that it ends.

The whole protocol is a datagram of a few words to the socket in NOTIFY_SOCKET, so there is no
package for it here. Without that variable nobody listens, and there is no such sink.
"""

import contextlib
import os
import socket
from time import monotonic

from ..results import Message, StreamState
from .sink import Sink


class ServiceManager(Sink):
    """Sends READY=1 with the first picture, and WATCHDOG=1 while any stream gives pictures.

    The run's thread feeds the watchdog, so a run that hangs does not. Neither does one whose
    streams are all lost, stalled or ended: systemd restarts it. A run of files alone is ready at
    once, and lives as long as it reads.
    """

    name = "systemd"
    wants_frames = False

    def __init__(self, address: str, *, every_s: float | None, live: bool) -> None:
        """Connect to nothing yet.

        Args:
            address: a path, or @ and the name of an abstract socket.
            every_s: how often the watchdog is fed; None feeds none.
            live: whether any source is live.
        """
        # An abstract name begins with a zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._every_s, self._fed_s = every_s, 0.0
        self._only_files = not live
        self._living: set[str] = set()
        self._ready = False

    def put(self, message: Message) -> None:
        """Note which streams live."""
        if isinstance(message, StreamState):
            change = self._living.add if message.state == "live" else self._living.discard
            change(message.source)

    def source_ended(self, source: str) -> None:
        """Note that nothing more comes from this source."""
        self._living.discard(source)

    def tick(self) -> None:
        """Say what there is to say; the run's thread calls it some times a second."""
        if not (self._living or self._only_files):
            return
        if not self._ready:
            self._ready = True
            self._send("READY=1")
        now_s = monotonic()
        if self._every_s is not None and now_s - self._fed_s >= self._every_s:
            self._fed_s = now_s
            self._send("WATCHDOG=1")

    def end(self) -> None:
        """Say that the run begins to end."""
        self._send("STOPPING=1")

    def close(self, timeout_s: float) -> None:
        """There is nothing to release."""

    def _send(self, words: str) -> None:
        # A service manager that is gone or slow must not end or hold up a run.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(words.encode(), self._address)


def service_manager(*, live: bool) -> ServiceManager | None:
    """Return what the environment asks for: the service manager of this process, or None.

    Args:
        live: whether any source of the run is live.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return None
    watched = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    limit_us = os.environ.get("WATCHDOG_USEC", "")
    # Half of the limit, as sd_watchdog_enabled(3) recommends.
    every_s = int(limit_us) / 2e6 if watched and limit_us.isdecimal() and int(limit_us) else None
    return ServiceManager(address, every_s=every_s, live=live)
