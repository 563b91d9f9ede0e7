"""The steps of a run, for those who time them.

A usual run times none: `UNTIMED` costs a fifth of a microsecond a step.
"""

import contextlib
from typing import Any, Literal, Protocol

# A "batch" contains all others but "decode", which runs in a feed's thread. "decision" goes from
# the window's frames to the decided result, and contains the window graph.
Stage = Literal["batch", "decode", "preprocess", "frame graph", "window graph", "decision", "sink"]


class Stages(Protocol):
    """Times the steps of a run, in its thread and in those of feeds."""

    def of(self, stage: Stage, count: int = 1) -> contextlib.AbstractContextManager[Any]:
        """Return a context manager that a step enters and leaves.

        Steps are nested, and may raise.

        Args:
            stage: the step.
            count: its frames or windows; 0 continues the last step of this kind.
        """
        ...


class _Untimed:
    def of(self, stage: Stage, count: int = 1) -> contextlib.AbstractContextManager[Any]:  # noqa: ARG002
        return _NOTHING


_NOTHING = contextlib.nullcontext()
UNTIMED: Stages = _Untimed()
