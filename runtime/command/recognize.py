"""A run over sources: what it opens, in which order, and how it closes it."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..bundle.bundle import MANIFEST, Bundle, sha256_of
from ..duty import Duties
from ..errors import SourceError, StzsarError
from ..events.keeper import EventKeeper
from ..labels.per_source import LabelFiles
from ..labels.watch import LabelWatch
from ..receivers.choose import OpenSinks, open_sinks
from ..receivers.plans import SinkPlan, Told
from ..recognizer import Recognizer
from ..recordings.recorder import DEFAULT_PATCHES, Recorder
from ..scoring.explain import check_explainable
from ..sinks.service import service_manager
from ..sinks.sink import Fanout, Sink
from ..sinks.videos import VideoPlan
from ..sources.address import parse_address
from ..sources.spec import SourceSpec
from ..sources.thread_feed import AHEAD
from ..sources.uri import is_live
from ..streams.batcher import FILE_BATCH
from ..streams.loop import StreamLoop
from ..streams.plan import StreamPlan, plan_of
from ..streams.stream import StreamOptions
from ..streams.table import StreamTable
from ..terminal.commandline import console, log, show_error
from ..terminal.outputs import check_outputs, unused
from ..terminal.signals import LIMIT_S, StopSignals
from ..verify.opening import open_judges
from ..verify.options import TIMEOUT_S
from ..verify.second_look import SecondLook, Watched
from .archive.live import open_archive
from .display import open_display, writes_lines
from .loading import load_recognizer, open_bundle
from .options import RunOptions
from .page import check_page, open_page, teaching_arguments, teller
from .policies import context_of, policies_of
from .reading import feed_options, files_read, read_to_the_end, specs_from, stream_options
from .receivers import check_receivers, duties_of, places_now, places_of, receivers_from
from .summary import Summaries
from .video_paths import video_paths

if TYPE_CHECKING:
    from ..page.opening import Served

# Ctrl-C leaves two seconds, of which closing may take this much; without it there is more time.
FLUSH_S, RECORD_S = 1.0, 0.3
PATIENT_FLUSH_S = 15.0
# Sampled frames of a file that are read before the results that they lead to.
_READ_AHEAD = AHEAD + FILE_BATCH + 1


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """Everything that is known before an output is opened."""

    specs: tuple[SourceSpec, ...]
    bundle: Bundle
    labels: LabelFiles
    recognizer: Recognizer
    plans: Sequence[StreamPlan]
    watched: Mapping[str, Watched]
    videos: Mapping[str, Path]
    record: Path | None
    receivers: tuple[SinkPlan, ...]


def recognize(options: RunOptions) -> None:
    """Recognise actions in sources; see `run`."""
    ready, summaries = _prepare(options), Summaries()
    try:
        _watch(options, ready, summaries)
    finally:
        if summaries and not options.quiet:
            console.print(summaries.table())


def _prepare(options: RunOptions) -> _Ready:
    """Refuse whatever can be refused before the graphs are loaded, which takes seconds."""
    check_page(options)
    specs = specs_from(options)
    receivers = receivers_from(options)
    bundle = open_bundle(options)
    if options.explain:
        check_explainable(bundle)
    sampled = {spec.name: _stream_options(bundle, options, spec) for spec in specs}
    live = {spec.source for spec in specs if is_live(spec.uri)}
    videos = {
        name: _kept(path, "video") if name in live else path
        for name, path in video_paths(specs, options.video).items()
    }
    record = options.record and _kept(options.record, "recording")
    check_outputs(
        written=[options.output, record, *videos.values()],
        read={
            options.label_file: "the label file",
            options.ignore_file: "the file to ignore",
            options.streams: "the file of streams",
            options.calibration: "the calibration",
            **files_read(specs),
        },
        bundle=bundle.path,
    )
    labels = LabelFiles(
        options.labels,
        {spec.name: spec.labels for spec in specs if spec.labels},
        ignore=options.ignore,
        sources=[spec.name for spec in specs],
        known=bundle.bank.labels,
    )
    calibrations, context = context_of(specs, options)
    recognizer = load_recognizer(
        bundle,
        labels.all_labels(),
        options,
        top_k=_labels_needed(options, specs),
        context=context,
        labels_of=labels.labels_of(),
    )
    check_receivers(receivers, places_of(specs, recognizer, live=False))
    if not options.events and any(spec.verify or spec.verify_llm for spec in specs):
        raise StzsarError(
            f"A second look in {options.streams} needs the pictures of --events DIR: give that too."
        )
    watched = open_judges(
        specs,
        options,
        recognizer,
        options.policy,
        engine=options.engine,
        threads=options.threads,
    )
    plans: list[StreamPlan] = []
    if not options.whole:
        samplings = {name: own.sampling(bundle.manifest) for name, own in sampled.items()}
        policies = policies_of(
            specs, recognizer.scorer, bundle.manifest, options, samplings, calibrations
        )
        plans = [plan_of(spec, sampled[spec.name], policies[spec.name]) for spec in specs]
    return _Ready(
        specs=specs,
        bundle=bundle,
        labels=labels,
        recognizer=recognizer,
        plans=plans,
        watched=watched,
        videos=videos,
        record=record,
        receivers=receivers,
    )


def _watch(options: RunOptions, ready: _Ready, summaries: Summaries) -> None:
    """Open the outputs, read the sources, and close the outputs, however the run ends."""
    table, recognizer = StreamTable(), ready.recognizer
    duties = duties_of(options, ready.specs, table.wake.set)
    with StopSignals(table.wake.set, limit_s=LIMIT_S) as signals, ExitStack() as stack:
        sinks = _open_sinks(options, ready, table, duties)
        files = sum(not is_live(spec.uri) for spec in ready.specs)
        display = open_display(
            output=options.output,
            json=options.json,
            quiet=options.quiet,
            reading=table.reading,
            files=files,
            labels=0 if options.only_events else options.top,
            each_result=options.whole,
        )
        keeper = next((one for one in sinks.sinks if isinstance(one, EventKeeper)), None)
        page, tap = None, keeper
        if options.serve is not None:
            page, tap = open_page(options, _served(options, ready, table, duties, keeper))
        service = service_manager(live=any(is_live(spec.uri) for spec in ready.specs))
        shown = [
            summaries, *display, *([page] if page else []), *([service] if service else [])
        ]  # fmt: skip
        told = Fanout([one for one in (*sinks.sinks, *shown) if one is not keeper])
        look = None
        if keeper and ready.watched:
            look = SecondLook(
                keeper, told, ready.watched, timeout_s=options.verify_timeout_s or TIMEOUT_S
            )
        sink = look or Fanout([*([keeper] if keeper else []), *told.sinks])
        stack.callback(lambda: sink.close(FLUSH_S if signals.received else PATIENT_FLUSH_S))
        # The recording is opened only once everything else has been.
        recorder = None
        if ready.record:
            features = options.record_features
            recorder = _open_recorder(options, ready, ready.record, features=features)
            stack.callback(recorder.close, RECORD_S)
            if page:
                page.recordings.adopt(recorder, ready.record)
        archive = open_archive(options, ready.bundle, ready.plans) if options.archive else None
        if archive:
            stack.callback(archive.close, RECORD_S)
        if any(is_live(spec.uri) for spec in ready.specs):
            stack.enter_context(LabelWatch(ready.labels, recognizer))
        stack.callback(signals.end_has_begun)
        if options.whole:
            _classify(recognizer, ready.specs, sink, signals)
            return

        def observe_round(seconds: float, frames: int) -> None:
            sinks.observe_round(seconds, frames)
            if page:
                page.observe_round(seconds, frames)

        def on_end() -> None:
            signals.end_has_begun()
            if service:
                service.end()

        loop = StreamLoop(
            recognizer,
            sink,
            ready.plans,
            table=table,
            feeds=feed_options(options),
            batch_wait_s=options.batch_wait_ms / 1000,
            recorder=recorder,
            archive=archive,
            tap=tap,
            duties=duties,
            idle=options.idle,
            top=options.top,
            on_batch=observe_round,
            on_failure=show_error,
            on_end=on_end,
        )
        steps = [
            *([look.tick] if look else []),
            *([teller(page, table)] if page else []),
            *([service.tick] if service else []),
        ]
        read_to_the_end(loop, signals, on_step=steps)


def _classify(
    recognizer: Recognizer,
    specs: Sequence[SourceSpec],
    sink: Sink,
    signals: StopSignals,
) -> None:
    """Give one result for each file.

    Raises:
        SourceError: the only file failed, or some of several did.
    """
    failures: list[SourceError] = []
    for spec in specs:
        signals.check()
        try:
            clip = recognizer.read_clip(spec.uri)
            sink.put(recognizer.classify_clip(clip, spec.name))
            if clip.damage:
                raise clip.damage
        except SourceError as error:
            if len(specs) == 1:
                raise
            failures.append(error)
            show_error(error)
        finally:
            sink.source_ended(spec.name)
    if failures:
        raise SourceError(f"{len(failures)} of {len(specs)} sources failed.")


def _stream_options(bundle: Bundle, options: RunOptions, spec: SourceSpec) -> StreamOptions:
    return stream_options(
        bundle.manifest,
        options,
        spec,
        explain=options.explain,
        keep_features=options.record_features or options.archive is not None,
    )


def _open_sinks(
    options: RunOptions, ready: _Ready, table: StreamTable, duties: Duties
) -> OpenSinks:
    if len({spec.source for spec in ready.specs}) > 1:
        for path in ready.videos.values():
            path.parent.mkdir(parents=True, exist_ok=True)
    live = {spec.source: is_live(spec.uri) for spec in ready.specs}
    return open_sinks(
        options,
        lines=writes_lines(output=options.output, json=options.json, quiet=options.quiet),
        live=any(live.values()),
        videos={
            name: VideoPlan(path, live[name], partial(table.fps_of, name))
            for name, path in ready.videos.items()
        },
        keeper=partial(_open_keeper, options, ready) if options.events else None,
        receivers=ready.receivers,
        told=Told(duties=duties, places=partial(places_now, table, ready.specs, ready.recognizer)),
        on_quit=table.end,
        counters=table.counters,
    )


def _served(
    options: RunOptions,
    ready: _Ready,
    table: StreamTable,
    duties: Duties,
    keeper: EventKeeper | None,
) -> "Served":
    from ..page.opening import Served

    # What people record there is to teach labels, which may be other ones by then.
    features = bool(ready.bundle.manifest.features)
    return Served(
        specs=ready.specs,
        recognizer=ready.recognizer,
        labels=ready.labels,
        table=table,
        duties=duties,
        keeper=keeper,
        open_recorder=partial(_open_recorder, options, ready, features=features),
        teaching=teaching_arguments(options, ready.bundle.path),
        record=ready.record,
        explains_all=options.explain,
    )


def _open_keeper(options: RunOptions, ready: _Ready) -> EventKeeper:
    assert options.events
    samplings = [plan.options.sampling(ready.bundle.manifest) for plan in ready.plans]
    least_s = max(
        replace(options.policy, rules=spec.rules).longest_min_length_s for spec in ready.specs
    )
    # A start is reported half a window after it, once it has lasted; a file is read ahead besides.
    late_s = least_s + max(one.window_s + _READ_AHEAD / one.rate_fps for one in samplings)
    return EventKeeper(
        options.events,
        addresses={spec.source: parse_address(spec.uri).name for spec in ready.specs},
        bundle=sha256_of(ready.bundle.path / MANIFEST),
        plan=replace(options.clips, late_s=late_s),
        limits=options.limits,
        idle=options.idle,
    )


def _open_recorder(options: RunOptions, ready: _Ready, path: Path, *, features: bool) -> Recorder:
    manifest = ready.bundle.manifest
    sampling = stream_options(manifest, options).sampling(manifest)
    return Recorder(
        path,
        ready.bundle,
        ready.recognizer.scorer.bank,
        frames=sampling.frames,
        rate_fps=sampling.rate_fps,
        features=features,
        patches=options.record_patches or DEFAULT_PATCHES,
        patient=any(is_live(spec.uri) for spec in ready.specs),
    )


def _kept(path: Path, what: str) -> Path:
    """Return a path for an output that cannot be made again, beside those of earlier starts."""
    new = unused(path)
    if new != path:
        log.info("%s holds a %s already: the new one is %s.", path, what, new)
    return new


def _labels_needed(options: RunOptions, specs: Sequence[SourceSpec]) -> int:
    """Return how many of the best labels a result must hold, to decide on it and to show it."""
    if options.whole:
        return options.top
    own = [options.policy.with_score(spec.threshold) for spec in specs if spec.threshold]
    if options.serve is not None:  # thresholds can be dragged as low as this while it runs
        from ..page.changes import LEAST_SCORE

        own.append(options.policy.with_score(LEAST_SCORE))
    return max(options.top, *(policy.labels_needed for policy in (options.policy, *own)))
