"""The results of a stream, for Python programs: taken one by one, with `for` or `async for`."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class ResultStream(Generic[T]):
    """What is recognised over time; iterate over it with `for` or, in asyncio, with `async for`.

    Sources open with the first result that is asked for. They close at the end, by `close`, or at
    the end of a `with` or `async with` block. An `async for` leaves the event loop free: a thread
    waits for the next result.
    """

    def __init__(self, results: Generator[T, None, None], stop: Callable[[], None]) -> None:
        """Wrap a generator of results; `stop` makes it end soon, from any thread."""
        self._results, self._stop = results, stop
        self._taking = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None

    def __iter__(self) -> "ResultStream[T]":
        return self

    def __next__(self) -> T:
        with self._taking:
            return next(self._results)

    def __enter__(self) -> "ResultStream[T]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the stream and close its sources; from any thread."""
        self._stop()
        with self._taking:
            self._results.close()
        if self._thread:
            self._thread.shutdown(wait=False)

    def __aiter__(self) -> "ResultStream[T]":
        return self

    async def __anext__(self) -> T:
        import asyncio  # whoever awaits has it; a run has not

        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "stzsar stream")
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, self._next)
        except asyncio.CancelledError:
            self._stop()  # as a generator ends where it is cancelled; its thread must not stay
            raise
        if found is None:
            raise StopAsyncIteration
        return found

    async def __aenter__(self) -> "ResultStream[T]":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the stream and close its sources, without blocking the event loop."""
        import asyncio

        await asyncio.to_thread(self.close)

    def _next(self) -> T | None:
        try:
            return next(self)
        except StopIteration:  # which cannot leave a thread
            return None
