"""The export as a function: `export(ExportOptions(checkpoint=…))`."""

from dataclasses import dataclass
from pathlib import Path

from ..models.checkpoint import Checkpoint
from ..runtime.atomic import remove_leftovers
from ..runtime.bundle.bundle import Bundle
from ..runtime.bundle.manifest import SamplingSpec, SeenLabels
from ..runtime.engines.trt.api import load_rtx, why_no_tensorrt
from ..runtime.engines.trt.key import DEFAULT_STREAMS
from ..runtime.errors import EngineError, StzsarError
from ..runtime.fetch.hub import load_hub
from ..runtime.labels.label_files import labels_from
from ..runtime.labels.labels import Label
from ..runtime.labels.shipped import with_shipped_attributes
from ..runtime.terminal.commandline import console, say
from ..runtime.terminal.progress import loading_progress
from .calibration import Calibration, calibration_files, read_calibration
from .engine_parity import check_engines, compare_engines
from .engines import device_engines, rtx_engines
from .options import PRECISIONS, EngineOptions, ExportOptions
from .origin import Origin, from_checkpoint, from_clip
from .parity import ParityReport
from .push import push
from .write_bundle import BundleRequest, write_bundle


@dataclass(frozen=True)
class Exported:
    bundle: Path
    parity: ParityReport


def export(options: ExportOptions) -> Exported:
    """Export a checkpoint, or CLIP itself, as a bundle.

    Example:
        >>> from pathlib import Path
        >>> export(ExportOptions(checkpoint=Path("runs/mine"))).bundle  # doctest: +SKIP
        PosixPath('runs/mine/bundle-fp32')

    Raises:
        StzsarError: an option cannot be used, or the network cannot be exported.
        ParityError: the graphs differ too much from torch; there is no bundle.
    """
    _check_toolchain(options.engines)
    if options.push:
        load_hub()
    own_labels = labels_from(options.labels, "--labels") if options.labels else None
    origin = from_clip(options.clip) if options.clip else from_checkpoint(options.checkpoint)
    if options.prompts is not None:
        origin.network.use_prompts(options.prompts)
    labels = own_labels or origin.checkpoint.labels
    # A checkpoint keeps the labels it was trained with.
    if (own_labels or options.clip) and options.attributes:
        labels = with_shipped_attributes(labels, tell=say)
    target = options.output or origin.run / f"bundle-{options.precision}"
    for name in (target.name, *(f"bundle-{precision}" for precision in PRECISIONS)):
        remove_leftovers(target.with_name(name))
    request = _request(options, origin, labels)
    with console.status("exporting") as status:
        report = write_bundle(request, target, say=status.update)
    console.print(report.table())
    size_mib = sum(path.stat().st_size for path in target.iterdir() if path.is_file()) / 2**20
    say(
        f"Wrote the bundle {target}: {options.precision}, {len(labels)} labels, {size_mib:.1f} "
        f"MiB. Run it with: stzsar-run --bundle {target} --source VIDEO"
    )
    if options.engines.wanted:
        build_engines(target, options.engines)
    if options.push:
        with console.status(f"pushing to {options.push}"):
            address = push(target, options.push)
        say(f"Pushed it. Others fetch it with: stzsar-fetch {address}")
    return Exported(target, report)


def build_engines(target: Path, options: EngineOptions) -> None:
    """Build engines into a bundle that is complete without them.

    Engines for this machine are compared with ONNX Runtime. Those for other cards cannot run here.

    Raises:
        EngineError: TensorRT refuses a graph, or the labels do not fit.
        ParityError: this machine's engines differ too much; they were removed.
    """
    bundle = Bundle.open(target)
    streams, labels = options.max_streams or DEFAULT_STREAMS, options.max_labels
    own = None
    with loading_progress(shown=True) as (_, on_build):
        if options.rtx_targets:
            targets = options.rtx_targets
            folder = rtx_engines(bundle, targets, streams=streams, labels=labels, report=on_build)
            say(f"Wrote the engines for {', '.join(targets)} to {folder}.")
        if options.tensorrt:
            own = device_engines(bundle, streams=streams, labels=labels, report=on_build)
            say(f"Wrote the engines for this machine to {own}.")
    if own:
        report = compare_engines(bundle)
        console.print(report.table())
        check_engines(report, own)


def _check_toolchain(options: EngineOptions) -> None:
    """Check before a long export that its engines can be built afterwards."""
    if options.rtx_targets:
        load_rtx()
    reason = why_no_tensorrt() if options.tensorrt else None
    if reason:
        raise EngineError(
            f"{reason} Leave --tensorrt out: the first stzsar-run on the device builds the engines."
        )


def _request(options: ExportOptions, origin: Origin, labels: tuple[Label, ...]) -> BundleRequest:
    checkpoint = origin.checkpoint
    size_px = checkpoint.model.vision.image_px
    return BundleRequest(
        network=origin.network,
        labels=labels,
        sampling=_sampling(options, checkpoint),
        origin=checkpoint.origin,
        seen=_seen(checkpoint),
        precision=options.precision,
        text_encoder=options.text_encoder,
        calibration=_calibration(options, size_px) if options.precision == "int8" else None,
    )


def _seen(checkpoint: Checkpoint) -> SeenLabels | None:
    if checkpoint.step == 0:  # CLIP itself
        return None
    names = tuple(label.name for label in checkpoint.labels)
    return SeenLabels(labels=names, bias=checkpoint.seen_bias)


def _sampling(options: ExportOptions, checkpoint: Checkpoint) -> SamplingSpec:
    own = checkpoint.sampling
    sampling = SamplingSpec(
        frames=options.frames or own.frames, rate_fps=options.rate_fps or own.rate_fps
    )
    temporal = checkpoint.model.temporal
    if temporal and sampling.frames > temporal.max_frames:
        raise StzsarError(
            f"--frames {sampling.frames} is more than the {temporal.max_frames} frames of this "
            "network's temporal transformer. Use fewer."
        )
    return sampling


def _calibration(options: ExportOptions, size_px: int) -> Calibration:
    if options.calibration is None:
        say(
            "Warning: int8 is calibrated on the sample clip of moving shapes, so its accuracy on "
            "real video is unknown. Name videos of your own with --calibration FOLDER."
        )
    return read_calibration(calibration_files(options.calibration), size_px=size_px)
