"""How long clips, stills and records are kept: by days, by size, and while the disk has room."""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..errors import StzsarError
from .folder import EventFolder, free_bytes
from .record import Part
from .store import EventStore

Kind = Literal["clips", "stills", "records"]
KINDS: Mapping[Kind, tuple[Part, ...]] = {
    "clips": ("clip",),
    "stills": ("still", "annotated"),
    "records": (),
}
_LIMIT = re.compile(r"(\d+(?:\.\d+)?)(h|d|MiB|GiB)")
_SECONDS = {"h": 3600.0, "d": 86_400.0}
_BYTES = {"MiB": 2**20, "GiB": 2**30}
# A device without a battery for its clock boots in 1970: until it knows the time, nothing is old.
_NO_CLOCK_BEFORE = 1_600_000_000.0
# What stays free of a disk: a share of it, and at most so much.
RESERVED_SHARE, RESERVED_BYTES = 0.02, 512 * 2**20
_ROWS_AT_ONCE = 20


@dataclass(frozen=True)
class Limits:
    """What is kept; no entry is no limit.

    Attributes:
        age_s: the oldest that stays of each kind, in seconds.
        size_bytes: the size of each kind together.
    """

    age_s: dict[Kind, float] = field(default_factory=dict)
    size_bytes: dict[Kind, int] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Limits":
        """Read limits such as `clips=7d`, `clips=20GiB` and `records=365d`.

        Raises:
            StzsarError: one is not of this form, or given twice.
        """
        limits = cls()
        for text in texts:
            name, _, limit = text.partition("=")
            kind: Kind | None = next((kind for kind in KINDS if kind == name), None)
            match = _LIMIT.fullmatch(limit)
            if kind is None or match is None or not float(match[1]):
                raise StzsarError(
                    f"--keep takes clips=, stills= or records= with days, hours or a size, such as "
                    f"clips=7d or clips=20GiB, not {text!r:.80}."
                )
            number, unit = float(match[1]), match[2]
            if kind in (limits.age_s if unit in _SECONDS else limits.size_bytes):
                raise StzsarError(f"--keep {text}: {kind} has such a limit already; give one.")
            if unit in _SECONDS:
                limits.age_s[kind] = number * _SECONDS[unit]
            else:
                limits.size_bytes[kind] = round(number * _BYTES[unit])
        return limits


@dataclass
class Removed:
    """What a sweep removed.

    Attributes:
        files: clips and stills.
        records: rows.
        for_room: files among these that had to go because the disk is nearly full.
    """

    files: int = 0
    records: int = 0
    for_room: int = 0


class Retention:
    """Removes what is too old or too much: the oldest first, favourites and open events never."""

    def __init__(
        self,
        store: EventStore,
        folder: EventFolder,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._folder, self._limits, self._clock = store, folder, limits, clock

    def sweep(self) -> Removed:
        """Apply the limits once."""
        removed, now = Removed(), self._clock()
        for kind, parts in KINDS.items():
            age_s = self._limits.age_s.get(kind)
            if age_s is not None:
                self._remove_before(now - age_s, parts, removed)
            size_bytes = self._limits.size_bytes.get(kind)
            if size_bytes is not None:
                self._shrink(size_bytes, parts, removed)
        removed.for_room = self.make_room()
        removed.files += removed.for_room
        return removed

    def make_room(self, wanted_bytes: int = 0) -> int:
        """Remove the oldest clips, then stills, while the disk is nearly full; return how many.

        Args:
            wanted_bytes: how much must be free besides what stays free in any case; at most a
                tenth of the disk.
        """
        free, total = free_bytes(self._folder.path)
        reserved = min(RESERVED_SHARE * total, RESERVED_BYTES)
        missing = reserved + min(wanted_bytes, total / 10) - free
        count = 0
        for parts in (KINDS["clips"], KINDS["stills"]):
            for part in parts:
                for id_, size_bytes in self._store.removable(part):
                    if missing <= 0:
                        return count
                    self._remove_file(id_, part)
                    missing -= size_bytes
                    count += 1
        return count

    def _remove_before(self, before: float, parts: Sequence[Part], removed: Removed) -> None:
        for part in parts:
            for id_, _ in self._old(part, before):
                self._remove_file(id_, part)
                removed.files += 1
        if not parts:
            self.delete([id_ for id_, _ in self._old(None, before)], removed)

    def _old(self, part: Part | None, before: float) -> list[tuple[int, int]]:
        return self._store.removable(part, since=_NO_CLOCK_BEFORE, before=before)

    def _shrink(self, size_bytes: int, parts: Sequence[Part], removed: Removed) -> None:
        if not parts:
            rows = [id_ for id_, _ in self._store.removable(None)]
            while rows and self._store.bytes_of(None) > size_bytes:
                self.delete(rows[:_ROWS_AT_ONCE], removed)
                del rows[:_ROWS_AT_ONCE]
            return
        too_much = sum(self._store.bytes_of(part) for part in parts) - size_bytes
        found: list[tuple[int, int, Part]] = [
            (id_, size, part) for part in parts for id_, size in self._store.removable(part)
        ]
        for id_, size, part in sorted(found):
            if too_much <= 0:
                return
            self._remove_file(id_, part)
            too_much -= size
            removed.files += 1

    def delete(self, ids: Sequence[int], removed: Removed) -> None:
        """Remove events with all their files."""
        # In this order a kill leaves files that no row names, which the next start removes.
        names = self._store.delete(ids)
        for name in names:
            self._folder.remove(name)
        removed.files += len(names)
        removed.records += len(ids)

    def _remove_file(self, id_: int, part: Part) -> bool:
        event = self._store.get(id_)
        name = event and getattr(event, part)
        if not name:
            return False
        # In this order a kill leaves a name without a file, which the next start mends.
        self._folder.remove(name)
        self._store.set_file(id_, part, None)
        return True
