"""A replay: scores a recording again, and writes what a run over its sources would."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from ..decisions.calibration import Calibration
from ..decisions.events import Decider
from ..recordings.find_bundle import bundle_of
from ..recordings.replay import Replay
from ..results import Message
from ..sinks.jsonl import JsonLines
from ..sinks.sink import Fanout, Sink
from ..terminal.commandline import console
from ..terminal.outputs import check_outputs
from ..terminal.progress import loading_progress
from ..terminal.signals import LIMIT_S, StopSignals
from .display import open_display, writes_lines
from .loading import open_bundle
from .options import ReplayOptions
from .summary import Summaries

# As long as a slow reader of the last line may take.
FLUSH_S = 15.0


def replay(options: ReplayOptions) -> None:
    """Score a recording; see `run`."""
    if options.bundle is None:
        options = replace(options, bundle=bundle_of(options.recording))
    bundle = open_bundle(options)
    check_outputs(
        written=[options.output],
        read={
            options.recording: "the recording",
            options.label_file: "the label file",
            options.ignore_file: "the file to ignore",
            options.calibration: "the calibration",
        },
        bundle=bundle.path,
    )
    policy = options.policy
    calibration = Calibration.read(options.calibration) if options.calibration else None
    with loading_progress(shown=not options.quiet) as (progress, _):
        recording = Replay(
            options.recording,
            bundle,
            options.read_labels(),
            ignore=options.read_ignored(),
            context=calibration.context if calibration else (),
            top_k=max(options.top, policy.labels_needed),
            progress=progress,
            shipped_attributes=options.shipped_attributes,
            seen_bias=options.seen_bias,
            threads=options.threads,
            engine=options.engine,
            trust_engines=options.trust_engines,
        )
    if calibration:
        policy = calibration.apply(
            policy, bundle.manifest, recording.labels, sampling=recording.header.sampling
        )
    summaries, deciders = Summaries(), dict[tuple[str, str | None], Decider]()
    where: dict[str, Any] = {"output": options.output, "json": options.json, "quiet": options.quiet}
    sinks: list[Sink] = [summaries]
    if writes_lines(**where):
        sinks.append(JsonLines(options.output, only_events=options.only_events))
    sinks += open_display(**where, labels=0 if options.only_events else options.top)
    sink = Fanout(sinks)

    def put(messages: Iterable[Message]) -> None:
        for message in messages:
            sink.put(message)

    def decider_of(source: str, region: str | None) -> Decider:
        made = Decider(policy, source, region=region, top=options.top)
        return deciders.setdefault((source, region), made)

    recording.on_break = lambda *place: put(decider_of(*place).interrupt())
    recording.on_end = lambda *place: put(decider_of(*place).finish())
    with StopSignals(limit_s=LIMIT_S) as signals, ExitStack() as stack:
        stack.callback(sink.close, FLUSH_S)
        for found in recording:
            signals.check()
            decided, events = decider_of(found.source, found.region).decide(found)
            put([decided, *events])
        for decider in deciders.values():
            put(decider.finish())
    if summaries and not options.quiet:
        console.print(summaries.table())
