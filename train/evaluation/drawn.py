"""MovingShapes as a test: its unseen classes, drawn in one of its settings instead of read."""

from dataclasses import replace

import numpy as np

from ...runtime.errors import StzsarError
from ...runtime.preprocessing.pixels import fit_frame
from ...runtime.shapes.clip_settings import ClipSetting
from ...runtime.shapes.clips import TEST_CLIPS_PER_CLASS, draw_clip, labels_of
from ...runtime.shapes.scenes import SAMPLING, UNTRIMMED, Untrimmed, unseen_actions
from ...runtime.sources.clips import Views
from ..lists.class_labels import without_attributes
from ..lists.clip import Clip
from ..lists.clip_set import ClipSet
from .options import EvalOptions
from .protocols import Plan, everything


class DrawnShapes:
    """The clips of a test on MovingShapes.

    Raises:
        StzsarError: the cuts and the share of the action do not go together.
    """

    def __init__(self, options: EvalOptions) -> None:
        self._setting: ClipSetting = options.setting or "plain"
        share = options.action_share
        self._untrimmed = Untrimmed(
            UNTRIMMED.share if share is None else (share, share), options.cuts or UNTRIMMED.cuts
        )
        labels = labels_of(unseen_actions(), self._setting)
        self.labels = labels if options.attributes else without_attributes(labels)
        folder = options.data / self._setting
        names = tuple(label.name for label in labels)
        clips = [
            Clip(folder / name / str(number), name)
            for number in range(TEST_CLIPS_PER_CLASS)
            for name in names
        ]
        found = ClipSet(tuple(clips), names)
        self.plan = Plan(found, (replace(everything(found), name=f"unseen, {self._setting}"),))
        self.views(0, frames=SAMPLING.frames, size_px=1)

    def views(self, number: int, *, frames: int, size_px: int) -> Views:
        """Draw a clip, uint8 [1, T, S, S, 3].

        Raises:
            StzsarError: `frames` are not those of MovingShapes.
        """
        if frames != SAMPLING.frames:
            raise StzsarError(
                f"MovingShapes has windows of {SAMPLING.frames} frames, and the model takes "
                f"{frames}: name another --data."
            )
        actions = unseen_actions()
        clip = draw_clip(
            "unseen-test",
            number,
            actions[number % len(actions)],
            shares=[(self._setting, 1.0)],
            untrimmed=self._untrimmed,
        )
        images = [fit_frame(image, size_px) for image in clip.frames()]
        return Views(np.stack(images)[None], None)
