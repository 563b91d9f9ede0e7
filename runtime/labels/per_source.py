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
from .labels import Label, LabelsOf, ignored, is_bare
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
        ignore: LabelsLike | None = None,
        sources: Iterable[str] = (),
        known: Sequence[Label] = (),
    ) -> None:
        """Read all files.

        Args:
            default: the labels of sources without their own, or the file of them; None means all
                `known` labels.
            of_source: the files of the others, by the source's name.
            ignore: what every source ignores, or the file of it.
            sources: the names of all sources.
            known: the bundle's labels.

        Raises:
            LabelError: a file cannot be used, or two files mean different things by one name.
        """
        self.of_source = dict(of_source)
        self._default, self._given = _file_or_labels(default)
        self._ignore, ignore_given = _file_or_labels(ignore)
        self._ignore_given = ignored(ignore_given)
        self._sources = tuple(sources)
        self._known = tuple(known)
        named = [self._default, *of_source.values(), self._ignore]
        paths = [path for path in dict.fromkeys(named) if path]
        self.seen = {path: file_state(path) for path in paths}
        self._labels = {path: self._as_used(path, read_labels(path)) for path in paths}
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
        self._wanted = {**self._wanted, path: self._as_used(path, labels)}
        if self._wanted == self._labels:
            return
        union, choices = self._union(self._wanted), self._choices(self._wanted)
        user.use_labels(union, labels_of=choices, progress=progress)
        self._labels = self._wanted

    def _as_used(self, path: Path, labels: Sequence[Label]) -> tuple[Label, ...]:
        return ignored(labels) if path == self._ignore else tuple(labels)

    def _union(self, labels: Mapping[Path, tuple[Label, ...]]) -> list[Label] | None:
        if not labels and not self._given and not self._ignore_given:
            return None
        union: dict[str, Label] = {}
        for label in self._own_or_known(labels):
            other = union.setdefault(name_key(label.name), label)
            if other.name != label.name:
                raise LabelError(
                    f"Two streams spell one label {other.name!r:.80} and {label.name!r:.80}: give "
                    "it one spelling in both files."
                )
            if other.role != label.role:
                raise LabelError(
                    f"{label.name!r:.80} is an action in one file and to be ignored in another: "
                    "all sources share one list of labels, so keep it in one of them."
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
        yield from self._ignore_given
        if self._default or self._given:
            return
        if any(name not in self.of_source for name in self._sources):
            all_own = (*labels.values(), self._ignore_given)
            named = {name_key(label.name): label for own in all_own for label in own}
            for label in self._known:
                own = named.get(name_key(label.name))
                # A name alone means what the bundle means by it, and may be to ignore.
                if own is None or not (is_bare(own) or own.role == "ignore"):
                    yield label

    def _choices(self, labels: Mapping[Path, tuple[Label, ...]]) -> dict[str, list[str]]:
        if not self.of_source:
            return {}
        others = labels[self._default] if self._default else self._given or self._known
        of_all = labels[self._ignore] if self._ignore else self._ignore_given
        choices: dict[str, list[str]] = {}
        for name in self._sources:
            own = labels[self.of_source[name]] if name in self.of_source else others
            named = {name_key(label.name): label.name for label in (*own, *of_all)}
            choices[name] = list(named.values())
        return choices


def _file_or_labels(value: LabelsLike | None) -> tuple[Path | None, tuple[Label, ...]]:
    source = () if value is None else label_source(value)
    return (source, ()) if isinstance(source, Path) else (None, source)


def file_state(path: Path) -> FileState | None:
    """Return what changes when a file is saved; None for a pipe or a missing file."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
