"""Labelled video files as a data set; which these are is in `runtime.labelled_videos`."""

import numpy as np
import torch

from ..runtime.clips import read_clip
from ..runtime.commandline import log
from ..runtime.errors import LabelError, SourceError
from ..runtime.labelled_videos import VideoFile
from ..runtime.labels import Label
from .data import Clip, ClipRequest


class VideoFiles:
    """A data set of files, each read in full and sampled by segments.

    Args:
        files: the clips.
        labels: the classes with their attributes; every file's label must be among them.
        frames: T, frames of a clip.
        size_px: S, side of a frame.
        training: whether frames are drawn at random; else they are the middle ones.

    Raises:
        LabelError: a file's class is not among `labels`.
    """

    def __init__(
        self,
        files: list[VideoFile],
        labels: tuple[Label, ...],
        *,
        frames: int,
        size_px: int,
        training: bool = True,
    ) -> None:
        names = {label.name: index for index, label in enumerate(labels)}
        unknown = sorted({file.label for file in files} - names.keys())
        if unknown:
            raise LabelError(
                f"{len(unknown)} classes of the data are not in --labels, the first is "
                f"{unknown[0]!r}: add them, or leave --labels out."
            )
        self.labels = labels
        self._files = files
        self._classes = [names[file.label] for file in files]
        self._frames = frames
        self._size_px = size_px
        self._training = training
        self._broken: set[int] = set()

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._files)

    def __getitem__(self, request: ClipRequest) -> Clip:
        """Return T frames, one at random from each of T equal segments of the file.

        The next file stands in for one that gives no frames, so that a few broken ones among many
        do not end a run.

        Raises:
            SourceError: no file gives frames.
        """
        rng = np.random.default_rng([request.draw, request.clip]) if self._training else None
        for ahead in range(len(self._files)):
            index = (request.clip + ahead) % len(self._files)
            try:
                clip = read_clip(
                    self._files[index].path, frames=self._frames, size_px=self._size_px, rng=rng
                )
            except SourceError as error:
                self._warn_once(index, error)
                continue
            return Clip(torch.from_numpy(clip.images_thwc), self._classes[index])
        raise SourceError(f"No clip of {len(self._files)} gives frames: convert them.")

    def _warn_once(self, index: int, error: SourceError) -> None:
        if index not in self._broken:
            self._broken.add(index)
            log.warning("Left out: %s", error)
