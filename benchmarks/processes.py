"""Worker processes that never outlive the command that started them."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def worker_pool(count: int, initializer: Callable[[], object]) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of spawned processes; an exception in the block terminates them at once.

    Should this process be killed, each worker notices and ends too.
    """
    context = multiprocessing.get_context("spawn")  # threads of libraries do not survive a fork
    pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(initializer,))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    pool.shutdown()


def _begin(initializer: Callable[[], object]) -> None:
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    initializer()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
