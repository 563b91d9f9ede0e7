"""Labelled video files as a data set."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.labels import Label
from ...runtime.labels.names import name_key, nearest_hint
from ...runtime.sources.clips import read_clip
from ..lists.clip import Clip, clip_key
from .augment import Augmentation
from .broken_files import BrokenFiles
from .dataset import LEFT_OUT, ClipRequest, Example


class VideoFiles:
    """A data set of files, each sampled over its whole length.

    Training takes a random frame of each of T segments, evaluation the middle ones, centre-cropped.
    `broken` lists the files without frames or with too few, as far as this process knows.

    Raises:
        LabelError: a file's class is not among `labels`.
        ValueError: an augmentation in evaluation.
    """

    def __init__(
        self,
        files: Sequence[Clip],
        labels: tuple[Label, ...],
        *,
        frames: int,
        size_px: int,
        training: bool = True,
        augmentation: Augmentation | None = None,
    ) -> None:
        if augmentation and not training:
            raise ValueError("evaluation takes no augmentation")
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
        return len(self._files)

    def class_of(self, clip: int) -> int:
        """Return the index of a file's label."""
        return self._classes[clip]

    def tested(self) -> "VideoFiles":
        """Return the same files as an evaluation reads them."""
        return VideoFiles(
            self._files,
            self.labels,
            frames=self._frames,
            size_px=self._size_px,
            training=False,
        )

    @property
    def fingerprint(self) -> str:
        """The sha256 of the clips in their order, by class and file name.

        Their folder does not count, nor does a video's suffix.
        """
        keys = (part for file in self._files for part in clip_key(file.label, file.path.name))
        return hashlib.sha256("\0".join(keys).encode("utf-8", "surrogateescape")).hexdigest()

    def __getitem__(self, request: ClipRequest) -> Example:
        """Return T frames, one from each of T equal segments of the file.

        A file without frames is added to `broken`. In training the next file replaces it; in
        evaluation, which would count that one twice, the clip is marked as LEFT_OUT.

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
                return Example(torch.zeros(size, dtype=torch.uint8), LEFT_OUT)
            return Example(frames, self._classes[index])
        raise SourceError(
            f"No clip of {len(self._files)} gives frames, the first is {self._files[0].path}: "
            "convert them."
        )

    def _read(self, index: int, seed: list[int]) -> torch.Tensor:
        """Return uint8 [T, S, S, 3] of a file, a function of it and the seed alone.

        Each worker remembers how many frames its files have, so the next epoch decodes no more
        than it needs. One thread for each worker costs less than several, and several do not always
        decode a damaged file to the same frames.
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
