"""Broken and damaged files: found by any process, reported once, and listed in broken.txt."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from torch.utils.data import get_worker_info

from ...runtime.documents import MIB, open_to_append, read_file
from ...runtime.errors import SourceError
from ...runtime.terminal.commandline import log

BROKEN = "broken.txt"
_MAX_BYTES = 64 * MIB

Fate = Literal["replaced", "used", "left out of the validation", "used in the validation"]
_CONSEQUENCES: dict[Fate, str] = {
    "replaced": "Another clip replaces it.",
    "used": "Its readable frames are used.",
    "left out of the validation": "The validation leaves it out.",
    "used in the validation": "Its readable frames are used.",
}


class BrokenFile(NamedTuple):
    """A file that gives no frames, or fewer than it should."""

    path: str  # the file
    reason: str  # what is wrong with it, as a sentence
    fate: Fate = "replaced"  # what happens to it


class BrokenFiles:
    """The broken files of a run: each is logged once, and a line of the run's broken.txt.

    A line has path, reason and fate, separated by tabs. Damaged files that still give frames are
    listed beside those that give none.

    A worker of a loader keeps what it finds until the next batch takes it to the main process.
    Several processes of a run may share the file: each reads it before it adds a line.

    Args:
        validation: whether they belong to the validation, which leaves out files without frames.
    """

    def __init__(self, *, validation: bool = False) -> None:
        self._clips = "validation clips" if validation else "clips"
        self._lost: Fate = "left out of the validation" if validation else "replaced"
        self._used: Fate = "used in the validation" if validation else "used"
        self._known: dict[tuple[str, str], BrokenFile] = {}
        self._pending: list[BrokenFile] = []
        self._file: Path | None = None

    def __len__(self) -> int:
        """Return how many are known to give no frames."""
        return self._count(self._lost)

    def __contains__(self, path: object) -> bool:
        """Whether a file is known to give no frames."""
        return (path, self._lost) in self._known

    def keep_in(self, folder: Path) -> None:
        """Write to a run's folder, and read what the run found before."""
        self._file = folder / BROKEN
        known, self._known = self._known, {}
        self._read()
        self._add(known.values())

    def find(self, path: Path, error: SourceError, *, gives_frames: bool = False) -> None:
        """Report a file now or, in a worker, with the batch."""
        broken = BrokenFile(str(path), str(error), self._used if gives_frames else self._lost)
        if get_worker_info() is None:
            self.report([broken])
        else:
            self._pending.append(broken)

    def take(self) -> list[BrokenFile]:
        """Return what this worker found since the last batch."""
        taken, self._pending = self._pending, []
        return taken

    def report(self, files: Iterable[BrokenFile]) -> None:
        """Log and write down the files that are new."""
        for broken in self._add(files):
            log.warning("%s %s", broken.reason, _CONSEQUENCES[broken.fate])

    def _add(self, files: Iterable[BrokenFile]) -> list[BrokenFile]:
        unknown = {_key(broken): broken for broken in files if _key(broken) not in self._known}
        if unknown:
            self._read()
        new = {key: broken for key, broken in unknown.items() if key not in self._known}
        self._known |= new
        if new and self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)  # by whichever process is first
            lines = "".join("\t".join(broken) + "\n" for broken in new.values())
            with open_to_append(self._file) as file:
                file.write(lines.encode(errors="surrogateescape"))
        return list(new.values())

    def _read(self) -> None:
        if self._file and self._file.exists():
            text = read_file(self._file, _MAX_BYTES).decode(errors="surrogateescape")
            for line in text.split("\n")[:-1]:
                path, *rest = line.split("\t", 2)
                if rest:  # older runs wrote no fates
                    broken = BrokenFile(path, *rest)  # type: ignore[arg-type]
                    self._known.setdefault(_key(broken), broken)

    def _count(self, fate: Fate) -> int:
        return sum(broken.fate == fate for broken in self._known.values())

    def summary(self, clips: int) -> str | None:
        """Return the total as a sentence, or None without broken files."""
        self._read()
        lost, used = len(self), self._count(self._used)
        parts = [f"{lost:,} gave no frames"] if lost else []
        parts += [f"{used:,} {'is' if used == 1 else 'are'} damaged"] if used else []
        if not parts:
            return None
        return f"Of {clips:,} {self._clips} {' and '.join(parts)}, see {self._file or BROKEN}."


def _key(broken: BrokenFile) -> tuple[str, str]:
    return broken.path, broken.fate
