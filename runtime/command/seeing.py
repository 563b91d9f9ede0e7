"""Looks through footage, videos and recordings alike, for calibration and teaching."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ..decisions.footage import SeenWindows
from ..errors import CalibrationError
from ..labels.labels import identity_of
from ..recognizer import Recognizer
from ..recordings.file_format import is_recording
from ..recordings.replay import Replay
from ..sinks.sink import Fanout, Sink
from ..sources.spec import SourceSpec
from ..sources.uri import is_live
from ..streams.loop import StreamLoop
from ..streams.plan import plan_of
from ..streams.stream import StreamOptions
from ..streams.table import StreamTable
from ..terminal.commandline import show_error
from ..terminal.signals import LIMIT_S, StopSignals
from .display import open_display
from .options import ReadingOptions
from .reading import feed_options, read_to_the_end

# The lines in the terminal are removed at once.
CLOSE_S = 1.0


def see(
    recognizer: Recognizer,
    specs: Sequence[SourceSpec],
    options: ReadingOptions,
    sampled: StreamOptions,
    *,
    output: Path | None,
    quiet: bool,
) -> SeenWindows:
    """Return the windows of all sources, with the similarities of all labels.

    Live lines show how far it is, unless `quiet` or in the way of an `output` on stdout, None.

    Raises:
        StzsarError: a source cannot be read, or a recording does not fit.
    """
    recorded = [spec for spec in specs if not is_live(spec.uri) and is_recording(Path(spec.uri))]
    seen, table = SeenWindows(), StreamTable()
    with StopSignals(table.wake.set, limit_s=LIMIT_S) as signals, ExitStack() as stack:
        files = sum(not is_live(spec.uri) for spec in specs)
        display = open_display(output=output, quiet=quiet, reading=table.reading, files=files)
        sink = Fanout([seen, *display])
        stack.callback(sink.close, CLOSE_S)
        stack.callback(signals.end_has_begun)
        for spec in recorded:
            _replay(recognizer, spec, sampled, sink, signals)
        videos = [plan_of(spec, sampled) for spec in specs if spec not in recorded]
        if videos:
            loop = StreamLoop(
                recognizer,
                sink,
                videos,
                table=table,
                feeds=feed_options(options),
                batch_wait_s=options.batch_wait_ms / 1000,
                on_failure=show_error,
                on_end=signals.end_has_begun,
            )
            read_to_the_end(loop, signals)
    return seen


def _replay(
    recognizer: Recognizer,
    spec: SourceSpec,
    sampled: StreamOptions,
    sink: Sink,
    signals: StopSignals,
) -> None:
    """Add the windows of a recording, whose sources are named after it."""
    labels = recognizer.labels
    recording = Replay(
        Path(spec.uri),
        recognizer.bundle,
        [label for label in labels if label.role != "context"],
        context=[label for label in labels if label.role == "context"],
        top_k=1,
    )
    wanted, has = sampled.sampling(recognizer.manifest), recording.header.sampling
    if wanted != has:
        raise CalibrationError(
            f"The recording {spec.uri} has windows of {has.frames} frames at {has.rate_fps:g} a "
            f"second and this is for {wanted.frames} at {wanted.rate_fps:g}: give --rate and "
            "--window as they were."
        )
    row_of = {identity_of(label): row for row, label in enumerate(recording.labels)}
    order = [row_of[identity_of(label)] for label in labels]
    for found in recording:
        signals.check()
        if found.everything:
            similarities = found.everything.similarities[order]
            everything = replace(found.everything, similarities=similarities)
            source = f"{spec.name}: {found.source}"
            sink.put(replace(found, source=source, everything=everything))
