"""Waits for what the run's thread does between two batches."""

from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as LateError
from typing import TypeVar

from .refusal import RefusalError

ERRAND_S = 10.0

T = TypeVar("T")


def waited(done: "Future[T]") -> T:
    """Return what became of an errand.

    Raises:
        RefusalError: the run is ending, or too busy.
    """
    try:
        return done.result(ERRAND_S)
    except CancelledError:
        raise RefusalError(503, "The run is ending: start it again.") from None
    except LateError:
        done.cancel()
        raise RefusalError(503, "The run is too busy for this now: try again.") from None
