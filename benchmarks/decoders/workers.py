"""Worker processes that decode: each decoder's frames, and its times in interleaved rounds."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ...runtime.errors import StzsarError
from ...runtime.terminal.progress import bar
from ..tools.processes import worker_pool
from ..tools.timing import in_turn
from .judge import Verdict, full_decode, judge
from .reader import Decoder, NoFramesError, Request

_WARM_UP = 8
Result = TypeVar("Result")


class Pass(NamedTuple):
    """One decoder through all clips: elapsed seconds, and CPU seconds of all workers."""

    wall_s: float
    cpu_s: float


class Workers:
    """Processes that decode clips, see `start_workers`."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def judge(self, decoders: Sequence[Decoder], clips: Sequence[Request]) -> list[list[Verdict]]:
        """Return the verdict on each decoder, [clips][decoders]."""
        with bar() as progress:
            task = progress.add_task("comparing frames", total=len(clips))
            return self._map(_judge_all, decoders, clips, lambda: progress.advance(task))

    def time(
        self, decoders: Sequence[Decoder], clips: Sequence[Request], rounds: int
    ) -> list[list[Pass]]:
        """Return how long each decoder takes for all clips, [rounds][decoders]."""
        for decoder in decoders:  # so that no first round pays for imports
            self._map(_read, decoder, clips[:_WARM_UP])

        def decode(decoder: Decoder) -> Pass:
            start_s = time.perf_counter()
            cpu_s = sum(self._map(_read, decoder, clips))
            return Pass(time.perf_counter() - start_s, cpu_s)

        with bar() as progress:
            task = progress.add_task("decoding", total=rounds * len(decoders))
            return in_turn(
                [partial(decode, decoder) for decoder in decoders],
                rounds,
                after_each=lambda: progress.advance(task),
            )

    def _map(
        self,
        function: Callable[[Any, Request], Result],
        fixed: Any,
        clips: Sequence[Request],
        after_each: Callable[[], object] = lambda: None,
    ) -> list[Result]:
        futures = [self._pool.submit(function, fixed, clip) for clip in clips]
        results = []
        for clip, future in zip(clips, futures, strict=True):
            try:
                results.append(future.result())
            except BrokenProcessPool as error:
                raise StzsarError(
                    f"A decoder crashed at {clip.path} or soon after: leave the clip out."
                ) from error
            after_each()
        return results


@contextmanager
def start_workers(count: int) -> Iterator[Workers]:
    """Give `count` processes that decode one clip at a time."""
    with worker_pool(count, _limit_opencv) as pool:
        yield Workers(pool)


def _limit_opencv() -> None:
    from ...runtime.preprocessing.opencv import load_cv2

    load_cv2().setNumThreads(1)


def _judge_all(decoders: Sequence[Decoder], clip: Request) -> list[Verdict]:
    truth = full_decode(clip)
    clip = replace(clip, counted=len(truth) or None)
    return [judge(decoder.load(), clip, truth) for decoder in decoders]


def _read(decoder: Decoder, clip: Request) -> float:
    """Decode a clip; return the CPU seconds of all threads of this process."""
    start = time.process_time()
    with suppress(NoFramesError):
        decoder.load()(clip)
    return time.process_time() - start
