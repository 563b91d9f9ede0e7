"""The worker's side of the line protocol: commands on stdin, one JSON line each on stdout.

    load     {"load_s": 2.1, "frames_mib": 15.0, "precision": "fp32", "versions": {"torch": "2.14"}}
    run 5    {"ms": [81.2, 80.9, 83.0, 80.1, 82.2], "label": "archery"}
    quit     nothing: the process ends

A command that fails is answered with {"error": "one sentence"}. Between commands the process only
waits for a line. Interpreters without stzsar run this file: it needs OpenCV, NumPy and the measured
library.
"""

import time

_START = time.perf_counter()  # before the peer's library is imported

import json  # noqa: E402
import os  # noqa: E402
import queue  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from abc import ABC, abstractmethod  # noqa: E402
from collections import deque  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Protocol  # noqa: E402

RATE_FPS = 4.0
# What `prepare` makes of random weights, by the name that a peer needs.
FILES = {
    "xclip": "xclip",
    "open_clip": "open_clip.pt",
    "tower": "tower",
    "swin3d": "swin3d_s.pt",
}
# Decoded frames are kept, so that no decoder is timed; few, so that memory counts the peer.
_HELD_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Spec:
    """What every worker gets."""

    clips: list[str]  # video files
    labels: list[str]  # their names
    frames: int  # T, of a window
    threads: int  # of the CPU
    backbone: str  # its name in open_clip
    folder: str  # of the prepared weights and graphs
    bundle: str  # name of this project's bundle in it


class Model(Protocol):
    """A loaded peer that sees one stream."""

    versions: dict[str, str]
    precision: str

    def reset(self) -> None:
        """Forget the frames."""

    def push(self, frame: Any) -> str | None:
        """Take the next frame, uint8 [H, W, 3] BGR; return the label once T have come."""
        ...


class WindowModel(ABC):
    """A model that prepares each new frame once, and decides on the newest T of them."""

    precision = "fp32"

    def __init__(self, spec: Spec, versions: dict[str, str]) -> None:
        self.labels, self.versions = spec.labels, versions
        self._window: deque[Any] = deque(maxlen=spec.frames)

    def reset(self) -> None:
        self._window.clear()

    def push(self, frame: Any) -> str | None:
        self._window.append(self.prepare(frame))
        full = len(self._window) == self._window.maxlen
        return self.decide(list(self._window)) if full else None

    @abstractmethod
    def prepare(self, frame: Any) -> Any:
        """Preprocess a frame, uint8 [H, W, 3] BGR."""

    @abstractmethod
    def decide(self, window: list[Any]) -> str:
        """Return the best label for T prepared frames."""


def read_spec() -> Spec:
    return Spec(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))


def serve(load: Callable[[Spec], Model]) -> None:
    """Answer the commands on stdin until it ends."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what a library prints is not an answer
        worker = _Worker(load)
        commands = {"load": worker.load, "run": worker.run}
        for command, *counts in _commands():
            try:
                answer = commands[command](*map(int, counts))
            except Exception as error:
                answer = {"error": _sentence(error)}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _commands() -> Iterator[list[str]]:
    """Yield the commands up to `quit`; if the benchmark dies, end this process at once."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while (words := lines.get().split()) != ["quit"]:
        yield words


class _Worker:
    def __init__(self, load: Callable[[Spec], Model]) -> None:
        self._load = load

    def load(self) -> dict[str, Any]:
        spec = read_spec()
        self._model = self._load(spec)
        load_s = time.perf_counter() - _START
        clips = read_clips(spec)
        self._turns = _turns(self._model, clips, spec.frames)
        self.run(1)  # the first decision allocates and chooses kernels
        held = sum(frame.nbytes for clip in clips for frame in clip)
        return {
            "load_s": load_s,
            "frames_mib": held / 2**20,
            "precision": self._model.precision,
            "versions": self._model.versions,
        }

    def run(self, decisions: int) -> dict[str, Any]:
        taken, label = [], None
        for _ in range(decisions):
            frame = next(self._turns)
            start = time.perf_counter()
            label = self._model.push(frame)
            taken.append(1000 * (time.perf_counter() - start))
            if label is None:
                raise RuntimeError("A full window gave no label.")
        return {"ms": taken, "label": label}


def _turns(model: Model, clips: list[list[Any]], frames: int) -> Iterator[Any]:
    """Yield the frames that complete a window, for ever; the model has seen the T-1 before."""
    while True:
        for clip in clips:
            model.reset()
            for frame in clip[: frames - 1]:
                model.push(frame)
            yield from clip[frames - 1 :]


def read_clips(spec: Spec) -> list[list[Any]]:
    """Return the frames of each clip, about four a second, uint8 [H, W, 3] BGR."""
    room = _HELD_BYTES // len(spec.clips)
    read = (_read_clip(path, spec.frames, room) for path in spec.clips)
    clips = [clip for clip in read if len(clip) > spec.frames]
    if not clips:
        raise ValueError(f"None of the clips has more than {spec.frames} frames.")
    return clips


def _read_clip(path: str, frames: int, room: int) -> list[Any]:
    import cv2

    capture = cv2.VideoCapture(path)
    step = round(capture.get(cv2.CAP_PROP_FPS) / RATE_FPS)
    # A short clip is sampled more often, so that it fills two windows.
    step = max(1, min(step, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) // (2 * frames)))
    found: list[Any] = []
    number = 0
    while capture.grab():
        if number % step == 0:
            found.append(capture.retrieve()[1])
            if len(found) >= 2 * frames and len(found) * found[0].nbytes >= room:
                break
        number += 1
    capture.release()
    return found


def _sentence(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"The package {error.name} is not installed in {sys.prefix}."
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else f"{type(error).__name__}."
