"""Processes that a benchmark starts, none of which outlives it."""

import contextlib
import multiprocessing
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def call(command: Sequence[str], *, timeout_s: float | None = None, **options: Any) -> int:
    """Run a command and return its exit code; an exception kills it with all its children.

    Raises:
        subprocess.TimeoutExpired: it did not end in time.
    """
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            return process.wait(timeout_s)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):  # it ended at the same moment
                os.killpg(process.pid, signal.SIGKILL)
            raise


def peak_mib(pid: int) -> float | None:
    """Return the peak memory of a process since its exec; `getrusage` counts its parent's too."""
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else None
    return None


@contextmanager
def worker_pool(count: int, initializer: Callable[[], object]) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of spawned processes; an exception in the block kills them at once.

    If this process is killed, they notice and end too. Their temporary files lie in a folder that
    is removed here, since they have no time for it.
    """
    context = multiprocessing.get_context("spawn")  # threads of libraries do not survive a fork
    with tempfile.TemporaryDirectory() as folder:
        arguments = (initializer, folder)
        pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=arguments)
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.kill()
                process.join()
            raise
        pool.shutdown()


def _begin(initializer: Callable[[], object], folder: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches them too, and the parent decides
    tempfile.tempdir = folder
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    initializer()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
