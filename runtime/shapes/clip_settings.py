"""The settings of MovingShapes, for options: importing this loads nothing that draws."""

from typing import Literal

ClipSetting = Literal["plain", "hard", "untrimmed"]

CLIP_SETTINGS: tuple[ClipSetting, ...] = ("plain", "hard", "untrimmed")
