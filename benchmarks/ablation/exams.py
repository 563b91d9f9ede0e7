"""The test sets: classes seen in training or not, in each setting, and finer ones of untrimmed."""

from dataclasses import dataclass

from ...runtime.shapes.clip_settings import CLIP_SETTINGS, ClipSetting
from ...runtime.shapes.clips import Split
from ...runtime.shapes.scenes import (
    MAX_CUTS,
    UNTRIMMED,
    Action,
    Untrimmed,
    seen_actions,
    unseen_actions,
)
from ...train.data.moving_shapes import MovingShapes


@dataclass(frozen=True)
class Exam:
    """One test set."""

    seen: bool
    setting: ClipSetting
    untrimmed: Untrimmed = UNTRIMMED
    finer: str = ""  # what is unusual about the cuts

    @property
    def actions(self) -> tuple[Action, ...]:
        """The classes, which are also the candidates."""
        return seen_actions() if self.seen else unseen_actions()

    @property
    def split(self) -> Split:
        return "seen-test" if self.seen else "unseen-test"

    @property
    def name(self) -> str:
        """The column of the table."""
        name = f"{'seen' if self.seen else 'unseen'}, {self.setting}"
        return f"{name}, {self.finer}" if self.finer else name

    @property
    def file(self) -> str:
        return f"{self.name}.safetensors"

    def clips(self) -> MovingShapes:
        return MovingShapes(self.split, self.setting, untrimmed=self.untrimmed)


EXAMS = tuple(
    Exam(seen, setting) for seen in (False, True) for setting in ("untrimmed", "hard", "plain")
)
# Where rows are looked into: in the plain setting the action fills every frame.
READ = tuple(Exam(False, setting) for setting in CLIP_SETTINGS if setting != "plain")
SHARES = {
    share: Exam(False, "untrimmed", Untrimmed((share / 100, share / 100)), f"{share} % action")
    for share in (20, 30, 40, 50, 60)
}
CUTS = {
    cuts: Exam(False, "untrimmed", Untrimmed(cuts=cuts), f"{cuts} cut{'s' if cuts > 1 else ''}")
    for cuts in range(1, MAX_CUTS + 1)
}
FINER = (*SHARES.values(), *CUTS.values())
