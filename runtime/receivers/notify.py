"""Messages as notifications, by Apprise: e-mail, Telegram, Matrix, Pushover and eighty others.

Which service it is, and its secrets, is in the address: https://github.com/caronc/apprise/wiki.
"""

import logging
import re
from dataclasses import dataclass
from typing import Any

from ..backoff import Backoff
from ..errors import StzsarError
from ..messages import Priority
from ..results import ActionEvent, Message, Recognition
from ..sinks.queued import Patience, Queued, TryAgainError
from ..sinks.sink import QueuedSink
from ..sinks.stills import StillOf, no_still
from .forms import words_of

# Kinds of notifications that services show in colours of their own.
_KINDS: dict[Priority | None, str] = {"high": "warning", "urgent": "failure"}


@dataclass(frozen=True)
class Notification:
    """One message on its way."""

    title: str
    text: str
    kind: str
    jpeg: bytes | None


class Notify(QueuedSink[Notification]):
    """Sends messages to a service; never waits, and never ends a run.

    Attributes: see `sink.Sink`; `counters` say what became of the messages.
    """

    def __init__(
        self, url: str, *, still_of: StillOf | None = None, backoff: Backoff | None = None
    ) -> None:
        """Check the address and start the queue; nothing is sent yet.

        Args:
            url: as Apprise has it; whoever knows it may send in your name.
            still_of: has the pictures to attach; None attaches none.
            backoff: how often and when to try again.

        Raises:
            StzsarError: Apprise does not know the address, or is missing.
        """
        scheme = re.match(r"([a-z0-9]{1,20})://", url.lower())
        name = f"notify {scheme[1]}" if scheme else "notify"
        self._still_of = still_of or no_still
        super().__init__(name, Queued(_Service(name, url), backoff=backoff))

    def put(self, message: Message) -> None:
        """Have a message sent."""
        if isinstance(message, Recognition):
            return
        is_event = isinstance(message, ActionEvent)
        still = self._still_of(message) if is_event else None
        title, text = words_of(message)
        kind = _KINDS.get(message.priority if is_event else None, "info")
        jpeg = still.jpeg if still else None
        size_bytes = len(text) + len(jpeg or b"")
        self._queue.offer(
            Notification(title, text, kind, jpeg), size_bytes=size_bytes, precious=True
        )


class _Service:
    """One attempt at a time; the queue repeats them."""

    def __init__(self, name: str, url: str) -> None:
        try:
            import apprise
            from apprise.attachment.memory import AttachMemory
        except ImportError as error:
            raise StzsarError(
                "Notifications need the package apprise: run pip install '.[notify]' in stzsar's "
                "folder."
            ) from error
        self.name = name
        # Its own messages name addresses, and with them secrets.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        self._attach: Any = AttachMemory

        class Asset(apprise.AppriseAsset):
            # No threads of its own, which it has for many services and for one with a time limit:
            # Python does not end before they do, and so waits for a service that hangs.
            async_mode = False
            _service_timeout = 0.0

        self._apprise = apprise.Apprise(asset=Asset())
        if not self._apprise.add(url):
            raise StzsarError(
                f"Apprise knows no service at the address of {name}: "
                "https://github.com/caronc/apprise/wiki lists how they are written."
            )

    def deliver(self, item: Notification, _patience: Patience) -> None:
        attached = None
        if item.jpeg:
            attached = self._attach(content=item.jpeg, name="still.jpg", mimetype="image/jpeg")
        if not self._apprise.notify(
            title=item.title, body=item.text, notify_type=item.kind, attach=attached
        ):
            raise TryAgainError("the service did not take it")

    def finish(self, _patience: Patience) -> None: ...
