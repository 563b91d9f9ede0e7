"""What takes the frame states of a run: a recording, or an archive."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy.typing as npt

from ..bundle.manifest import SamplingSpec
from ..labels.bank import LabelBank


class FrameRecorder(Protocol):
    """Takes frame states; the run's thread calls it, and it waits for no disk.

    `Recorder` says what the methods mean.
    """

    @property
    def feature_names(self) -> Sequence[str]:
        """The features that `add` expects beside the states."""
        ...

    def begin_stream(
        self,
        stream: str,
        sampling: SamplingSpec,
        bank: LabelBank,
        among: Sequence[str] | None = None,
        *,
        source: str | None = None,
        region: str | None = None,
    ) -> None:
        """Begin a stream, before its first frame."""
        ...

    def add(
        self,
        stream: str,
        states: Mapping[str, npt.NDArray[Any]],
        time_s: float,
        *,
        clock: float | None = None,
        rate_fps: float | None = None,
        encoded: bool = True,
        quiet: bool = False,
    ) -> None:
        """Take a frame."""
        ...

    def flush_window(self, stream: str) -> None:
        """End the window here."""
        ...

    def use_labels(self, stream: str, bank: LabelBank, among: Sequence[str] | None = None) -> None:
        """Change the labels that a stream's states are for."""
        ...

    def end_stream(self, stream: str, *, rest: bool = True) -> None:
        """End a stream."""
        ...
