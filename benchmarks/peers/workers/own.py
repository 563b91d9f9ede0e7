"""This project's worker: `python -m stzsar.benchmarks.peers.workers.own SPEC streaming|windows`."""

import sys
from collections import deque
from pathlib import Path
from typing import Any

from .serving import RATE_FPS, Model, Spec, serve


class Streaming:
    """A stream that keeps what it knows of each frame: one frame is encoded a decision."""

    precision = "fp32"

    def __init__(self, spec: Spec) -> None:
        self._recognizer, self.versions = _load(spec)
        self._frames = spec.frames
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        from ....runtime import StreamOptions

        options = StreamOptions(rate_fps=RATE_FPS, frames=self._frames)
        self._stream = self._recognizer.open_stream("clip", options)
        self._time_s = 0.0

    def push(self, frame: Any) -> str | None:
        """Encode one frame, and score the window that it completes."""
        found = self._stream.push(frame, self._time_s)
        self._time_s += 1 / RATE_FPS
        return found.label if found and found.frames == self._frames else None


class Windows:
    """The same bundle, every window by itself: all T frames are encoded for each decision."""

    precision = "fp32"

    def __init__(self, spec: Spec) -> None:
        self._recognizer, self.versions = _load(spec)
        self._fitted: deque[Any] = deque(maxlen=spec.frames)

    def reset(self) -> None:
        """Forget the frames."""
        self._fitted.clear()

    def push(self, frame: Any) -> str | None:
        """Fit the newest frame; encode and score all T."""
        import numpy as np

        from ....runtime.preprocessing.pixels import fit_frame
        from ....runtime.sources.clips import Clip

        recognizer = self._recognizer
        self._fitted.append(fit_frame(frame, recognizer.manifest.pixels.size_px))
        if len(self._fitted) < (self._fitted.maxlen or 0):
            return None
        span_s = (len(self._fitted) - 1) / RATE_FPS
        clip = Clip(np.stack(self._fitted), 0.0, span_s, None, len(self._fitted))
        return recognizer.classify_clip(clip, "clip").label


def _load(spec: Spec) -> tuple[Any, dict[str, str]]:
    from importlib.metadata import version

    from ....runtime import Recognizer

    # The peers are measured on the CPU, so this is too, where there is a GPU.
    bundle = Path(spec.folder) / spec.bundle
    recognizer = Recognizer.load(bundle, threads=spec.threads, engine="onnxruntime")
    return recognizer, {"onnxruntime": version("onnxruntime")}


def load(spec: Spec) -> Model:
    """Return what the command line asks for."""
    return {"streaming": Streaming, "windows": Windows}[sys.argv[2]](spec)


if __name__ == "__main__":
    serve(load)
