"""How long to wait before the next attempt: one rule for sources, sinks and web pages."""

import random
import re
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Waits that double with each failure in a row, with jitter, up to a limit.

    The caller counts the failures; setting the count to 0 starts again with short waits. Jitter
    keeps many clients of one server from returning at once (Brooker, "Exponential Backoff And
    Jitter", 2015).

    Attributes:
        attempts: attempts for one item, for callers that give up.
        first_s: longest wait after the first failure.
        longest_s: longest wait after any failure.
        longest_asked_s: longest wait that the other side may ask for.
        full_jitter: let even late waits be as short as half of `first_s`.
    """

    attempts: int = 6
    first_s: float = 0.5
    longest_s: float = 30.0
    longest_asked_s: float = 600.0
    full_jitter: bool = False

    def wait_s(self, failures: int, asked_s: float | None = None) -> float:
        """Return the seconds to wait after `failures` in a row.

        Args:
            failures: how many, from 1.
            asked_s: what the other side asked for, such as by Retry-After; taken as it is, up to
                `longest_asked_s`.
        """
        if asked_s is not None:
            return min(max(0.0, asked_s), self.longest_asked_s)
        ceiling_s = min(self.longest_s, self.first_s * 2 ** min(failures - 1, 30))
        floor_s = self.first_s / 2 if self.full_jitter else ceiling_s / 2
        return random.uniform(min(floor_s, ceiling_s), ceiling_s)


def retry_after_s(header: str | None) -> float | None:
    """Return the seconds that an HTTP header `Retry-After` asks for, as a number or as a date."""
    asked = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", asked):
        return float(asked)
    from email.utils import parsedate_to_datetime  # brings sockets and time zones

    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
