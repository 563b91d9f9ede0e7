"""Labelled video files: a folder for each class, or a CSV of `path,label`."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..runtime.clips import read_clip
from ..runtime.commandline import log
from ..runtime.errors import LabelError, SourceError
from ..runtime.labels import Label
from ..runtime.sources.uri import VIDEO_SUFFIXES
from .data import Clip, ClipRequest


@dataclass(frozen=True)
class VideoFile:
    """One clip on disk and the name of its class."""

    path: Path
    label: str


class VideoFiles:
    """A data set of files, each read in full and sampled by segments.

    Args:
        files: the clips.
        labels: the classes with their attributes; every file's label must be among them.
        frames: T, frames of a clip.
        size_px: S, side of a frame.

    Raises:
        LabelError: a file's class is not among `labels`.
    """

    def __init__(
        self, files: list[VideoFile], labels: tuple[Label, ...], *, frames: int, size_px: int
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
        rng = np.random.default_rng([request.draw, request.clip])
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


def find_videos(data: Path) -> list[VideoFile]:
    """List the clips of a folder of `class/clip.mp4`, or of a CSV with rows `path,label`.

    Paths in a CSV are relative to it. Class names become spaced words: `ApplyEyeMakeup` and
    `apply_eye_makeup` are "apply eye makeup".

    Raises:
        SourceError: nothing is there, or a file that the CSV names is missing.
    """
    if data.is_dir():
        files = [
            VideoFile(path, spaced_words(path.parent.name))
            for path in sorted(data.glob("*/*"))
            if path.suffix.lower() in VIDEO_SUFFIXES
        ]
    elif data.suffix == ".csv":
        files = _read_csv(data)
    else:
        raise SourceError(
            f"{data} is neither a folder of class/clip.mp4 nor a .csv of path,label: give one, or "
            "leave --data out to train on MovingShapes."
        )
    if not files:
        raise SourceError(f"{data} holds no videos: the form is class/clip.mp4.")
    return files


def spaced_words(name: str) -> str:
    """Return a class's name as lower-case words: `HulaHoop`, `hula_hoop` → "hula hoop"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[\s_\-]+", apart)).strip().lower()


def _read_csv(path: Path) -> list[VideoFile]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text: save it as UTF-8.") from error
    if rows and [cell.strip().lower() for cell in rows[0][:2]] == ["path", "label"]:
        rows = rows[1:]
    short = next((row for row in rows if len(row) < 2), None)
    if short is not None:
        raise SourceError(f"{path} has a row {','.join(short)!r}: every row is path,label.")
    files = [VideoFile(path.parent / row[0].strip(), spaced_words(row[1])) for row in rows]
    missing = [file.path for file in files if not file.path.is_file()]
    if missing:
        raise SourceError(f"{path} names {len(missing)} missing files, the first is {missing[0]}.")
    return files
