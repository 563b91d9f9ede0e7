"""Events of one stream: where actions start and end, from the decisions in its windows."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

from ..results import ActionEvent, Recognition, Score
from .policy import Policy

# Windows up to this many sampling periods apart belong together; as in `streams.stream`.
_GAP_INTERVALS = 2.5
# Sums of sampling periods carry rounding errors.
_ROUNDING_S = 1e-6


@dataclass
class _Action:
    """An action in progress."""

    label: str  # its name
    start_s: float  # when it began
    first_s: float  # the end of the first window that shows it
    last_s: float  # the end of the last window that shows it
    peak: float  # its best score so far
    told_s: float = -math.inf  # when it was told last

    def extend(self, recognition: Recognition, found: Score) -> None:
        self.last_s = recognition.end_s
        self.peak = max(self.peak, found.score)


class Decider:
    """Decides on the windows of one stream, in order, and reports where actions start and end.

    One label at a time is decided on, so there is one action at a time. Times are those of the
    policy, or of its rule for the label:

    - It *starts* when its label was decided on in every window for `min_length_s`. Shorter actions
      are not events, nor is a label that is decided on now and then.
    - It *ends* when it was not seen for `cool_down_s`; if it is seen again before, it goes on. It
      also ends when another action starts, when the stream ends, and at an interruption.
    - After its end, the same action does not start again within `cool_down_s`; if it lasts until
      then, it starts then. So one action is not reported twice in a row.
    - While it goes on and is seen, it is told again every `repeat_s`, if a rule says so.

    A window is seconds long, and an action begins or ends somewhere within it. An event's start is
    the *middle* of the first window that shows it. Its end is the last frame of the last window
    that shows it, or the start of the next action if that is earlier; two events never overlap. On
    generated streams these two times come closest to the ground truth: half a second off on
    average, with windows of two seconds. Events are reported late: a live event's `time` is when it
    happened, half a window and `min_length_s` before the report of a start, `cool_down_s` before
    that of an end.

    It remembers the current action, a possible next one, and the ends of the last `cool_down_s`,
    however many labels there are. It knows labels by name: call `interrupt` when they change.
    """

    def __init__(
        self, policy: Policy, source: str, *, region: str | None = None, top: int | None = None
    ) -> None:
        """Begin with a policy, which may be replaced.

        Results keep `top` labels, and what is decided on; None keeps all.
        """
        self.policy = policy
        self._source, self._region = source, region
        self._top = top
        self._coming: _Action | None = None
        self._open: _Action | None = None
        self._ended_s: dict[str, float] = {}
        self._told_s = -math.inf
        self._latest: Recognition | None = None
        self._is_on = True
        # Seconds since 1970 at time 0 of the source; None for a file.
        self._epoch: float | None = None

    @property
    def action(self) -> str | None:
        """The label of the action in progress, if any."""
        return self._open.label if self._open else None

    def decide(self, recognition: Recognition) -> tuple[Recognition, list[ActionEvent]]:
        """Decide on the next window.

        Args:
            recognition: with at least `Policy.labels_needed` of the best labels, or all of them.

        Returns:
            The recognition with its decision, and the events in order of time.
        """
        found, events = self.follow(recognition)
        return recognition.decided_on(found, self._top), events

    def follow(self, recognition: Recognition) -> tuple[Score | None, list[ActionEvent]]:
        """Return what is decided on in the next window, and the events; see `decide`."""
        events = self.interrupt() if self._is_break(recognition) else []
        if self._latest and recognition.end_s < self._latest.end_s:
            self._forget_times()  # the source has started again
        self._latest = recognition
        if recognition.time is not None:
            self._epoch = recognition.time - recognition.end_s
        found = self.policy.decide(recognition, self._coming.label if self._coming else None)
        self._extend(recognition, found)
        events += self._end_what_is_over(recognition, found)
        events += self._start_what_lasts(recognition)
        events += self._tell_again(recognition)
        return found, events

    def be_on(self, is_on: bool) -> list[ActionEvent]:
        """Make events, or none from now on; return the end of the one that is open."""
        self._is_on = is_on
        return self.interrupt()

    def interrupt(self) -> list[ActionEvent]:
        """End the action where it was last seen: the stream broke off, or its labels changed."""
        self._coming = None
        return self._end(self._open.last_s) if self._open else []

    def finish(self) -> list[ActionEvent]:
        """End the action at the end of the stream or the run; a new stream may follow."""
        events = self.interrupt()
        self._forget_times()
        self._latest = self._epoch = None
        return events

    def _forget_times(self) -> None:
        self._ended_s.clear()
        self._told_s = -math.inf

    def _is_break(self, recognition: Recognition) -> bool:
        """Whether time went back, or jumped so far that actions may have been missed."""
        if self._latest is None:
            return False
        usual_s = max(recognition.gap_s, self._latest.gap_s, 1 / (recognition.rate_fps or 1))
        unseen_s = recognition.start_s - self._latest.end_s
        pause_s = self._pause_s(self._open.label) if self._open else self.policy.cool_down_s
        longest_s = max(pause_s, _GAP_INTERVALS * usual_s)
        return recognition.end_s < self._latest.end_s or unseen_s > longest_s

    def _extend(self, recognition: Recognition, found: Score | None) -> None:
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
            if unseen_s >= self._pause_s(self._open.label) - _ROUNDING_S
            else []
        )

    def _start_what_lasts(self, recognition: Recognition) -> list[ActionEvent]:
        coming = self._coming
        if not coming or coming.label == self.action or not self._is_on:
            return []
        least_s = self.policy.rule_of(coming.label).min_length_s or 0.0
        too_short = coming.last_s - coming.first_s < least_s - _ROUNDING_S
        if too_short or self._cools_down(coming.label, recognition.end_s):
            return []
        events: list[ActionEvent] = []
        if self._open:
            events += self._end(min(self._open.last_s, coming.start_s))
        # Windows overlap, even those before and after an end.
        start_s = max(coming.start_s, self._told_s)
        self._open = dataclasses.replace(coming, start_s=start_s, told_s=recognition.end_s)
        return [*events, self._event("start", self._open, start_s, recognition.end_s)]

    def _cools_down(self, label: str, now_s: float) -> bool:
        self._ended_s = {
            name: ended_s
            for name, ended_s in self._ended_s.items()
            if now_s - ended_s < self._pause_s(name) - _ROUNDING_S
        }
        return label in self._ended_s

    def _pause_s(self, label: str) -> float:
        return self.policy.rule_of(label).cool_down_s or 0.0

    def _tell_again(self, recognition: Recognition) -> list[ActionEvent]:
        action, now_s = self._open, recognition.end_s
        if action is None or action.last_s != now_s:
            return []
        repeat_s = self.policy.rule_of(action.label).repeat_s
        if repeat_s is None or now_s - action.told_s < repeat_s - _ROUNDING_S:
            return []
        action.told_s = now_s
        return [self._event("repeat", action, now_s, now_s)]

    def _end(self, time_s: float) -> list[ActionEvent]:
        assert self._open is not None
        action, self._open = self._open, None
        self._ended_s[action.label] = action.last_s
        self._told_s = time_s
        return [self._event("end", action, time_s, time_s)]

    def _event(
        self,
        event: Literal["start", "repeat", "end"],
        action: _Action,
        time_s: float,
        until_s: float,
    ) -> ActionEvent:
        return ActionEvent(
            event=event,
            source=self._source,
            label=action.label,
            time_s=time_s,
            time=None if self._epoch is None else self._epoch + time_s,
            peak=action.peak,
            duration_s=until_s - action.start_s,
            priority=self.policy.rule_of(action.label).priority,
            region=self._region,
        )
