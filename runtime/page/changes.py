"""What people change in a run while it goes on: labels, regions, masks, thresholds, duty."""

from collections.abc import Sequence
from pathlib import Path

from ..duty import Duties
from ..errors import StzsarError
from ..labels.label_saving import check_savable, save_labels
from ..labels.label_text import LabelTextError, read_label_text, write_label_text
from ..labels.labels import Label
from ..labels.per_source import LabelFiles, SharedBank
from ..sources.areas import Area, Mask, Region, area_of
from ..streams.table import StreamTable
from .board import Board
from .errands import waited
from .messages.run import (
    Areas,
    DutyInfo,
    LabelsChange,
    LabelsInfo,
    LineError,
    Threshold,
    ThresholdChange,
)
from .refusal import RefusalError, unknown_stream
from .scene import Scene, region_of, shape_of, threshold_of

# More are no labels that somebody typed, and each takes its time to embed.
MAX_LABELS = 1000
# Lower scores decide on what fits hardly better than the others.
LEAST_SCORE = 0.1


class Changes:
    """Changes a run; all methods may be called from any thread, and wait until it is done."""

    def __init__(
        self,
        *,
        scene: Scene,
        board: Board,
        table: StreamTable,
        labels: LabelFiles,
        user: SharedBank,
        duties: Duties,
    ) -> None:
        """Begin.

        Args:
            scene: the streams.
            board: what was recognised in them.
            table: the lanes of the run.
            labels: the labels of each source.
            user: recognises them.
            duties: which streams make events.
        """
        self._scene, self._board, self._table = scene, board, table
        self._labels, self._user, self._duties = labels, user, duties

    def labels(self, name: str | None) -> LabelsInfo:
        """Return the labels of a stream or a lane as they are edited, or those of the first one.

        Raises:
            RefusalError: there is no such stream.
        """
        names = self._lanes(name)
        first = names[0]
        origin = self._labels.origin_of(first)
        file, why_not = None, None
        try:
            file = self._file_of(names)
            check_savable(file)
        except StzsarError as error:
            why_not = str(error)
        where = "bundle" if origin is None else "file" if isinstance(origin, Path) else "list"
        return LabelsInfo(
            stream=name,
            text=write_label_text(self._labels.labels_in(first)),
            origin="page" if self._labels.is_given(first) else where,
            file=file.name if file else None,
            savable=why_not is None,
            why_not=why_not,
        )

    def change_labels(self, asked: LabelsChange) -> LabelsInfo:
        """Recognise other labels in a stream, or in all, and save them where that is asked for.

        Raises:
            RefusalError: there is no such stream, a line is wrong, or they cannot be saved.
            StzsarError: the labels cannot be used; those before stay.
        """
        names = self._lanes(asked.stream)
        labels = _read(asked.text)
        file: Path | None = None
        if asked.save:
            try:
                file = self._file_of(names)
                check_savable(file, labels)
            except StzsarError as error:
                raise RefusalError(409, str(error)) from error
        if not asked.check:
            self._labels.give(names, labels, self._user)
            if file:
                save_labels(file, labels)
        return self.labels(asked.stream)

    def areas(self, source: str) -> Areas:
        """Return what is looked at in a stream, and what nobody may see.

        Raises:
            RefusalError: there is no such stream.
        """
        self._check_stream(source)
        lanes = self._scene.lanes_of(source)
        return Areas(
            stream=source,
            regions=tuple(region_of(lane.region) for lane in lanes if lane.region),
            mask=tuple(map(shape_of, self._scene.mask_of(source))),
        )

    def change_areas(self, asked: Areas) -> Areas:
        """Look at other regions of a stream, and hide other parts of it.

        Raises:
            RefusalError: there is no such stream, it cannot change, or an area is none.
            StzsarError: the labels cannot be used so.
        """
        source = asked.stream
        self._check_stream(source)
        if not self._scene.is_live(source):
            raise RefusalError(409, "A file is looked at as it began: only live streams change.")
        regions = _regions_of(asked)
        areas = [_area_of(shape, f"mask {at}") for at, shape in enumerate(asked.mask, start=1)]
        mask = Mask(tuple(areas)) if areas else None
        before = self._scene.lane_names(source)
        after = tuple(f"{source}/{region.name}" for region in regions) or (source,)
        others = set(self._scene.lane_names(None)) - set(before)
        if taken := others & set(after):
            raise RefusalError(422, f"Another stream is called {min(taken)!r:.80}: rename this.")
        self._labels.use_sources(before, after, self._user)
        try:
            waited(self._table.ask(lambda loop: loop.look_at(source, regions, mask)))
        except BaseException:
            self._labels.use_sources(after, before, self._user)
            raise
        self._scene.look_at(source, after, mask)
        self._board.forget(frozenset(before) - frozenset(after))
        return self.areas(source)

    def change_threshold(self, asked: ThresholdChange) -> Threshold:
        """Decide from another threshold on.

        Raises:
            RefusalError: there is no such lane, or it makes no decisions.
            StzsarError: it is no threshold.
        """
        lane = next((one for one in self._table.lanes if one.name == asked.lane), None)
        if lane is None:
            raise unknown_stream(asked.lane)
        decider = lane.decider
        if decider is None:
            raise RefusalError(409, "Nothing is decided in this stream, so it has no threshold.")
        label, level = asked.label, asked.value
        if decider.policy.thresholds is None and not LEAST_SCORE <= level <= 1:
            raise RefusalError(422, f"A score that decides is {LEAST_SCORE:g} to 1: change it.")
        decider.policy.with_level(label, level)  # refuses what is none

        def change() -> Threshold:
            lane.levels[label] = level
            lane.decide_by(lane.stream.scorer.labels_in(lane.name))
            return threshold_of(decider.policy)

        return waited(self._table.ask(lambda _loop: change()))

    def arm(self, name: str | None, *, armed: bool) -> dict[str, DutyInfo]:
        """Switch a stream, or with None all of them, on or off.

        Raises:
            RefusalError: there is no such stream, or it is a file.
        """
        if name is not None:
            self._check_stream(name)
        if not self._duties.arm(name, armed=armed):
            raise RefusalError(409, "A file cannot be switched off: only live streams can.")
        found = {source: self._scene.duty(source) for source in self._duties.streams}
        return {source: duty for source, duty in found.items() if duty}

    def _check_stream(self, name: str) -> None:
        if name not in self._scene.sources:
            raise unknown_stream(name)

    def _lanes(self, name: str | None) -> tuple[str, ...]:
        names = self._scene.lane_names(name)
        if not names:
            raise unknown_stream(name or "")
        return names

    def _file_of(self, names: Sequence[str]) -> Path:
        """Return the file that the labels of lanes come from.

        Raises:
            StzsarError: it is none, or several, or others have labels from it that would change.
        """
        origins = {self._labels.origin_of(name) for name in names}
        (origin, *others) = origins
        if others:
            raise StzsarError("These labels come from several files: save those of each stream.")
        if not isinstance(origin, Path):
            raise StzsarError("These labels come from no file: give --labels FILE for that.")
        if any(
            self._labels.origin_of(name) == origin
            for name in self._labels.sources
            if name not in names
        ):
            raise StzsarError(
                f"Other streams have their labels from {origin.name}, too: save those of all."
            )
        return origin


def _read(text: str) -> tuple[Label, ...]:
    try:
        labels = read_label_text(text)
    except LabelTextError as error:
        lines = tuple(LineError(line=one.line, error=one.clause) for one in error.faults)
        raise RefusalError(422, str(error), lines=lines) from error
    if len(labels) > MAX_LABELS:
        raise RefusalError(
            422, f"These are {len(labels)} labels; here {MAX_LABELS} are the most: use a file."
        )
    return labels


def _regions_of(asked: Areas) -> list[Region]:
    regions = []
    for one in asked.regions:
        if not one.name.isprintable() or not one.name.strip():
            raise RefusalError(422, "A region's name is not one line of text: change it.")
        regions.append(Region(one.name, _area_of(one.shape, f"the region {one.name!r:.80}")))
    if len({one.name for one in regions}) < len(regions):
        raise RefusalError(422, "Two regions have the same name: rename one.")
    return regions


def _area_of(shape: object, what: str) -> Area:
    try:
        return area_of(shape)
    except ValueError as error:
        raise RefusalError(422, f"Cannot use {what}: {error}.") from None
