"""Labelled video files as a data set; which these are is in `train.listed`."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.labels import Label
from ...runtime.labels.names import name_key, nearest_hint
from ...runtime.sources.clips import read_clip
from ..lists.clip import Clip as ClipFile
from ..lists.clip import clip_key
from .augment import Augmentation
from .broken_files import BrokenFiles
from .dataset import LEFT_OUT, Clip, ClipRequest


class VideoFiles:
    """A data set of files, each read in full and sampled by segments.

    Training takes a random frame of each segment, evaluation the middle ones of the centre square.

    Args:
        files: the clips.
        labels: the classes with their attributes; every file's label must be among them.
        frames: T, frames of a clip.
        size_px: S, side of a frame.
        training: whether frames are random; what evaluation sees depends on nothing but the file.
        augmentation: what happens to the pictures in training; None is the centre square.

    Attributes:
        labels: the classes.
        broken: the files that gave no frames or too few, as far as this process knows.

    Raises:
        LabelError: a file's class is not among `labels`.
        ValueError: evaluation is to be augmented.
    """

    def __init__(
        self,
        files: Sequence[ClipFile],
        labels: tuple[Label, ...],
        *,
        frames: int,
        size_px: int,
        training: bool = True,
        augmentation: Augmentation | None = None,
    ) -> None:
        if augmentation and not training:
            raise ValueError("evaluation sees clips as they are: leave out the augmentation")
        rows = {name_key(label.name): row for row, label in enumerate(labels)}
        classes = {file.label: name_key(file.label) for file in files}
        unknown = sorted(name for name, key in classes.items() if key not in rows)
        if unknown:
            hint = nearest_hint(unknown[0], [label.name for label in labels])
            raise LabelError(
                f"{len(unknown)} of {len(classes)} classes of the data are not in --labels, the "
                f"first is {unknown[0]!r}{hint}: add them, or leave --labels out."
            )
        self.labels = labels
        self.broken = BrokenFiles(validation=not training)
        self._files = files
        self._classes = [rows[classes[file.label]] for file in files]
        self._frames = frames
        self._size_px = size_px
        self._training = training
        self._augmentation = augmentation
        self._counts: dict[int, int] = {}

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._files)

    @property
    def fingerprint(self) -> str:
        """The sha256 of which clips these are, in their order, by classes and file names.

        Where they lie does not count, nor does a video's suffix.
        """
        keys = (part for file in self._files for part in clip_key(file.label, file.path.name))
        return hashlib.sha256("\0".join(keys).encode("utf-8", "surrogateescape")).hexdigest()

    def __getitem__(self, request: ClipRequest) -> Clip:
        """Return T frames, one from each of T equal segments of the file.

        One that gives none is told to `broken`. In training the next file stands in for it; in
        evaluation, where that would count twice, the clip is marked as LEFT_OUT.

        Raises:
            SourceError: no file gives frames, in training.
        """
        for ahead in range(len(self._files)):
            index = (request.clip + ahead) % len(self._files)
            try:
                frames = self._read(index, [request.draw, request.clip, ahead])
            except SourceError as error:
                self.broken.find(self._files[index].path, error)
                if self._training:
                    continue
                size = (self._frames, self._size_px, self._size_px, 3)
                return Clip(torch.zeros(size, dtype=torch.uint8), LEFT_OUT)
            return Clip(frames, self._classes[index])
        raise SourceError(
            f"No clip of {len(self._files)} gives frames, the first is {self._files[0].path}: "
            "convert them."
        )

    def _read(self, index: int, seed: list[int]) -> torch.Tensor:
        """Return uint8 [T, S, S, 3] of a file, a function of it and the seed alone.

        Each worker remembers how many frames its files have, which spares the next epoch the
        decoding of what nobody wants to see. One thread costs less than several for each of the
        workers, and of a damaged file several threads do not always give the same pictures.
        """
        rng = np.random.default_rng(seed) if self._training else None
        clip = read_clip(
            self._files[index].path,
            frames=self._frames,
            size_px=self._size_px,
            rng=rng,
            fit=self._augmentation.draw(rng) if self._augmentation and rng else None,
            threads=1,
            frame_count=self._counts.get(index),
        )
        self._counts[index] = clip.frame_count
        if clip.damage:
            self.broken.find(self._files[index].path, clip.damage, gives_frames=True)
        return torch.from_numpy(clip.images_thwc)
