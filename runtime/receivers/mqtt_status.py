"""What is retained at a broker about a run, and what stands there when the run is gone."""

import json
from typing import Any

from ..duty import Duties
from ..results import ActionEvent, Duty, Message, Recognition, StreamState, place_of
from .mqtt_topics import MAX_STREAMS

# Where a run is not there, nobody is to take what it said last for what is.
OFFLINE = json.dumps({"status": "offline", "streams": {}})


class Status:
    """The state of a run, as one document that the last will replaces.

    The run's thread calls `note`; any thread asks for the document.
    """

    def __init__(self, duties: Duties | None, *, with_rates: bool) -> None:
        self._duties, self._with_rates = duties, with_rates
        self._states: dict[str, str] = {}
        self._actions: dict[str, str] = {}
        self._rates: dict[str, float] = {}

    def note(self, message: Message) -> bool:
        """Take a message in; return whether the document is another one now."""
        if isinstance(message, StreamState):
            return self._set("_states", message.source, message.state)
        if isinstance(message, Recognition):
            rate_fps = message.rate_fps
            if rate_fps is None or not self._with_rates:
                return False
            return self._set("_rates", place_of(message), round(rate_fps, 2))
        if isinstance(message, ActionEvent):
            place = place_of(message)
            if message.event == "end":
                self._actions = {k: v for k, v in self._actions.items() if k != place}
                return True
            return self._set("_actions", place, message.label)
        return isinstance(message, Duty)

    def document(self) -> str:
        """Return the document of a run that is there."""
        found: dict[str, Any] = {"status": "online", "streams": self._states}
        more = {"actions": self._actions, "rates": self._rates}
        found |= {name: values for name, values in more.items() if values}
        if self._duties and self._duties.streams:
            duties = map(self._duties.of, self._duties.streams)
            found["duty"] = {one.source: {"armed": one.armed, "on": one.on} for one in duties}
        return json.dumps(found)

    def _set(self, name: str, key: str, value: str | float) -> bool:
        """Set a value in a copy, which other threads may be reading the old of."""
        known: dict[str, Any] = getattr(self, name)
        if known.get(key) == value or (key not in known and len(known) >= MAX_STREAMS):
            return False
        setattr(self, name, {**known, key: value})
        return True
