"""The label files of a run: one for all sources, or one for each, and one bank that holds them all.

All streams share one frame graph and one bank, so that their frames are encoded in one batch; what
a stream is about is a choice of the bank's labels.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..callbacks import OnEmbedded
from ..errors import LabelError
from .labels import Label, LabelsOf, as_labels, read_labels
from .watch import LabelWatch, file_state


class SharedBank(Protocol):
    """Whose labels change; a `Recognizer` is one."""

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
    """What is to be recognised in each source, read from files.

    Attributes:
        of_source: the label file of each source that has one of its own, by the source's name.
    """

    def __init__(
        self,
        default: Path | None,
        of_source: Mapping[str, Path],
        *,
        sources: Iterable[str] = (),
        known: Sequence[Label] = (),
    ) -> None:
        """Read all of them.

        Args:
            default: the file of the sources that have none of their own; None is all `known` ones.
            of_source: the others' files, by the source's name.
            sources: the names of all sources.
            known: the bundle's labels.

        Raises:
            LabelError: a file cannot be used, or two files mean different things by one name.
        """
        self.of_source = dict(of_source)
        self._default = default
        self._sources = tuple(sources)
        self._known = tuple(known)
        named: list[Path] = [*([default] if default else []), *of_source.values()]
        paths = list(dict.fromkeys(named))
        # Before they are read: what is saved in between is seen by the watch.
        self._seen = {path: file_state(path) for path in paths}
        self._labels = {path: tuple(read_labels(path)) for path in paths}
        self._wanted = self._labels
        self._lock = threading.Lock()
        self.all_labels()

    def all_labels(self) -> list[Label] | None:
        """Return every label once; None if no file is given, which is all that the bundle knows.

        Raises:
            LabelError: two files mean different things by one name.
        """
        return self._union(self._labels)

    def labels_of(self) -> dict[str, list[str]]:
        """Return what each source is about, by name; empty where all are about the same."""
        return self._choices(self._labels)

    @contextlib.contextmanager
    def watched(self, user: SharedBank) -> Iterator[None]:
        """Take up what is saved while the block runs."""
        with contextlib.ExitStack() as stack:
            for path, seen in self._seen.items():
                stack.enter_context(LabelWatch(_OneFile(self, path, user), path, seen=seen))
            yield

    def change(
        self, path: Path, labels: Sequence[Label], user: SharedBank, progress: OnEmbedded | None
    ) -> None:
        """Put other labels in the place of one file's; called by the watch's threads.

        Raises:
            StzsarError: they cannot be used; those from before stay.
        """
        with self._lock:
            # Also what is refused now may fit to what another file will say.
            self._wanted = {**self._wanted, path: tuple(labels)}
            if self._wanted == self._labels:
                return
            union, choices = self._union(self._wanted), self._choices(self._wanted)
            user.use_labels(union, labels_of=choices, progress=progress)
            self._labels = self._wanted

    def _union(self, labels: Mapping[Path, tuple[Label, ...]]) -> list[Label] | None:
        if not labels:
            return None
        found: dict[str, Label] = {}
        for label in self._own_or_known(labels):
            if found.setdefault(label.name, label) != label:
                raise LabelError(
                    f"Two streams mean different things by {label.name!r}: give the label the same "
                    "text and attributes in both files, or another name in one."
                )
        return list(found.values())

    def _own_or_known(self, labels: Mapping[Path, tuple[Label, ...]]) -> Iterator[Label]:
        for own in labels.values():
            yield from own
        if self._default is None and any(name not in self.of_source for name in self._sources):
            named = {label.name: label for own in labels.values() for label in own}
            for label in self._known:
                own = named.get(label.name)
                # A name alone is what the bundle means by it.
                if own is None or own != Label(label.name):
                    yield label

    def _choices(self, labels: Mapping[Path, tuple[Label, ...]]) -> dict[str, list[str]]:
        if not self.of_source:
            return {}
        others = labels[self._default] if self._default else self._known
        return {
            name: [label.name for label in labels.get(self.of_source.get(name, Path()), others)]
            for name in self._sources
        }


class _OneFile:
    """What a watch changes the labels of."""

    def __init__(self, files: LabelFiles, path: Path, user: SharedBank) -> None:
        self._files = files
        self._path = path
        self._user = user

    def use_labels(
        self, labels: Sequence[str | Label] | None, *, progress: OnEmbedded | None = None
    ) -> None:
        self._files.change(self._path, as_labels(labels or ()), self._user, progress)
