"""Broken and damaged files: found by whoever reads them, told and written down by one process."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from torch.utils.data import get_worker_info

from ...runtime.errors import SourceError
from ...runtime.terminal.commandline import log

BROKEN = "broken.txt"

Fate = Literal["replaced", "used", "left out of the validation", "used in the validation"]
_TOLD: dict[str, str] = {
    "replaced": "Another clip stands in for it.",
    "left out of the validation": "It is left out of the validation.",
}
_USED = "It is used as far as it goes."


class BrokenFile(NamedTuple):
    """A file that gives no frames, or fewer than it should.

    Attributes:
        path: where it is.
        reason: what is wrong with it, as a sentence.
        fate: what becomes of it.
    """

    path: str
    reason: str
    fate: Fate = "replaced"


class BrokenFiles:
    """The broken files of a run: each is warned of once, and stands in the run's broken.txt.

    A line has the path, what is wrong, and what becomes of the file, with tabs between. Files that
    are damaged and give frames all the same are told of beside those that give none.

    A worker of a loader keeps what it finds until the batch takes it to the main process. Several
    processes of a run may share the folder: what one of them wrote is read before another adds to
    it.

    Args:
        validation: whether they are of the validation, which leaves out what gives no frames.
    """

    def __init__(self, *, validation: bool = False) -> None:
        """Begin with none."""
        self._what = "validation clips" if validation else "clips"
        self._lost: Fate = "left out of the validation" if validation else "replaced"
        self._used: Fate = "used in the validation" if validation else "used"
        self._found: dict[tuple[str, str], BrokenFile] = {}
        self._to_tell: list[BrokenFile] = []
        self._file: Path | None = None

    def __len__(self) -> int:
        """Return how many are known to give no frames."""
        return self._count(self._lost)

    def __contains__(self, path: object) -> bool:
        """Say whether a file is known to give no frames."""
        return (path, self._lost) in self._found

    def keep_in(self, folder: Path) -> None:
        """Write what is found into a run's folder, and know what the run found before."""
        self._file = folder / BROKEN
        found, self._found = self._found, {}
        self._read()
        self._add(found.values())

    def find(self, path: Path, error: SourceError, *, gives_frames: bool = False) -> None:
        """Note what is wrong with a file, now or, in a worker, with the batch."""
        found = BrokenFile(str(path), str(error), self._used if gives_frames else self._lost)
        if get_worker_info() is None:
            self.note([found])
        else:
            self._to_tell.append(found)

    def take(self) -> list[BrokenFile]:
        """Return what this worker found since the last batch."""
        taken, self._to_tell = self._to_tell, []
        return taken

    def note(self, found: Iterable[BrokenFile]) -> None:
        """Warn of what is new, and write it down."""
        for broken in self._add(found):
            log.warning("%s %s", broken.reason, _TOLD.get(broken.fate, _USED))

    def _add(self, found: Iterable[BrokenFile]) -> list[BrokenFile]:
        """Return those that are new."""
        unknown = {_key(broken): broken for broken in found if _key(broken) not in self._found}
        if unknown:
            self._read()
        new = {key: broken for key, broken in unknown.items() if key not in self._found}
        self._found |= new
        if new and self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)  # by whichever process is first
            with self._file.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write("".join("\t".join(broken) + "\n" for broken in new.values()))
        return list(new.values())

    def _read(self) -> None:
        if self._file and self._file.exists():
            text = self._file.read_text(encoding="utf-8", errors="surrogateescape")
            for line in text.split("\n")[:-1]:
                path, *rest = line.split("\t", 2)
                if rest:  # a run before this one wrote no fates
                    broken = BrokenFile(path, *rest)  # type: ignore[arg-type]
                    self._found.setdefault(_key(broken), broken)

    def _count(self, fate: Fate) -> int:
        return sum(broken.fate == fate for broken in self._found.values())

    def summary(self, clips: int) -> str | None:
        """Return the total as a sentence, or None if all files are sound."""
        self._read()
        lost, used = len(self), self._count(self._used)
        said = [f"{lost:,} gave no frames"] if lost else []
        said += [f"{used:,} {'is' if used == 1 else 'are'} damaged"] if used else []
        if not said:
            return None
        return f"Of {clips:,} {self._what} {' and '.join(said)}, see {self._file or BROKEN}."


def _key(broken: BrokenFile) -> tuple[str, str]:
    return broken.path, broken.fate
