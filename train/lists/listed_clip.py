"""One line of a list of clips, and the text of such files."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...runtime.errors import SourceError
from .names import ClipKey, clip_key


@dataclass(frozen=True)
class ListedClip:
    """A clip that a list names.

    Attributes:
        label: its class as spaced words.
        file: its file name.
        where: the list.
        others: names of longer or shorter form under which people keep the same clip.
        folders: those of the listed path, from the outermost; none if the list names a file alone.
    """

    label: str
    file: str
    where: str
    others: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def key(self) -> ClipKey:
        """What identifies the clip."""
        return clip_key(self.label, self.file)

    def __str__(self) -> str:
        """Return it as messages and missing.txt name it: by its path, else in its class."""
        return f"{'/'.join((*(self.folders or (self.label,)), self.file))} of {self.where}"


def folders_of(listed: PurePosixPath) -> tuple[str, ...]:
    """Return the folders of a listed path, without what is no folder's name."""
    return tuple(part for part in listed.parent.parts if part not in ("/", ".."))


def read_text(path: Path) -> str:
    """Return the text of a list.

    Raises:
        SourceError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text: save it as UTF-8.") from error
