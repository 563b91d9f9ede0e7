"""What a run keeps of its events: the folder, the clips, and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import StzsarError
from .retention import Limits

MAX_AROUND_S = 60.0
MAX_CLIP_FPS = 60.0


@dataclass(frozen=True, kw_only=True)
class KeepingOptions:
    """What is kept of events; None takes the default of `ClipPlan`.

    Attributes:
        events: folder of the store; None keeps nothing.
        before_s: what a clip shows ahead of an event, in seconds.
        after_s: what it shows behind the event.
        clip_rate_fps: pictures a second of clips.
        clip_memory_mib: memory for the last pictures of all streams together, in MiB.
        keep: how long and how much is kept, such as `clips=7d`, `stills=2GiB`, `records=365d`.
    """

    events: Path | None = None
    before_s: float | None = None
    after_s: float | None = None
    clip_rate_fps: float | None = None
    clip_memory_mib: float | None = None
    keep: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse options that would have no effect, or that no clip can have.

        Raises:
            StzsarError: a number is out of its range, a limit cannot be read, or there is no store.
        """
        if isinstance(self.keep, str):
            object.__setattr__(self, "keep", (self.keep,))
        for option, value, least, most in (
            ("--before", self.before_s, 0.0, MAX_AROUND_S),
            ("--after", self.after_s, 0.0, MAX_AROUND_S),
            ("--clip-rate", self.clip_rate_fps, 1.0, MAX_CLIP_FPS),
            ("--clip-memory", self.clip_memory_mib, 1.0, 2.0**20),
        ):
            if value is not None and not least <= value <= most:
                raise StzsarError(f"{option} must be {least:g} to {most:g}, got {value!r}.")
            if value is not None and not self.events:
                raise StzsarError(f"{option} requires --events DIR: give that too.")
        if self.keep and not self.events:
            raise StzsarError("--keep requires --events DIR: give that too.")
        _ = self.limits

    @property
    def limits(self) -> Limits:
        """What stays, by age and by size."""
        return Limits.of(self.keep)

    @property
    def clips(self) -> "ClipPlan":
        """How clips are made."""
        plan = ClipPlan()
        return ClipPlan(
            before_s=plan.before_s if self.before_s is None else self.before_s,
            after_s=plan.after_s if self.after_s is None else self.after_s,
            rate_fps=self.clip_rate_fps or plan.rate_fps,
            memory_bytes=plan.memory_bytes
            if self.clip_memory_mib is None
            else round(self.clip_memory_mib * 2**20),
        )


@dataclass(frozen=True, kw_only=True)
class ClipPlan:
    """How clips are made.

    Attributes:
        before_s: what a clip shows ahead of an event, in seconds.
        after_s: what it shows behind it.
        rate_fps: its pictures a second, fewer where the stream has fewer.
        memory_bytes: the last pictures of all streams together, as JPEGs.
        late_s: how long after an event's start its report may come, in seconds.
    """

    before_s: float = 5.0
    after_s: float = 5.0
    rate_fps: float = 10.0
    memory_bytes: int = 256 * 2**20
    late_s: float = 5.0
