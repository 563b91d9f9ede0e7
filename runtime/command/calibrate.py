"""A calibration: finds the thresholds of a site in footage without any action."""

from ..decisions.calibration import Calibration
from ..decisions.calibrator import Calibrator
from ..terminal.commandline import log, say
from ..terminal.outputs import check_outputs
from .loading import load_recognizer, open_bundle
from .options import CalibrationOptions
from .reading import files_read, footage_from, stream_options
from .seeing import see


def calibrate(options: CalibrationOptions) -> None:
    """Write the thresholds for a site; see `run`."""
    specs = footage_from(options.footage, options, quiet=options.quiet)
    bundle = open_bundle(options)
    sampled = stream_options(bundle.manifest, options)
    read = {
        options.label_file: "the label file",
        options.ignore_file: "the file to ignore",
        **files_read(specs),
    }
    check_outputs(written=[options.thresholds], read=read, bundle=bundle.path)
    recognizer = load_recognizer(
        bundle, options.read_labels(), options, ignore=options.read_ignored(), top_k=1
    )
    # Nothing goes to stdout, as if there were a file for it.
    seen = see(recognizer, specs, options, sampled, output=options.thresholds, quiet=options.quiet)
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
    tell(found, str(options.thresholds))


def tell(found: Calibration, where: str) -> None:
    """Say what a calibration promises, and warn where it goes beyond the footage."""
    say(f"{where} has the thresholds of {len(found.thresholds)} labels. {found.promise}")
    if found.caution:
        log.warning("%s", found.caution)
