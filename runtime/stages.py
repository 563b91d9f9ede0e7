"""The steps of a run, for whoever wants to know how long each of them takes.

Nobody does in a usual run: `UNTIMED` costs a fifth of a microsecond a step.
"""

import contextlib
from typing import Any, Literal, Protocol

# "round" is the whole of one, in which all others lie but "decode", which is in a feed's thread;
# "decision" is from the ring of frames to what is decided, and holds the window graph.
Stage = Literal["round", "decode", "preprocess", "frame graph", "window graph", "decision", "sink"]


class Stages(Protocol):
    """Somebody who is told of each step; from the run's thread, and from those of feeds."""

    def of(self, stage: Stage, count: int = 1) -> contextlib.AbstractContextManager[Any]:
        """Return what is entered when a step begins and left when it ends.

        Steps lie within others; each may raise.

        Args:
            stage: which one.
            count: of how many frames or windows; 0 goes on with the step before it of this kind.
        """
        ...


class _Untimed:
    def of(self, stage: Stage, count: int = 1) -> contextlib.AbstractContextManager[Any]:  # noqa: ARG002
        return _NOTHING


_NOTHING = contextlib.nullcontext()
UNTIMED: Stages = _Untimed()
