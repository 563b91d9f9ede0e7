"""Files that give no frames: found by whoever reads them, told and written down by one process."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from torch.utils.data import get_worker_info

from ..runtime.commandline import log

BROKEN = "broken.txt"


class BrokenFile(NamedTuple):
    """A file that gives no frames, and why."""

    path: str
    reason: str


class BrokenFiles:
    """The broken files of a run: each is warned of once, and stands in the run's broken.txt.

    A worker of a loader keeps what it finds until the batch takes it to the main process. Several
    processes of a run may share the folder: what one of them wrote is read before another adds to
    it.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[str, str] = {}
        self._to_tell: list[BrokenFile] = []
        self._file: Path | None = None

    def __len__(self) -> int:
        """Return how many are known."""
        return len(self._found)

    def __contains__(self, path: object) -> bool:
        """Say whether a file is among them."""
        return path in self._found

    def keep_in(self, folder: Path) -> None:
        """Write what is found into a run's folder, and know what the run found before."""
        self._file = folder / BROKEN
        found, self._found = self._found, {}
        self._read()
        self._add(BrokenFile(*item) for item in found.items())

    def find(self, found: Iterable[BrokenFile]) -> None:
        """Note what gave no frames in this process, now or, in a worker, with the batch."""
        if get_worker_info() is None:
            self.note(found)
        else:
            self._to_tell += found

    def take(self) -> list[BrokenFile]:
        """Return what this worker found since the last batch."""
        taken, self._to_tell = self._to_tell, []
        return taken

    def note(self, found: Iterable[BrokenFile]) -> None:
        """Warn of what is new, and write it down."""
        for broken in self._add(found):
            log.warning("%s Another clip stands in for it.", broken.reason)

    def _add(self, found: Iterable[BrokenFile]) -> list[BrokenFile]:
        """Return those that are new."""
        unknown = {broken.path: broken for broken in found if broken.path not in self._found}
        if unknown:
            self._read()
        new = [broken for path, broken in unknown.items() if path not in self._found]
        self._found |= dict(new)
        if new and self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)  # by whichever process is first
            with self._file.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write("".join(f"{path}\t{reason}\n" for path, reason in new))
        return new

    def _read(self) -> None:
        if self._file and self._file.exists():
            text = self._file.read_text(encoding="utf-8", errors="surrogateescape")
            for line in text.split("\n")[:-1]:
                path, _, reason = line.partition("\t")
                self._found.setdefault(path, reason)

    def summary(self, clips: int) -> str | None:
        """Return the total as a sentence, or None if all files are sound."""
        self._read()
        if not self._found:
            return None
        return f"{len(self):,} of {clips:,} clips gave no frames, see {self._file or BROKEN}."
