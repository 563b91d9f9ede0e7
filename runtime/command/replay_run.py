"""A run of stzsar-run over a recording."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..decisions.calibration import Calibration
from ..decisions.events import Decider
from ..labels.labels import read_labels
from ..recordings.replay import Replay
from ..results import Message
from ..sinks.jsonl import JsonLines
from ..terminal.commandline import console
from ..terminal.outputs import check_outputs
from ..terminal.progress import loading_progress
from ..terminal.signals import StopSignals
from .loading import check_no_attributes, open_bundle
from .policies import policy_of
from .summary import Summaries


def replay(options: Mapping[str, Any], *, quiet: bool) -> None:
    """Score a recording, and write what is recognised as a run over its sources would.

    Raises:
        StzsarError: the recording, the bundle, the labels or an output cannot be used.
    """
    bundle = open_bundle(options["bundle"], quiet=quiet)
    check_no_attributes(bundle, options)
    path, output = options["replay"], options["output"]
    read = {path: "the recording"} | {p: "the label file" for p in (options["labels"],) if p}
    check_outputs(written=[output] if output else [], read=read, bundle=bundle.path)
    labels = read_labels(options["labels"]) if options["labels"] else None
    policy = policy_of(options)
    with loading_progress(shown=not quiet) as (progress, _):
        recording = Replay(
            path,
            bundle,
            labels,
            top_k=max(options["top"], policy.labels_needed),
            progress=progress,
            shipped_attributes=not options["no_attributes"],
            **{name: options[name] for name in ("threads", "engine", "trust_engines")},
        )
    if options["calibration"]:
        policy = Calibration.read(options["calibration"]).apply(
            policy, bundle.manifest, recording.labels, sampling=recording.header.sampling
        )
    summaries, deciders = Summaries(), dict[str, Decider]()
    lines = JsonLines(output, only_events=options["events_only"])

    def put(messages: Iterable[Message]) -> None:
        for message in messages:
            lines.put(message)
            summaries.put(message)

    def decider_of(source: str) -> Decider:
        return deciders.setdefault(source, Decider(policy, source))

    recording.on_break = lambda source: put(decider_of(source).interrupt())
    recording.on_end = lambda source: put(decider_of(source).finish())
    with StopSignals() as signals, lines:
        for found in recording:
            signals.check()
            decided, events = decider_of(found.source).decide(found)
            put([replace(decided, top=decided.top[: options["top"]]), *events])
        for decider in deciders.values():
            put(decider.finish())
    if summaries and not quiet:
        console.print(summaries.table())
