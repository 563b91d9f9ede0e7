"""Keeps the C library from holding memory after a large graph was loaded."""

import contextlib
import ctypes
from collections.abc import Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_WHILE_LOADING = 128 * 1024  # glibc's threshold at the start of a process
_AFTERWARDS = 32 * 1024 * 1024  # as high as glibc would raise it by itself


@contextlib.contextmanager
def blocks_given_back() -> Iterator[None]:
    """Return large blocks to the system as soon as they are freed; glibc only.

    An engine reads a graph's weights, rearranges them and frees what it has read. Once a large
    block is freed, glibc keeps those that follow, which costs a third of the weights for good.
    Afterwards glibc keeps blocks again, since pictures come and go all the time.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or no way to ask it
        yield
        return
    set_option(_M_MMAP_THRESHOLD, _WHILE_LOADING)
    try:
        yield
    finally:
        set_option(_M_MMAP_THRESHOLD, _AFTERWARDS)
        set_option(_M_TRIM_THRESHOLD, 2 * _AFTERWARDS)
