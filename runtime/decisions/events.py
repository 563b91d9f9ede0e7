"""Events of one stream: where actions start and end, from what is decided in its windows."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

from ..results import ActionEvent, Recognition, Score
from .policy import Policy

# As long as frames come this much apart at most, they belong together; as in `runtime.stream`.
_GAP_INTERVALS = 2.5
# Sums of sampling periods miss what they should be by rounding.
_ROUNDING_S = 1e-6


@dataclass
class _Action:
    """An action that is going on: what is known of it so far.

    Attributes:
        label: its name.
        start_s: when it began.
        first_s: the end of the first window that shows it.
        last_s: the end of the last window that shows it.
        peak: its best score.
    """

    label: str
    start_s: float
    first_s: float
    last_s: float
    peak: float

    def extend(self, recognition: Recognition, found: Score) -> None:
        self.last_s = recognition.end_s
        self.peak = max(self.peak, found.score)


class Decider:
    """Decides on the windows of one stream, in order, and says where actions start and end.

    One label at a time is decided on, so one action at a time goes on:

    - It *starts* once its label was decided on in each window over `min_length_s`. What is
      shorter is no event. A label that is decided on now and then does not start.
    - It *ends* once it was not seen for `cool_down_s`; until then it goes on when it is seen
      again. It ends too when another action starts, at the end, and when it is interrupted.
    - After its end the same action does not start again within `cool_down_s`; it is held back
      and, if it lasts, starts then. So nobody is told of one action twice in a row.

    A window is seconds long, and an action begins or ends somewhere in it. An event's start is the
    *middle* of the first window that shows it; its end is the last frame of the last window that
    shows it or, where the next action takes over before that, that one's start; the two never
    overlap. Of the ways to read a time from a window these two are the nearest to the truth on
    generated streams: half a second off on average, of windows of two. Starts are told late, and
    times are when things happened: a live event's `time` lies before the moment in which it is
    told, by half a window and `min_length_s` at a start, by `cool_down_s` at an end.

    What is remembered is the action that goes on, the one that may come, and the ends of the last
    `cool_down_s`, however many labels there are. It knows labels by their names: when those
    change, call `interrupt`.
    """

    def __init__(self, policy: Policy, source: str, *, top: int | None = None) -> None:
        """Begin with a policy.

        Args:
            policy: what decides; may be replaced when labels change.
            source: the stream's name.
            top: labels that a result keeps once it is decided on; all of them if None.
        """
        self.policy = policy
        self._source = source
        self._top = top
        self._coming: _Action | None = None
        self._open: _Action | None = None
        self._ended_s: dict[str, float] = {}
        self._told_s = -math.inf
        self._latest: Recognition | None = None
        # Seconds since 1970 at time 0 of the source; None for a file.
        self._epoch: float | None = None

    @property
    def action(self) -> str | None:
        """The label of the action that goes on: it has started and not ended."""
        return self._open.label if self._open else None

    def decide(self, recognition: Recognition) -> tuple[Recognition, list[ActionEvent]]:
        """Decide on the next window.

        Args:
            recognition: with at least `Policy.labels_needed` of the best labels, or all of them.

        Returns:
            The recognition with its decision, and what started or ended, in the order of time.
        """
        events = self.interrupt() if self._is_break(recognition) else []
        if self._latest and recognition.end_s < self._latest.end_s:
            self._forget_times()  # the source has begun anew
        self._latest = recognition
        if recognition.time is not None:
            self._epoch = recognition.time - recognition.end_s
        found = self.policy.decide(recognition, self._coming.label if self._coming else None)
        self._follow(recognition, found)
        events += self._end_what_is_over(recognition, found)
        events += self._start_what_lasts(recognition)
        decision, top = found.label if found else None, recognition.top[: self._top]
        return dataclasses.replace(recognition, decision=decision, top=top), events

    def interrupt(self) -> list[ActionEvent]:
        """Learn that the stream was lost or flushed, or its labels changed.

        What went on ends where it was seen last, and not where the stream comes back.
        """
        self._coming = None
        return self._end(self._open.last_s) if self._open else []

    def finish(self) -> list[ActionEvent]:
        """End what goes on, at the end of the stream or of the run; a new stream may follow."""
        events = self.interrupt()
        self._forget_times()
        self._latest = self._epoch = None
        return events

    def _forget_times(self) -> None:
        self._ended_s.clear()
        self._told_s = -math.inf

    def _is_break(self, recognition: Recognition) -> bool:
        """Say whether time went back, or so far on that nobody knows what was in between."""
        if self._latest is None:
            return False
        usual_s = max(recognition.gap_s, self._latest.gap_s, 1 / (recognition.rate_fps or 1))
        unseen_s = recognition.start_s - self._latest.end_s
        longest_s = max(self.policy.cool_down_s, _GAP_INTERVALS * usual_s)
        return recognition.end_s < self._latest.end_s or unseen_s > longest_s

    def _follow(self, recognition: Recognition, found: Score | None) -> None:
        if found is None:
            self._coming = None
        elif self._coming and self._coming.label == found.label:
            self._coming.extend(recognition, found)
        else:
            middle_s = (recognition.start_s + recognition.end_s) / 2
            end_s = recognition.end_s
            self._coming = _Action(found.label, middle_s, end_s, end_s, found.score)
        if self._open and found and self._open.label == found.label:
            self._open.extend(recognition, found)

    def _end_what_is_over(self, recognition: Recognition, found: Score | None) -> list[ActionEvent]:
        if not self._open or (found and found.label == self._open.label):
            return []
        unseen_s = recognition.end_s - self._open.last_s
        return (
            self._end(self._open.last_s)
            if unseen_s >= self.policy.cool_down_s - _ROUNDING_S
            else []
        )

    def _start_what_lasts(self, recognition: Recognition) -> list[ActionEvent]:
        coming = self._coming
        if not coming or coming.label == self.action:
            return []
        too_short = coming.last_s - coming.first_s < self.policy.min_length_s - _ROUNDING_S
        if too_short or self._cools_down(coming.label, recognition.end_s):
            return []
        events: list[ActionEvent] = []
        if self._open:
            events += self._end(min(self._open.last_s, coming.start_s))
        # Windows overlap, also those before and after an end.
        start_s = max(coming.start_s, self._told_s)
        self._open = dataclasses.replace(coming, start_s=start_s)
        return [*events, self._event("start", self._open, start_s, recognition.end_s)]

    def _cools_down(self, label: str, now_s: float) -> bool:
        pause_s = self.policy.cool_down_s - _ROUNDING_S
        self._ended_s = {k: v for k, v in self._ended_s.items() if now_s - v < pause_s}
        return label in self._ended_s

    def _end(self, time_s: float) -> list[ActionEvent]:
        assert self._open is not None
        action, self._open = self._open, None
        self._ended_s[action.label] = action.last_s
        self._told_s = time_s
        return [self._event("end", action, time_s, time_s)]

    def _event(
        self, event: Literal["start", "end"], action: _Action, time_s: float, until_s: float
    ) -> ActionEvent:
        return ActionEvent(
            event=event,
            source=self._source,
            label=action.label,
            time_s=time_s,
            time=None if self._epoch is None else self._epoch + time_s,
            peak=action.peak,
            duration_s=until_s - action.start_s,
        )
