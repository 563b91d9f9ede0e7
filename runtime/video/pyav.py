"""Import PyAV late and quietly, if it is installed; nothing else in the runtime imports av.

PyAV reads files and network streams and writes H.264. OpenCV alone reads them too, but holds one
lock for the whole process while it opens an address, and pip's writes VP9, the slow way.
"""

import functools
import logging
import threading
from types import ModuleType

log = logging.getLogger(__name__)

OLDEST = (17, 1)  # the last with wheels for Python 3.10, also on aarch64
INSTALL = "run pip install '.[av]' in stzsar's folder"
LIMIT = (
    "Without PyAV one network source that does not answer delays all others, and --video takes far "
    f"more work, since pip's OpenCV writes VP9: {INSTALL}."
)

# Taken for good by the first of the threads that open sources: a cache would let several through.
_limit_unsaid = threading.Lock()


@functools.cache
def load_av() -> ModuleType | None:
    """Return the module av; None if PyAV is missing or too old. It logs nothing by default."""
    try:
        import av
        import av.video.reformatter
    except (ImportError, OSError):
        return None
    numbers = av.__version__.split(".")[:2]
    is_new_enough = all(n.isdecimal() for n in numbers) and tuple(map(int, numbers)) >= OLDEST
    return av if is_new_enough else None


def warn_without_av() -> None:
    """Log once per process what does not work without PyAV."""
    if load_av() is None and _limit_unsaid.acquire(blocking=False):
        log.warning("%s", LIMIT)
