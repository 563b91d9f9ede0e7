"""Live lines in a terminal, one a stream, with events above them: results for people."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import Progress
from rich.text import Text

from ..duty import why_off
from ..results import (
    NONE_OF_THESE,
    ActionEvent,
    Duty,
    Message,
    Overload,
    Recognition,
    Score,
    StreamState,
    place_of,
)
from ..terminal.commandline import printable
from ..terminal.progress import bar
from ..terminal.shortened import padded, shortened
from .sink import Sink

# However many results come, the terminal is drawn so often and no more.
REDRAWS_PER_S = 5.0
# Pictures are counted over so many seconds.
RATE_S = 2.0
WIDEST_NAME, WIDEST_LABEL = 28, 40
# Cells of a label's place besides its name: mark, bar, score, and the gap behind.
_NARROW_BAR, _WIDE_BAR, _BESIDES = 6, 12, 9
_LEAST_LABEL = 4
_RATE_CELLS, _AGE_CELLS = 9, 8

# Frames read of each source that is being read, and of how many; None where that is not known.
Reading = Mapping[str, tuple[int, int | None]]


@dataclass
class _Line:
    """What is known of one source.

    Attributes:
        name: what results call it, fit to print.
        place: the same as it is.
        is_live: whether it has states, as cameras and network streams do.
        state: the last of them, and why.
        latest: its last result, and when that came by `time.monotonic`.
        action: the action in progress, and since when.
        pictures: how many pictures it had at the latest moments.
    """

    name: str
    place: str = ""
    is_live: bool = False
    state: str = ""
    reason: str = ""
    latest: Recognition | None = None
    latest_s: float = 0.0
    action: str | None = None
    action_s: float = 0.0
    pictures: deque[tuple[float, int]] = field(default_factory=deque)


class LiveLines(Sink):
    """Keeps a line for each stream, draws them `REDRAWS_PER_S` times a second, prints events above.

    A line has the state of the stream, pictures a second, the age of the last result (of a file
    the time in it), and its best labels. What is decided has a mark and its own colour.

    Attributes: see `sink.Sink`.
    """

    name = "terminal"

    def __init__(
        self,
        console: Console,
        *,
        reading: Callable[[], Reading] = dict,
        files: int = 0,
        labels: int = 3,
        each_result: bool = False,
        one_line: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to draw.

        Args:
            console: a terminal.
            reading: returns how far each source is read; called by the thread that draws.
            files: how many files will be read, for the bar below the lines.
            labels: the most labels of a line; 0 shows only what is decided.
            each_result: print every result above, and keep no line: one comes for each file.
            one_line: draw no more than one line, where others write to this terminal too.
            now: the clock.
        """
        self._console, self._reading, self._now = console, reading, now
        self._labels, self._each_result, self._one_line = labels, each_result, one_line
        self._lines: dict[str, _Line] = {}
        self._off: dict[str, str] = {}  # why streams make no events
        self._label_cells = 0
        self._share, self._ended_files, self._files = 1.0, 0, files
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        if files:
            self._progress = bar(on=console)
            self._task = self._progress.add_task("", total=files)
        self._live = Live(
            console=console,
            transient=True,
            refresh_per_second=REDRAWS_PER_S,
            redirect_stdout=False,  # results of the run may go there
            get_renderable=self.render,
        )
        self._live.start()

    def put(self, message: Message) -> None:
        """Take a message; print it above if it is an event."""
        printed: Text | None = None
        with self._lock:
            match message:
                case Recognition():
                    if self._each_result:
                        printed = self._row(_Line(printable(message.source), latest=message))
                    else:
                        line = self._line(place_of(message))
                        line.latest, line.latest_s = message, self._now()
                case ActionEvent():
                    line = self._line(place_of(message))
                    goes_on = message.event != "end"
                    line.action = message.label if goes_on else None
                    line.action_s = self._now() - message.duration_s
                    printed = self._event(message, line)
                case StreamState():
                    line = self._line(message.source)
                    line.is_live, line.state, line.reason = True, message.state, message.reason
                case Duty():
                    self._off[message.source] = why_off(message)
                case Overload():
                    self._share = message.share
        if printed is not None:
            self._console.print(printed, soft_wrap=True)

    def source_ended(self, source: str) -> None:
        """Drop the line of a file; that of a stream says that it has ended."""
        with self._lock:
            line = self._lines.get(source)
            if line is None or not line.is_live:
                of_regions = [name for name in self._lines if name.startswith(f"{source}/")]
                for name in (source, *of_regions):
                    self._lines.pop(name, None)
                self._ended_files += 1

    def close(self, timeout_s: float) -> None:  # noqa: ARG002 (nothing here is slow)
        """Remove the lines."""
        self._live.stop()

    def render(self) -> RenderableType:
        """Return all lines as they are now."""
        reading, now_s = self._reading(), self._now()
        with self._lock:
            for name, (read, _) in reading.items():
                self._count(self._line(name), read, now_s)
            below = self._below(reading)
            room = max(1, self._console.height - 3 - len(below))
            lines = list(self._lines.values())
            head = [self._head()] if lines else []
            if self._one_line:
                head, below, room = [], [], 1
            shown = lines if len(lines) <= room else lines[: room - 1]
            rows: list[RenderableType] = [self._row(line) for line in shown]
            if len(shown) < len(lines):
                rows.append(self._sum(lines[len(shown) :], before=bool(shown)))
        return Group(*head, *rows, *below)

    def _line(self, source: str) -> _Line:
        return self._lines.setdefault(source, _Line(printable(source), source))

    def _why_off(self, line: _Line) -> str:
        """Return why the stream of a line, or of its region, makes no events; "" if it does."""
        of = (why for name, why in self._off.items() if f"{line.place}/".startswith(f"{name}/"))
        return next(of, "")

    def _count(self, line: _Line, read: int, now_s: float) -> None:
        line.pictures.append((now_s, read))
        while now_s - line.pictures[0][0] > RATE_S:
            line.pictures.popleft()

    def _below(self, reading: Reading) -> list[RenderableType]:
        below: list[RenderableType] = []
        if self._share < 1:
            slow = f"Too slow for the rate that was asked for: {self._share:.0%} of it is looked at"
            below.append(Text(shortened(slow, self._console.width), style="yellow"))
        if self._progress:
            shares = [min(1.0, read / total) for read, total in reading.values() if total]
            number = min(self._ended_files + 1, self._files)
            self._progress.update(
                self._task,
                description=f"file {number} of {self._files}" if self._files > 1 else "",
                completed=min(self._files, self._ended_files + sum(shares)),
            )
            below.append(self._progress.get_renderable())
        return below

    def _head(self) -> Text:
        """Return the names of the columns, which part the lines from what is printed above."""
        words = "  " + padded("stream", self._name_cells())
        words += f"{'pictures':>{_RATE_CELLS}}{'age':>{_AGE_CELLS}}  "
        words += self._sign("▶ ") + ("is decided" if self._labels else "in progress")
        room = self._console.width - 1
        return Text(padded(words, room), "dim underline", no_wrap=True, overflow="crop")

    def _row(self, line: _Line) -> Text:
        width, name_cells = self._console.width, self._name_cells()
        mark, colour = _MARKS.get(line.state, ("●", "cyan"))
        row = Text(no_wrap=True)
        row.append(f"{self._sign(mark)} ", colour)
        row.append(padded(line.name, name_cells), "bold")
        room = width - 2 - name_cells - 1
        if line.state in _AWAY:
            why = line.state + (f": {printable(line.reason)}" if line.reason else "")
            return row.append(" " + shortened(why, room), colour)
        if not self._each_result:
            row.append(f"{self._rate(line):>{_RATE_CELLS}}", "dim")
            row.append(f"{self._age(line):>{_AGE_CELLS}}", "dim")
            room -= _RATE_CELLS + _AGE_CELLS
        row.append("  ")
        if off := self._why_off(line):
            return row.append(shortened(f"off: {off}", room - 1), "dim")
        if not self._labels:
            return row.append(*self._action(line, room - 1))
        if line.latest is None:
            return row.append(shortened("no result yet", room - 1), "dim")
        self._append_labels(row, line.latest, room - 1)
        return row

    def _append_labels(self, row: Text, found: Recognition, room: int) -> None:
        """Append what is decided, and as many of the best labels as there is room for, in grey."""
        best = found.ranked[: self._labels]
        # The widest label so far has room, so that columns rarely move.
        widest = max(cell_len(printable(score.label)) for score in best)
        self._label_cells = min(WIDEST_LABEL, max(self._label_cells, widest))
        least = self._label_cells + _NARROW_BAR + _BESIDES
        count = max(1, min(room // least, self._labels))
        place = min(room // count, self._label_cells + _WIDE_BAR + _BESIDES)
        bar_cells = max(_NARROW_BAR, place - _BESIDES - self._label_cells)
        if found.decision is None:
            # It takes the first place; a narrow line has one, for both.
            first = place if count > 1 else cell_len(NONE_OF_THESE) + 4
            row.append(padded(f"  {shortened(NONE_OF_THESE, room - 2)}", min(first, room)))
            best, room = best[: max(1, count - 1)], room - first
            place = min(place, room)
            if place < _NARROW_BAR + _BESIDES + _LEAST_LABEL:
                row.append(*self._without_bar(best[0], room))
                return
        for score in best[:count]:
            is_decided = score.label == found.decision
            label_cells = max(1, place - _BESIDES - bar_cells)
            style = "bold green" if is_decided else "dim"
            row.append(self._sign("▶ ") if is_decided else "  ", style)
            row.append(padded(printable(score.label), label_cells), style)
            row.append(" ")
            self._append_bar(row, score.score, bar_cells, "green" if is_decided else "blue")
            row.append(f" {score.score:4.0%} ", style)

    @staticmethod
    def _without_bar(score: Score, room: int) -> tuple[str, str]:
        share = f" {score.score:.0%}"
        if room < len(share) + _LEAST_LABEL:
            return "", "dim"
        return shortened(printable(score.label), room - len(share)) + share, "dim"

    def _append_bar(self, row: Text, share: float, cells: int, colour: str) -> None:
        halves = round(2 * cells * share)
        row.append(self._sign("━") * (halves // 2) + self._sign("╸") * (halves % 2), colour)
        row.append(self._sign("─") * (cells - halves // 2 - halves % 2), "bright_black")

    def _action(self, line: _Line, room: int) -> tuple[str, str]:
        if line.action is None:
            return shortened(NONE_OF_THESE, room), "dim"
        since = f", {_seconds(self._now() - line.action_s)}"
        label = shortened(printable(line.action), room - 2 - len(since))
        return self._sign("▶ ") + label + since, "bold green"

    def _event(self, event: ActionEvent, line: _Line) -> Text:
        text = Text.assemble((f"{_clock(event):>8}  ", "dim"))
        text.append(padded(line.name, self._name_cells()), "bold").append("  ")
        room = self._console.width - text.cell_len - 1
        label = printable(event.label)
        if event.event == "start":
            return text.append(self._sign("▶ ") + shortened(label, room - 2), "bold green")
        if event.event == "repeat":
            since = f", still, after {_seconds(event.duration_s)}"
            label = shortened(label, room - 2 - len(since))
            return text.append(self._sign("▶ ") + label + since, "bold green")
        after = f", {_seconds(event.duration_s)}, at best {event.peak:.0%}"
        text.append(self._sign("■ ") + shortened(label, room - 2 - cell_len(after)))
        return text.append(after, "dim")

    def _sum(self, lines: list[_Line], *, before: bool) -> Text:
        states = Counter(line.state or "being read" for line in lines)
        decided = sum(bool(line.latest and line.latest.decision) for line in lines)
        parts = [f"{count} {state}" for state, count in states.items()]
        parts += [f"{decided} with an action"] if decided else []
        words = f"{'and ' if before else ''}{len(lines)} {'more' if before else 'streams'}: "
        return Text(shortened(f"  {words}{', '.join(parts)}", self._console.width - 1), style="dim")

    def _name_cells(self) -> int:
        room = max(10, min(WIDEST_NAME, (self._console.width - 30) // 3))
        widest = max((cell_len(line.name) for line in self._lines.values()), default=0)
        return room if self._each_result else max(6, min(widest, room))

    def _rate(self, line: _Line) -> str:
        if not line.pictures or line.pictures[-1][0] - line.pictures[0][0] < RATE_S / 4:
            return ""
        (first_s, first), (last_s, last) = line.pictures[0], line.pictures[-1]
        return f"{(last - first) / (last_s - first_s):.0f}/s"

    def _age(self, line: _Line) -> str:
        found = line.latest
        if found is None:
            return ""
        if found.age_ms is None:
            return f"{int(found.end_s // 60)}:{found.end_s % 60:04.1f}"
        return _seconds(found.age_ms / 1000 + self._now() - line.latest_s)

    def _sign(self, sign: str) -> str:
        return sign if not self._console.options.ascii_only else sign.translate(_ASCII)


_MARKS = {
    "connecting": ("○", "yellow"),
    "live": ("●", "green"),
    "stalled": ("◌", "yellow"),
    "lost": ("✗", "red"),
    "ended": ("■", "bright_black"),
}
_AWAY = ("connecting", "stalled", "lost", "ended")
_ASCII = str.maketrans("●○◌✗■▶━╸─", "*oox#>=- ")


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _clock(event: ActionEvent) -> str:
    if event.time is not None:
        return time.strftime("%H:%M:%S", time.localtime(event.time))
    return f"{int(event.time_s // 60)}:{event.time_s % 60:04.1f}"
