"""The streams of a run as viewers see them, put together from all that the run knows."""

import time
from collections.abc import Mapping, Sequence

from ..decisions.policy import Policy
from ..duty import Duties
from ..labels.labels import Label
from ..results import Explanation, Recognition, StreamState
from ..sources.areas import Area, Mask, Region
from ..sources.spec import SourceSpec
from ..sources.uri import is_live
from ..streams.lane import Lane
from ..streams.table import StreamTable
from .board import Board, told
from .messages.live import LaneStats, Stats, Why, WhyFrame
from .messages.run import DutyInfo, LabelInfo, LaneInfo, RegionInfo, StreamInfo, Threshold
from .pictures import Pictures

# More labels than anybody reads in a list.
MOST_LABELS = 200
# Of all lanes together.
MOST_MOMENTS = 12_000


class Scene:
    """Tells of streams.

    Attributes:
        sources: the names of the run's sources.
    """

    def __init__(
        self,
        specs: Sequence[SourceSpec],
        *,
        table: StreamTable,
        board: Board,
        pictures: Pictures,
        duties: Duties,
    ) -> None:
        self.sources = tuple(dict.fromkeys(spec.source for spec in specs))
        self._live = {spec.source for spec in specs if is_live(spec.uri)}
        self._masks = {spec.source: spec.mask for spec in specs}
        self._names = {
            source: tuple(spec.name for spec in specs if spec.source == source)
            for source in self.sources
        }
        self._seen: dict[str, list[object]] = {}
        self._table, self._board, self._pictures = table, board, pictures
        self._duties = duties

    def mask_of(self, source: str) -> tuple[Area, ...]:
        """Return what of a stream's pictures is black."""
        mask = self._masks[source]
        return mask.areas if mask else ()

    def look_at(self, source: str, names: Sequence[str], mask: Mask | None) -> None:
        """Note that a stream has other lanes and another mask."""
        self._names[source], self._masks[source] = tuple(names), mask

    def lane_names(self, name: str | None) -> tuple[str, ...]:
        """Return the lanes of a stream, the lane with this name, or with None all of them.

        A file that is not read yet has lanes too. There are none if nothing has this name.
        """
        if name is None:
            return tuple(lane for lanes in self._names.values() for lane in lanes)
        if name in self._names:
            return self._names[name]
        return (name,) if any(name in lanes for lanes in self._names.values()) else ()

    def changed(self) -> list[str]:
        """Return the streams whose labels, thresholds, regions or masks are other ones now."""
        changed = []
        for source in self.sources:
            now: list[object] = [self._masks[source]]
            for lane in self.lanes_of(source):
                now += [lane, lane.stream.scorer, lane.decider and lane.decider.policy]
            before = self._seen.get(source, [])
            if len(now) != len(before) or any(a is not b for a, b in zip(now, before, strict=True)):
                self._seen[source] = now
                changed.append(source)
        return changed

    def is_live(self, source: str) -> bool:
        """Say whether a source is a camera or a network stream."""
        return source in self._live

    def lanes_of(self, source: str) -> list[Lane]:
        """Return the lanes of a source."""
        return [lane for lane in self._table.lanes if lane.source == source]

    def stream(self, source: str, *, history: bool = False) -> StreamInfo:
        """Return all of a source."""
        lanes = self.lanes_of(source)
        state = self._board.states.get(source) or self._first_state(source, lanes)
        size_wh = self._pictures.sizes_wh.get(source)
        return StreamInfo(
            name=source,
            live=source in self._live,
            state=state.state,
            reason=state.reason,
            since=round(state.time, 3),
            duty=self.duty(source),
            mask=tuple(map(shape_of, self.mask_of(source))),
            regions=tuple(region_of(lane.region) for lane in lanes if lane.region),
            editable=source in self._live,
            lanes=tuple(self._lane(lane, history=history) for lane in lanes),
            width=size_wh and size_wh[0],
            height=size_wh and size_wh[1],
        )

    def duty(self, source: str) -> DutyInfo | None:
        """Return whether a source makes events; None of one that cannot be switched."""
        if source not in self._duties.streams:
            return None
        duty = self._duties.of(source)
        return DutyInfo(on=duty.on, armed=duty.armed, scheduled=duty.scheduled)

    def stats(self, viewers: int) -> Stats:
        """Return what was done so far."""
        now = time.time()
        lanes: dict[str, LaneStats] = {}
        for lane in self._table.lanes:
            counters, came = lane.counters(), self._board.lane(lane.name).came
            lanes[lane.name] = LaneStats(
                read=counters["read"],
                sampled=counters["sampled"],
                dropped=counters["dropped"],
                encoded=counters["encoded"],
                connections=counters["connections"],
                rate_fps=round(lane.stream.rate_fps, 3),
                age_s=None if came is None else round(now - came, 2),
            )
        return Stats(time=round(now, 3), share=self._board.share, lanes=lanes, viewers=viewers)

    def why(self, name: str, found: Recognition, explanation: Explanation) -> Why | None:
        """Return why a window of a lane has its label; None if the lane is no more."""
        lane = next((one for one in self._table.lanes if one.name == name), None)
        size_wh = self._pictures.sizes_wh.get(found.source)
        if lane is None or not explanation.frames:
            return None
        heat = explanation.frames[-1].heat
        return Why(
            lane=name,
            time=round(found.time or time.time(), 3),
            label=explanation.label,
            area=seen_area(lane.region, size_wh),
            grid=(len(heat), len(heat[0])),
            frames=tuple(
                WhyFrame(
                    time_s=round(frame.time_s, 3),
                    weight=round(frame.weight, 4),
                    attribute=frame.attribute,
                    similarity=round(frame.similarity, 4),
                    patch=frame.patch,
                    heat=levels(frame.heat),
                )
                for frame in explanation.frames
            ),
        )

    @property
    def _shown_moments(self) -> int:
        """How many moments of a lane are told: of many lanes fewer, as each is a part of a page."""
        return max(MOST_MOMENTS // max(1, len(self._table.lanes)), 1)

    def _first_state(self, source: str, lanes: Sequence[Lane]) -> StreamState:
        is_read = bool(lanes) and not self.is_live(source)
        return StreamState(source, "live" if is_read else "connecting", "", self._board.started)

    def _lane(self, lane: Lane, *, history: bool) -> LaneInfo:
        state = self._board.lane(lane.name)
        labels = [one for one in lane.stream.scorer.labels_in(lane.name) if one.role != "context"]
        return LaneInfo(
            lane=lane.name,
            region=lane.region.name if lane.region else None,
            rate_fps=round(lane.stream.rate_fps, 3),
            labels=tuple(map(label_of, labels[:MOST_LABELS])),
            more=max(0, len(labels) - MOST_LABELS),
            threshold=threshold_of(lane.decider.policy) if lane.decider else None,
            action=state.action,
            latest=told(state.latest, state.values) if state.latest else None,
            history=tuple(state.history)[-self._shown_moments :] if history else (),
        )


def threshold_of(policy: Policy) -> Threshold:
    """Return what decides by a policy."""
    if policy.thresholds is None:
        return Threshold(kind="score", value=policy.score, labels={})
    return Threshold(
        kind="evidence" if policy.evidence else "similarity",
        value=None,
        labels=_shown(policy.thresholds),
    )


def _shown(thresholds: Mapping[str, float]) -> dict[str, float]:
    return {label: round(value, 4) for label, value in thresholds.items()}


def label_of(label: Label) -> LabelInfo:
    """Return a label that is an action or to be ignored."""
    return LabelInfo(
        label=label.name,
        attributes=() if label.attributes == (label.text,) else label.attributes,
        role="ignore" if label.role == "ignore" else "action",
    )


def region_of(region: Region) -> RegionInfo:
    """Return a region."""
    return RegionInfo(name=region.name, shape=shape_of(region.area))


def shape_of(area: Area) -> tuple[float, ...] | tuple[tuple[float, float], ...]:
    """Return an area as `sources.areas.area_of` takes it."""
    if area.is_box:
        return (*area.corners[0], *area.corners[2])
    return area.corners


def seen_area(
    region: Region | None, size_wh: tuple[int, int] | None
) -> tuple[float, float, float, float]:
    """Return the square that the network sees, in shares of the picture; it may reach beyond it.

    Of a whole picture that is its middle, of a region a square around it.
    """
    width, height = size_wh or (1, 1)
    if region is None:
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
    else:
        y0, x0, y1, x1 = region.area.bounds(height, width)
        side = max(y1 - y0, x1 - x0)
        left, top = x0 - (side - (x1 - x0)) // 2, y0 - (side - (y1 - y0)) // 2
    shares = left / width, top / height, (left + side) / width, (top + side) / height
    return tuple(round(share, 5) for share in shares)  # pyright: ignore[reportReturnType]


def levels(heat: Sequence[Sequence[float]]) -> tuple[int, ...]:
    """Return cosines as 0 for the coldest patch to 255 for the warmest, row by row."""
    flat = [cosine for row in heat for cosine in row]
    low, span = min(flat), max(max(flat) - min(flat), 0.05)
    return tuple(round((cosine - low) / span * 255) for cosine in flat)
