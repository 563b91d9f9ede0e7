"""A replay: scores a recording again, and writes what a run over its sources would."""

from collections.abc import Iterable

from ..decisions.calibration import Calibration
from ..decisions.events import Decider
from ..labels.labels import read_labels
from ..recordings.replay import Replay
from ..results import Message
from ..sinks.jsonl import JsonLines
from ..terminal.commandline import console
from ..terminal.outputs import check_outputs
from ..terminal.progress import loading_progress
from ..terminal.signals import LIMIT_S, StopSignals
from .loading import open_bundle
from .options import ReplayOptions
from .summary import Summaries


def replay(options: ReplayOptions) -> None:
    """Score a recording; see `run`."""
    bundle = open_bundle(options)
    check_outputs(
        written=[options.output],
        read={
            options.recording: "the recording",
            options.labels: "the label file",
            options.ignore: "the file to ignore",
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
            read_labels(options.labels) if options.labels else None,
            ignore=read_labels(options.ignore) if options.ignore else (),
            context=calibration.context if calibration else (),
            top_k=max(options.top, policy.labels_needed),
            progress=progress,
            shipped_attributes=options.shipped_attributes,
            threads=options.threads,
            engine=options.engine,
            trust_engines=options.trust_engines,
        )
    if calibration:
        policy = calibration.apply(
            policy, bundle.manifest, recording.labels, sampling=recording.header.sampling
        )
    summaries, deciders = Summaries(), dict[str, Decider]()
    lines = JsonLines(options.output, only_events=options.only_events)

    def put(messages: Iterable[Message]) -> None:
        for message in messages:
            lines.put(message)
            summaries.put(message)

    def decider_of(source: str) -> Decider:
        return deciders.setdefault(source, Decider(policy, source, top=options.top))

    recording.on_break = lambda source: put(decider_of(source).interrupt())
    recording.on_end = lambda source: put(decider_of(source).finish())
    with StopSignals(limit_s=LIMIT_S) as signals, lines:
        for found in recording:
            signals.check()
            decided, events = decider_of(found.source).decide(found)
            put([decided, *events])
        for decider in deciders.values():
            put(decider.finish())
    if summaries and not options.quiet:
        console.print(summaries.table())
