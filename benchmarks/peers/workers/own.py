"""This project's worker: `python -m stzsar.benchmarks.peers.workers.own SPEC streaming|windows`."""

import sys
from pathlib import Path
from typing import Any

from .serving import RATE_FPS, Spec, WindowModel, serve


class Streaming:
    """A stream with the cache: one frame is encoded for each decision."""

    precision = "fp32"

    def __init__(self, spec: Spec) -> None:
        self._recognizer, self.versions = _load(spec)
        self._frames = spec.frames
        self.reset()

    def reset(self) -> None:
        from ....runtime import StreamOptions

        options = StreamOptions(rate_fps=RATE_FPS, frames=self._frames)
        self._stream = self._recognizer.open_stream("clip", options)
        self._time_s = 0.0

    def push(self, frame: Any) -> str | None:
        """Encode one frame, and score the window that it completes."""
        found = self._stream.push(frame, self._time_s)
        self._time_s += 1 / RATE_FPS
        return found.label if found and found.frames == self._frames else None


class Windows(WindowModel):
    """The same bundle without a cache: all T frames are encoded for each decision."""

    def __init__(self, spec: Spec) -> None:
        self._recognizer, versions = _load(spec)
        super().__init__(spec, versions)

    def prepare(self, frame: Any) -> Any:
        from ....runtime.preprocessing.pixels import fit_frame

        return fit_frame(frame, self._recognizer.manifest.pixels.size_px)

    def decide(self, window: list[Any]) -> str:
        import numpy as np

        from ....runtime.sources.clips import Clip

        clip = Clip(np.stack(window), 0.0, (len(window) - 1) / RATE_FPS, None, len(window))
        return self._recognizer.classify_clip(clip, "clip").label


def _load(spec: Spec) -> tuple[Any, dict[str, str]]:
    from importlib.metadata import version

    from ....runtime import Recognizer

    # On the CPU, as the peers, also on a machine with a GPU.
    bundle = Path(spec.folder) / spec.bundle
    recognizer = Recognizer.load(bundle, threads=spec.threads, engine="onnxruntime")
    return recognizer, {"onnxruntime": version("onnxruntime")}


if __name__ == "__main__":
    serve({"streaming": Streaming, "windows": Windows}[sys.argv[2]])
