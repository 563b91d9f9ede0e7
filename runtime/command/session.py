"""A run of the command: its sources side by side, its files in order, and how it ends."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from ..bundle.manifest import Manifest
from ..decisions.events import Decider
from ..errors import SourceError, StzsarError
from ..recognizer import Recognizer
from ..recordings.recorder import Recorder
from ..results import StreamState
from ..sinks.sink import Sink
from ..sources.feed import Feed, FeedOptions
from ..sources.open_feed import open_feed
from ..sources.spec import SourceSpec
from ..sources.uri import is_live
from ..streams.batcher import Batcher
from ..streams.lane import Lane
from ..streams.one_source import FIRST_PICTURE_S
from ..streams.stream import StreamOptions
from ..terminal.commandline import leave_threads_behind, log, show_error
from .policies import PolicyFor
from .run_progress import RunProgress

TICK_S = 0.1
# What Ctrl-C leaves for threads that sit in a driver; what is closed has the rest of two seconds.
JOIN_S = 0.3


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """What a run does with each source.

    Attributes:
        rate_fps: frames that are looked at per second; the bundle's rate if None.
        window_s: length of a window in seconds; the bundle's if None.
        whole: give one result for each file instead of results over time.
        seconds: stop each source at this time; None reads to its end.
        motion_gate: see `StreamOptions`.
        explain: see `StreamOptions`.
        keep_features: see `StreamOptions`.
        batch_wait_ms: how long a due frame waits for those of other streams at most.
        stalled_s: a live source without a new picture for so long is stalled.
        give_up_s: a live source that is lost for so long has ended; None waits for ever.
    """

    rate_fps: float | None = None
    window_s: float | None = None
    whole: bool = False
    seconds: float | None = None
    motion_gate: float | None = None
    explain: bool = False
    keep_features: bool = False
    batch_wait_ms: float = 10.0
    stalled_s: float = 10.0
    give_up_s: float | None = None


class Session:
    """Leads sources through a recogniser into a sink.

    Live sources run side by side from the start; files are read one after the other.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        options: SessionOptions,
        sink: Sink,
        progress: RunProgress,
        *,
        policies: Mapping[str, PolicyFor] | None = None,
        recorder: Recorder | None = None,
        top: int | None = None,
        on_round: Callable[[float, int], None] = lambda _busy_s, _frames: None,
        check: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare a run.

        Args:
            recognizer: what recognises.
            options: what to do with each source.
            sink: where messages and pictures go; the caller closes it.
            progress: what is told how far the run is.
            policies: what makes decisions and events of each source's results, by its name: the
                policy for the labels that are in use.
            recorder: what keeps the frames' states.
            top: labels of a result that go on to the sink; all that there are if None.
            on_round: see `Batcher`.
            check: called all the time; what it raises ends the run.
            on_end: called when the end begins, however it comes.
        """
        self._recognizer = recognizer
        self._options = options
        self._sink = sink
        self._progress = progress
        self._policies = policies or {}
        self._check = check
        self._on_end = on_end
        self._top = top
        self._states: queue.SimpleQueue[StreamState] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._rounds = Batcher(
            recognizer,
            sink,
            wake=self._wake,
            batch_wait_s=options.batch_wait_ms / 1000,
            recorder=recorder,
            top=top,
            on_round=on_round,
        )
        self._over = False
        self._lanes: list[Lane] = []
        self._feeds: list[Feed] = []  # whose threads may still be there
        self._alone = False
        self._reasons: dict[str, str] = {}
        self._failures: list[SourceError] = []
        self._has_lived = False

    def wake(self) -> None:
        """Make the run look around at once; for signal handlers."""
        self._wake.set()

    def end(self) -> None:
        """End the run in good order; from any thread."""
        self._over = True
        self._wake.set()

    def counters(self) -> Mapping[str, Mapping[str, int]]:
        """Return for each live source, and for the file that is read, what was done so far.

        May be called from any thread.
        """
        return {lane.name: lane.counters() for lane in tuple(self._lanes)}

    def fps_of(self, name: str) -> float | None:
        """Return the announced frame rate of a source that is being read, if it has one."""
        return next((lane.feed.source_fps for lane in self._lanes if lane.name == name), None)

    def run(self, specs: Sequence[SourceSpec]) -> None:
        """Read the sources; one of several that fails does not stop the others.

        Raises:
            SourceError: the only source failed, or some of several did.
            StzsarError: an output cannot be written, or a graph fails.
        """
        self._alone = len(specs) == 1
        if self._options.whole:
            self._classify(specs)
        else:
            try:
                self._follow(specs)
            finally:
                self._stop()
        if self._failures:
            failed = f"{len(self._failures)} of {len(specs)} sources failed."
            raise self._failures[0] if self._alone else SourceError(failed)

    def _classify(self, specs: Sequence[SourceSpec]) -> None:
        for number, spec in enumerate(specs):
            self._check()
            self._progress.file(number, len(specs))
            try:
                clip = self._recognizer.read_clip(spec.uri)
                found = self._recognizer.classify_clip(clip, spec.name)
                self._sink.put(replace(found, top=found.top[: self._top]))
                if clip.damage:
                    raise clip.damage
            except SourceError as error:
                self._fail(error)
            self._sink.source_ended(spec.name)

    def _follow(self, specs: Sequence[SourceSpec]) -> None:
        start_s = monotonic()
        files = deque(spec for spec in specs if not is_live(spec.uri))
        count = len(files)
        for spec in specs:
            if is_live(spec.uri):
                self._open(spec)
        reading: Lane | None = None
        while not self._over and (files or self._rounds.lanes):
            self._check()
            if files and (reading is None or reading.ended):
                reading = self._open(files.popleft())
            self._rounds.once(TICK_S)
            self._tell_states()
            self._see_what_ended()
            if reading and not reading.ended:
                self._progress.file(count - len(files) - 1, count, reading.feed)
            else:
                self._progress.live(self._lanes, self._rounds.share)
            if not files and not any(not lane.feed.live for lane in self._rounds.lanes):
                self._give_up_at_the_start(start_s)

    def _open(self, spec: SourceSpec) -> Lane:
        options = FeedOptions(
            every_frame=self._sink.wants_frames,
            seconds=self._options.seconds,
            stalled_s=self._options.stalled_s,
            give_up_s=self._options.give_up_s,
            on_state=self._states.put,
            wake=self._wake,
        )
        looked_at = stream_options(self._recognizer.manifest, self._options, spec)
        asked_fps = looked_at.sampling(self._recognizer.manifest).rate_fps
        feed = open_feed(spec, options, asked_fps)
        stream = self._recognizer.open_stream(spec.name, looked_at)
        policy_for = self._policies.get(spec.name)
        decider = None
        if policy_for:
            labels = self._recognizer.scorer.labels_in(spec.name)
            decider = Decider(policy_for(labels), spec.name)
        lane = Lane(feed, stream, asked_fps, decider, policy_for)
        self._lanes.append(lane)
        self._feeds = [*(one for one in self._feeds if not one.join(0)), feed]
        self._rounds.add(lane)
        return lane

    def _tell_states(self) -> None:
        """Pass on what became of live sources, to sinks and, once for each loss, to people."""
        while True:
            try:
                state = self._states.get_nowait()
            except queue.Empty:
                return
            self._sink.put(state)
            if state.state == "live":
                self._has_lived = True
                if self._reasons.pop(state.source, None) is not None:
                    log.info("%s is back.", state.source)
            elif state.state in ("lost", "stalled"):
                for lane in self._lanes:
                    if lane.name == state.source:
                        self._rounds.interrupt(lane)
                if state.source not in self._reasons:
                    log.warning("%s is %s: %s", state.source, state.state, state.reason)
                self._reasons[state.source] = state.reason

    def _see_what_ended(self) -> None:
        for lane in [lane for lane in self._lanes if lane.ended]:
            if lane.feed.error:
                self._fail(lane.feed.error)
            if lane.feed.error or not lane.feed.live:
                self._lanes.remove(lane)

    def _give_up_at_the_start(self, start_s: float) -> None:
        """End a run whose addresses are most likely wrong; one that has lived waits for ever.

        Raises:
            SourceError: no source has ever given a picture.
        """
        if self._options.give_up_s is not None or self._has_lived or not self._reasons:
            return
        if monotonic() - start_s > FIRST_PICTURE_S:
            name, reason = next(iter(self._reasons.items()))
            raise SourceError(f"{name} has given no picture in {FIRST_PICTURE_S:.0f} s: {reason}")

    def _fail(self, error: SourceError) -> None:
        self._failures.append(error)
        if not self._alone:
            show_error(error)

    def _stop(self) -> None:
        """Close events, tell what became of sources, and leave what hangs, whatever fails."""
        self._on_end()
        try:
            self._rounds.close()
        finally:
            deadline_s = monotonic() + JOIN_S
            for feed in self._feeds:
                if not feed.join(max(0.0, deadline_s - monotonic())):
                    leave_threads_behind()
            self._tell_states()


def stream_options(
    manifest: Manifest, options: SessionOptions, spec: SourceSpec | None = None
) -> StreamOptions:
    """Return how a source is looked at: rate and frames from the rate and the window asked for.

    Raises:
        StzsarError: the window has more frames than the bundle takes, or none.
    """
    sampling = manifest.sampling
    rate_fps = (spec and spec.rate_fps) or options.rate_fps
    frames = None
    if options.window_s is not None:
        if rate_fps is None:
            rate_fps = sampling.frames / options.window_s
        frames = round(rate_fps * options.window_s)
        if not 1 <= frames <= sampling.max_frames:
            raise StzsarError(
                f"A window of {options.window_s:g} s at {rate_fps:g} frames a second has {frames} "
                f"frames and this bundle takes 1 to {sampling.max_frames}: change --window or "
                "--rate."
            )
    return StreamOptions(
        rate_fps=rate_fps,
        frames=frames,
        motion_gate=options.motion_gate,
        explain=options.explain,
        keep_features=options.keep_features,
    )


def check_sources(specs: Sequence[SourceSpec], options: SessionOptions) -> None:
    """Refuse what could not work, before anything is loaded.

    Raises:
        StzsarError: live sources where only files can be read, or what a source's own options say
            has no effect.
    """
    live = next((spec for spec in specs if is_live(spec.uri)), None)
    if live and options.whole:
        raise StzsarError(
            f"--whole looks at whole files and {live.name!r} has no end: leave --whole out."
        )
    own = next(
        (spec for spec in specs if spec.rate_fps or spec.threshold or spec.calibration), None
    )
    if own and options.whole:
        raise StzsarError(
            f"--whole gives one result a file, so the rate, threshold or calibration of "
            f"{own.name!r} does nothing there: leave it or --whole out."
        )
    if options.give_up_s is not None and not live:
        raise StzsarError("--give-up is for live sources, and there are only files: leave it out.")
