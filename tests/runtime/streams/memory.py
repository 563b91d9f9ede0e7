"""Keeps in memory what the loop over streams gives away."""

from stzsar.runtime.results import Recognition


class Sink:
    """Keeps everything."""

    name, wants_frames = "memory", False

    def __init__(self):
        self.messages, self.shown, self.ended = [], [], []

    def put(self, message):
        self.messages.append(message)

    def show(self, source, frame, latest):
        self.shown.append((source, frame.time_s, latest and latest.end_s))

    def source_ended(self, source):
        self.ended.append(source)

    def close(self, timeout_s): ...

    def results(self, source):
        return [m for m in self.messages if isinstance(m, Recognition) and m.source == source]
