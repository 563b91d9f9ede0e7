"""The labels of a run: the same for all sources, or some for each, over one shared bank.

All streams share one frame graph and one bank, so that one batch encodes the frames of all of them.
Each stream recognises a choice of the bank's labels.
"""

import stat
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..callbacks import OnEmbedded
from ..errors import LabelError
from .label_files import LabelsLike, LabelSource, label_source, labels_from
from .labels import Label, LabelsOf, ignored, is_bare
from .names import name_key

FileState = tuple[int, int, int]
_Labels = dict[LabelSource, tuple[Label, ...]]


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
    """The labels of each source, most of them read from files.

    Attributes:
        of_source: what each source that has its own takes them from, by the source's name.
        seen: the state of each file before it was read, so that a watch sees what is saved since.
    """

    def __init__(
        self,
        default: LabelsLike | None,
        of_source: Mapping[str, LabelSource],
        *,
        ignore: LabelsLike | None = None,
        sources: Iterable[str] = (),
        known: Sequence[Label] = (),
    ) -> None:
        """Read all files.

        Args:
            default: the labels of sources without their own, or the file of them; None means all
                `known` labels.
            of_source: those of the others, by the source's name.
            ignore: what every source ignores, or the file of it.
            sources: the names of all sources.
            known: the bundle's labels.

        Raises:
            LabelError: a file cannot be used, or two files mean different things by one name.
        """
        self.of_source = dict(of_source)
        self._default = None if default is None else label_source(default)
        self._ignore = None if ignore is None else label_source(ignore)
        self._sources = tuple(sources)
        self._known = tuple(known)
        named = [self._default, *of_source.values(), self._ignore]
        origins = [origin for origin in dict.fromkeys(named) if origin is not None]
        self.seen = {path: file_state(path) for path in origins if isinstance(path, Path)}
        self._labels: _Labels = {
            origin: self._as_used(origin, labels_from(origin)) for origin in origins
        }
        self._wanted = self._labels
        # What people gave a source while it runs, instead of the labels that it came with.
        self._given: dict[str, tuple[Label, ...]] = {}
        self._changing = threading.Lock()
        self.all_labels()

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of all sources."""
        return self._sources

    def origin_of(self, source: str) -> LabelSource | None:
        """Return where a source's labels come from; None is the bundle."""
        return self.of_source.get(source, self._default)

    def is_given(self, source: str) -> bool:
        """Say whether people gave a source other labels while it runs."""
        return source in self._given

    def labels_in(self, source: str) -> tuple[Label, ...]:
        """Return the labels of a source, with those that it ignores."""
        if source in self._given:
            return self._given[source]
        origin = self.origin_of(source)
        own = self._known if origin is None else self._labels[origin]
        of_all = () if self._ignore is None else self._labels[self._ignore]
        named = {name_key(label.name): label for label in (*of_all, *own)}
        return tuple(label for label in named.values() if label.role != "context")

    def give(
        self,
        sources: Iterable[str],
        labels: Sequence[Label],
        user: SharedBank,
        progress: OnEmbedded | None = None,
    ) -> None:
        """Give sources other labels, until their file is saved again; any thread may call this.

        Raises:
            StzsarError: they cannot be used; the ones before stay.
        """
        with self._changing:
            given = {**self._given, **dict.fromkeys(sources, tuple(labels))}
            self._use(self._labels, given, user, progress)

    def use_sources(self, before: Sequence[str], after: Sequence[str], user: SharedBank) -> None:
        """Replace sources, which were regions of one stream, by others of it.

        Those that are new have the labels of the first one before.

        Raises:
            StzsarError: the labels cannot be used so.
        """
        with self._changing:
            kept = [name for name in self._sources if name not in before]
            for name in after:
                if name in before:
                    continue
                if (origin := self.of_source.get(before[0])) is not None:
                    self.of_source[name] = origin
                if before[0] in self._given:
                    self._given[name] = self._given[before[0]]
            for name in set(before) - set(after):
                self.of_source.pop(name, None)
                self._given.pop(name, None)
            self._sources = (*kept, *after)
            if self._choices(self._labels, self._given):
                self._use(self._labels, self._given, user, None)

    def all_labels(self) -> list[Label] | None:
        """Return every label once; None, for all that the bundle knows, if no file is given.

        Raises:
            LabelError: two files mean different things by one name.
        """
        return self._union(self._labels, self._given)

    def labels_of(self) -> dict[str, list[str]]:
        """Return each source's labels by its name; empty if all have the same."""
        return self._choices(self._labels, self._given)

    def change(
        self, path: Path, labels: Sequence[Label], user: SharedBank, progress: OnEmbedded | None
    ) -> None:
        """Replace the labels of one file; the watch's thread calls this.

        Raises:
            StzsarError: they cannot be used; the ones before stay.
        """
        with self._changing:
            # Also what is refused now: it may fit once another file is saved.
            self._wanted = {**self._wanted, path: self._as_used(path, labels)}
            if self._wanted == self._labels:
                return
            # Whoever saves the file means it, whatever was given meanwhile.
            given = {
                source: own
                for source, own in self._given.items()
                if path not in (self.origin_of(source), self._ignore)
            }
            self._use(self._wanted, given, user, progress)

    def _use(
        self,
        labels: _Labels,
        given: dict[str, tuple[Label, ...]],
        user: SharedBank,
        progress: OnEmbedded | None,
    ) -> None:
        union, choices = self._union(labels, given), self._choices(labels, given)
        user.use_labels(union, labels_of=choices, progress=progress)
        self._labels, self._given = labels, given

    def _as_used(self, origin: LabelSource, labels: Sequence[Label]) -> tuple[Label, ...]:
        return ignored(labels) if origin == self._ignore else tuple(labels)

    def _union(self, labels: _Labels, given: Mapping[str, tuple[Label, ...]]) -> list[Label] | None:
        if not labels and not given:
            return None
        union: dict[str, Label] = {}
        for label in self._own_or_known(self._used(labels, given), given):
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

    def _used(self, labels: _Labels, given: Mapping[str, tuple[Label, ...]]) -> _Labels:
        """Return the labels that any source has, by where they come from."""
        if not given:
            return labels
        others = [name for name in self._sources if name not in given]
        origins = {self.origin_of(name) for name in others} | ({self._ignore} if others else set())
        mine = {origin: own for origin, own in labels.items() if origin in origins}
        return {**mine, **{own: own for own in given.values()}}

    def _own_or_known(
        self, labels: _Labels, given: Mapping[str, tuple[Label, ...]]
    ) -> Iterator[Label]:
        for own in labels.values():
            yield from own
        others = [name for name in self._sources if name not in given]
        if self._default is None and any(name not in self.of_source for name in others):
            named = {name_key(label.name): label for own in labels.values() for label in own}
            for label in self._known:
                own = named.get(name_key(label.name))
                # A name alone means what the bundle means by it, and may be to ignore.
                if own is None or not (is_bare(own) or own.role == "ignore"):
                    yield label

    def _choices(
        self, labels: _Labels, given: Mapping[str, tuple[Label, ...]]
    ) -> dict[str, list[str]]:
        if not self.of_source and not given:
            return {}
        others = self._known if self._default is None else labels[self._default]
        of_all = () if self._ignore is None else labels[self._ignore]
        choices: dict[str, list[str]] = {}
        for name in self._sources:
            own = labels[self.of_source[name]] if name in self.of_source else others
            named = {name_key(label.name): label.name for label in given.get(name, (*own, *of_all))}
            choices[name] = list(named.values())
        return choices


def file_state(path: Path) -> FileState | None:
    """Return what changes when a file is saved; None for a pipe or a missing file."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
