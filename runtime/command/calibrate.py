"""A calibration: finds the similarity thresholds of a site in footage without any action."""

from contextlib import ExitStack

from ..decisions.calibrator import Calibrator
from ..decisions.footage import SeenWindows
from ..labels.labels import read_labels
from ..streams.loop import StreamLoop, plan_of
from ..streams.table import StreamTable
from ..terminal.commandline import log, say, show_error
from ..terminal.outputs import check_outputs
from ..terminal.progress import bar
from ..terminal.signals import LIMIT_S, StopSignals
from .loading import load_recognizer, open_bundle
from .options import CalibrationOptions
from .reading import feed_options, files_read, footage_from, read_to_the_end, stream_options


def calibrate(options: CalibrationOptions) -> None:
    """Write the thresholds for a site; see `run`."""
    specs = footage_from(options.footage, options)
    bundle = open_bundle(options)
    sampled = stream_options(bundle.manifest, options)
    read = {
        options.labels: "the label file",
        options.ignore: "the file to ignore",
        **files_read(specs),
    }
    check_outputs(written=[options.thresholds], read=read, bundle=bundle.path)
    labels = read_labels(options.labels) if options.labels else None
    ignore = read_labels(options.ignore) if options.ignore else ()
    recognizer = load_recognizer(bundle, labels, options, ignore=ignore, top_k=1)
    seen, table = SeenWindows(), StreamTable()
    with StopSignals(table.wake.set, limit_s=LIMIT_S) as signals, ExitStack() as stack:
        progress = stack.enter_context(bar(not options.quiet))
        stack.callback(signals.end_has_begun)
        loop = StreamLoop(
            recognizer,
            seen,
            [plan_of(spec, sampled) for spec in specs],
            table=table,
            feeds=feed_options(options),
            batch_wait_s=options.batch_wait_ms / 1000,
            on_failure=show_error,
            on_end=signals.end_has_begun,
        )
        read_to_the_end(loop, signals, progress)
    calibrator = Calibrator(
        recognizer.labels,
        bundle.manifest,
        options.policy,
        sampling=sampled.sampling(bundle.manifest),
        scale=seen.scale,
    )
    calibrator.add_all(seen)
    found = calibrator.thresholds(options.false_alarms_per_day)
    found.write(options.thresholds)
    say(
        f"{options.thresholds} has the thresholds of {len(found.thresholds)} labels. "
        f"{found.promise}"
    )
    if found.caution:
        log.warning("%s", found.caution)
