"""A calibration: finds the similarity thresholds of a site in footage without any action."""

from contextlib import ExitStack

from ..decisions.calibrator import Calibrator
from ..decisions.footage import FootageSink
from ..labels.labels import MAX_LABELS
from ..sinks.sink import Fanout
from ..sources.uri import is_live
from ..streams.loop import StreamLoop, plan_of
from ..streams.table import StreamTable
from ..terminal.commandline import log, say, show_error
from ..terminal.outputs import check_outputs
from ..terminal.signals import LIMIT_S, StopSignals
from .display import open_display
from .loading import load_recognizer, open_bundle
from .options import CalibrationOptions
from .reading import feed_options, files_read, footage_from, read_to_the_end, stream_options

# The lines in the terminal are removed at once.
CLOSE_S = 1.0


def calibrate(options: CalibrationOptions) -> None:
    """Write the thresholds for a site; see `run`."""
    specs = footage_from(options)
    bundle = open_bundle(options)
    sampled = stream_options(bundle.manifest, options)
    read = {options.label_file: "the label file", **files_read(specs)}
    check_outputs(written=[options.thresholds], read=read, bundle=bundle.path)
    labels = options.read_labels()
    recognizer = load_recognizer(bundle, labels, options, top_k=MAX_LABELS)
    calibrator = Calibrator(
        recognizer.labels,
        bundle.manifest,
        options.policy,
        sampling=sampled.sampling(bundle.manifest),
    )
    table = StreamTable()
    with StopSignals(table.wake.set, limit_s=LIMIT_S) as signals, ExitStack() as stack:
        footage = FootageSink(calibrator, [label.name for label in recognizer.labels])
        files = sum(not is_live(spec.uri) for spec in specs)
        # Nothing goes to stdout, as if there were a file for it.
        display = open_display(
            output=options.thresholds, quiet=options.quiet, reading=table.reading, files=files
        )
        sink = Fanout([footage, *display])
        stack.callback(sink.close, CLOSE_S)
        stack.callback(signals.end_has_begun)
        loop = StreamLoop(
            recognizer,
            sink,
            [plan_of(spec, sampled) for spec in specs],
            table=table,
            feeds=feed_options(options),
            batch_wait_s=options.batch_wait_ms / 1000,
            on_failure=show_error,
            on_end=signals.end_has_begun,
        )
        read_to_the_end(loop, signals)
    found = calibrator.thresholds(options.false_alarms_per_day)
    found.write(options.thresholds)
    say(f"{options.thresholds} has the thresholds of {len(recognizer.labels)} labels, from "
        f"{found.hours:.2g} hours of footage.")  # fmt: skip
    if found.caution:
        log.warning("%s", found.caution)
