"""The label files of a run: one for all sources, or one for each, over one shared bank.

All streams share one frame graph and one bank, so that one batch encodes the frames of all of them.
Each stream recognises a choice of the bank's labels.
"""

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..callbacks import OnEmbedded
from ..errors import LabelError
from .label_files import LabelsLike, label_source, read_labels
from .labels import Label, LabelsOf
from .names import name_key

FileState = tuple[int, int, int]


class SharedBank(Protocol):
    """Recognises labels that can change; a `Recognizer` does."""

    def use_labels(
        self,
        labels: Sequence[str | Label] | None,
        *,
        labels_of: LabelsOf | None = None,
        progress: OnEmbedded | None = None,
    ) -> None:
        """Recognise other labels."""
        ...


class LabelFiles:
    """The labels of each source, read from files.

    Attributes:
        of_source: the label file of each source that has its own, by the source's name.
        seen: the state of each file before it was read, so that a watch sees what is saved since.
    """

    def __init__(
        self,
        default: LabelsLike | None,
        of_source: Mapping[str, Path],
        *,
        sources: Iterable[str] = (),
        known: Sequence[Label] = (),
    ) -> None:
        """Read all files.

        Args:
            default: the labels of sources without their own, or the file of them; None means all
                `known` labels.
            of_source: the files of the others, by the source's name.
            sources: the names of all sources.
            known: the bundle's labels.

        Raises:
            LabelError: a file cannot be used, or two files mean different things by one name.
        """
        self.of_source = dict(of_source)
        source = () if default is None else label_source(default)
        self._default = source if isinstance(source, Path) else None
        self._given = () if isinstance(source, Path) else source
        self._sources = tuple(sources)
        self._known = tuple(known)
        named: list[Path] = [*([self._default] if self._default else []), *of_source.values()]
        paths = list(dict.fromkeys(named))
        self.seen = {path: file_state(path) for path in paths}
        self._labels = {path: tuple(read_labels(path)) for path in paths}
        self._wanted = self._labels
        self.all_labels()

    def all_labels(self) -> list[Label] | None:
        """Return every label once; None, for all that the bundle knows, if no file is given.

        Raises:
            LabelError: two files mean different things by one name.
        """
        return self._union(self._labels)

    def labels_of(self) -> dict[str, list[str]]:
        """Return each source's labels by its name; empty if all have the same."""
        return self._choices(self._labels)

    def change(
        self, path: Path, labels: Sequence[Label], user: SharedBank, progress: OnEmbedded | None
    ) -> None:
        """Replace the labels of one file; the watch's thread calls this.

        Raises:
            StzsarError: they cannot be used; the ones before stay.
        """
        # Also what is refused now: it may fit once another file is saved.
        self._wanted = {**self._wanted, path: tuple(labels)}
        if self._wanted == self._labels:
            return
        union, choices = self._union(self._wanted), self._choices(self._wanted)
        user.use_labels(union, labels_of=choices, progress=progress)
        self._labels = self._wanted

    def _union(self, labels: Mapping[Path, tuple[Label, ...]]) -> list[Label] | None:
        if not labels and not self._given:
            return None
        union: dict[str, Label] = {}
        for label in self._own_or_known(labels):
            other = union.setdefault(name_key(label.name), label)
            if other.name != label.name:
                raise LabelError(
                    f"Two streams spell one label {other.name!r:.80} and {label.name!r:.80}: give "
                    "it one spelling in both files."
                )
            if other != label:
                raise LabelError(
                    f"Two streams mean different things by {label.name!r:.80}: give the label the "
                    "same text and attributes in both files, or another name in one."
                )
        return list(union.values())

    def _own_or_known(self, labels: Mapping[Path, tuple[Label, ...]]) -> Iterator[Label]:
        for own in labels.values():
            yield from own
        yield from self._given
        if self._default or self._given:
            return
        if any(name not in self.of_source for name in self._sources):
            named = {label.name: label for own in labels.values() for label in own}
            for label in self._known:
                own = named.get(label.name)
                # A name alone means what the bundle means by it.
                if own is None or own != Label(label.name):
                    yield label

    def _choices(self, labels: Mapping[Path, tuple[Label, ...]]) -> dict[str, list[str]]:
        if not self.of_source:
            return {}
        others = labels[self._default] if self._default else self._given or self._known
        return {
            name: [label.name for label in labels.get(self.of_source.get(name, Path()), others)]
            for name in self._sources
        }


def file_state(path: Path) -> FileState | None:
    """Return what changes when a file is saved; None for a pipe or a missing file."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
