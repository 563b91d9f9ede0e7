"""Which events get a second look, and from whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import StzsarError

TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Who looks at an event again before it is told.

    Attributes:
        verify: folder of the bundle that scores the event's pictures; None is none.
        verify_llm: address of an OpenAI-compatible server whose model is asked about them; its key
            is the environment's STZSAR_LLM_KEY.
        verify_model: that model's name; None takes the first that the server lists.
        verify_labels: only events with these labels; empty is all of them.
        verify_timeout_s: an event waits so long to be told, in seconds; None is 30.
    """

    verify: Path | None = None
    verify_llm: str | None = None
    verify_model: str | None = None
    verify_labels: Sequence[str] = ()
    verify_timeout_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse two that look, and a time that no event can wait.

        Raises:
            StzsarError: both are given, or the time is out of its range.
        """
        if isinstance(self.verify_labels, str):
            object.__setattr__(self, "verify_labels", (self.verify_labels,))
        if self.verify and self.verify_llm:
            raise StzsarError(
                "--verify and --verify-llm both look at events: leave one of them out."
            )
        timeout_s = self.verify_timeout_s
        if timeout_s is not None and not 1 <= timeout_s <= MAX_TIMEOUT_S:
            raise StzsarError(
                f"--verify-timeout must be 1 to {MAX_TIMEOUT_S:g} seconds, got {timeout_s!r}."
            )
