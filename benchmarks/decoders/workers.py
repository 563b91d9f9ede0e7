"""The processes that decode: what each does, and all of them together."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from ...runtime.errors import StzsarError
from ..timing import progress_bar
from .judge import Verdict, full_decode, judge
from .reader import Clip, Decoder, NoFramesError

_WARM_UP = 8
Result = TypeVar("Result")


class Turn(NamedTuple):
    """One decoder through all clips: seconds as they pass, and of CPU in all workers."""

    wall_s: float
    cpu_s: float


class Workers:
    """Fresh processes, since threads of decoders do not outlive a fork; a context manager."""

    def __init__(self, count: int) -> None:
        """Start `count` of them."""
        self._pool = ProcessPoolExecutor(
            count, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
        )

    def __enter__(self) -> "Workers":
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End them."""
        self._pool.shutdown(cancel_futures=True)

    def judge(self, decoders: Sequence[Decoder], clips: Sequence[Clip]) -> list[list[Verdict]]:
        """Return what each decoder gives of each clip."""
        with progress_bar() as bar:
            task = bar.add_task("comparing frames", total=len(clips))
            return self._map(_judge_all, decoders, clips, advance=lambda: bar.advance(task))

    def time(
        self, decoders: Sequence[Decoder], clips: Sequence[Clip], rounds: int
    ) -> list[list[Turn]]:
        """Return how long each decoder takes for all clips, in each round.

        Decoders take turns within a round, in another order each time.
        """
        turns: list[list[Turn]] = [[] for _ in decoders]
        for decoder in decoders:  # so that no first round pays for imports
            self._map(_read, decoder, clips[:_WARM_UP])
        with progress_bar() as bar:
            task = bar.add_task("decoding", total=rounds * len(decoders))
            for number in range(rounds):
                for turn in range(len(decoders)):
                    place = (turn + number) % len(decoders)
                    start = time.perf_counter()
                    cpu_s = sum(self._map(_read, decoders[place], clips))
                    turns[place].append(Turn(time.perf_counter() - start, cpu_s))
                    bar.advance(task)
        return turns

    def _map(
        self,
        function: Callable[[Any, Clip], Result],
        fixed: Any,
        clips: Sequence[Clip],
        advance: Callable[[], object] = lambda: None,
    ) -> list[Result]:
        futures = [self._pool.submit(function, fixed, clip) for clip in clips]
        results = []
        for clip, future in zip(clips, futures, strict=True):
            try:
                results.append(future.result())
            except BrokenProcessPool as error:
                raise StzsarError(
                    f"A decoder ended its process, at {clip.path} or soon after: leave the clip "
                    "out."
                ) from error
            advance()
        return results


def _begin() -> None:
    """Hold a worker to one thread, also where it resizes."""
    from ...runtime.preprocessing.opencv import load_cv2

    load_cv2().setNumThreads(1)


def _judge_all(decoders: Sequence[Decoder], clip: Clip) -> list[Verdict]:
    truth = full_decode(clip)
    clip = clip._replace(counted=len(truth) or None)
    return [judge(decoder.load(), clip, truth) for decoder in decoders]


def _read(decoder: Decoder, clip: Clip) -> float:
    """Return the seconds of CPU that all threads of this process take for a clip."""
    start = time.process_time()
    with suppress(NoFramesError):
        decoder.load()(clip)
    return time.process_time() - start
