"""stzsar-export: from a checkpoint, or from CLIP itself, to a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from ..runtime.bundle.manifest import MAX_FRAMES, MAX_RATE_FPS, SamplingSpec
from ..runtime.engines.trt.key import DEFAULT_LABELS, DEFAULT_STREAMS, MAX_STREAMS
from ..runtime.errors import EngineError, StzsarError
from ..runtime.labels.labels import MAX_LABELS
from ..runtime.terminal.commandline import at_the_edge, console, say
from ..runtime.terminal.subcommand import with_subcommand
from .origin import from_checkpoint, from_clip

if TYPE_CHECKING:
    from ..models.checkpoint import Checkpoint
    from ..models.stzsar import STZSAR
    from ..runtime.labels.labels import Label
    from .calibration import Calibration

_EXAMPLE = """\b
Examples:
  stzsar-export --fp16
      exports the newest checkpoint under runs/
  stzsar-export --backbone ViT-B-32 --pretrained openai --labels labels.txt
      exports CLIP with the untrained head: no checkpoint is needed
  stzsar-export inspect runs/shipped/bundle-fp16
      checks a bundle, and says what it is
"""


def _inspect() -> click.Command:
    from .inspect_bundle import inspect

    return inspect


@cloup.command(cls=with_subcommand("inspect", _inspect), epilog=_EXAMPLE)
@cloup.argument(
    "checkpoint",
    required=False,
    type=click.Path(path_type=Path),
    help="The folder of a checkpoint or of a run; the newest under runs/ if left out.",
)
@cloup.option_group(
    "CLIP without a checkpoint",
    cloup.option(
        "--backbone", metavar="NAME", help="A backbone of open_clip: ViT-B-16, MobileCLIP2-S0, …"
    ),
    cloup.option(
        "--pretrained",
        metavar="TAG|FILE|none",
        default="openai",
        show_default=True,
        help="Its weights: a tag that open_clip downloads, a file, or none (random).",
    ),
    cloup.option(
        "--tokenizer",
        metavar="FILE",
        type=click.Path(),
        help="tokenizer.json of a SigLIP2 backbone (default: downloaded once).",
    ),
    cloup.option(
        "--interaction",
        type=click.Choice(["residual", "product", "off", "mean"]),
        default="residual",
        show_default=True,
        help="How patches weigh a frame; residual, untrained, is BIKE's form.",
    ),
    cloup.option(
        "--patch-path",
        type=click.Choice(["block", "value"]),
        default="block",
        show_default=True,
        help="Patches of the last block as they are, or its value path.",
    ),
)
@cloup.option_group(
    "Bundle",
    cloup.option(
        "--labels",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Labels of the bank, text or JSON (default: those of the training; for CLIP "
        "the 400 classes of Kinetics).",
    ),
    cloup.option(
        "--no-attributes",
        is_flag=True,
        help="Take labels as they stand, without the attributes that ship for actions of "
        "Kinetics, UCF-101 and HMDB-51.",
    ),
    cloup.option(
        "--fp16",
        is_flag=True,
        help="Half precision with norms, softmax and scores in fp32; half the size, and "
        "faster on a GPU.",
    ),
    cloup.option(
        "--int8",
        is_flag=True,
        help="The frame encoder's products in int8, calibrated on videos; refused (exit code 3) "
        "where the scores would differ too much.",
    ),
    cloup.option(
        "--calibration",
        metavar="FILE|FOLDER",
        help="Videos to calibrate --int8 on (default: the sample clip that ships).",
    ),
    cloup.option(
        "--frames",
        metavar="N",
        type=click.IntRange(1, MAX_FRAMES),
        help="Frames of a window (default: as trained; 8 for CLIP).",
    ),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=click.FloatRange(0, MAX_RATE_FPS, min_open=True),
        help="Frames sampled a second (default: as trained; 4 for CLIP).",
    ),
    cloup.option(
        "--no-text-encoder",
        is_flag=True,
        help="Leave out text.onnx: smaller, but only the bank's labels are known.",
    ),
    cloup.option(
        "--output",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="The bundle's folder (default: bundle-fp32, -fp16 or -int8 in the run).",
    ),
)
@cloup.option_group(
    "TensorRT",
    cloup.option(
        "--tensorrt",
        is_flag=True,
        help="Build the engines for this machine's GPU too; else the first stzsar-run does.",
    ),
    cloup.option(
        "--tensorrt-rtx",
        "rtx_targets",
        metavar="sm86,sm89",
        help="Compile engines for RTX cards of these compute capabilities; needs no GPU.",
    ),
    cloup.option(
        "--max-streams",
        metavar="N",
        type=click.IntRange(1, MAX_STREAMS),
        help=f"Streams that an engine takes at once (default: {DEFAULT_STREAMS}).",
    ),
    cloup.option(
        "--max-labels",
        metavar="N",
        type=click.IntRange(1, MAX_LABELS),
        help=f"Labels that an engine takes (default: {DEFAULT_LABELS}, or more if the bundle "
        "has more).",
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@click.pass_context
@at_the_edge
def main(context: click.Context, checkpoint: Path | None, **options: Any) -> None:
    """Export a network as a bundle: ONNX graphs, a bank of labels, and a parity report."""
    from ..runtime.labels.labels import read_labels
    from ..runtime.labels.shipped import with_shipped_attributes

    _refuse_clip_options(context, options)
    _check_tensorrt(options)
    _refuse_precision_options(options)
    labels = read_labels(options["labels"]) if options["labels"] else None
    if options["backbone"]:
        if checkpoint:
            raise StzsarError(f"Give the checkpoint {checkpoint} or --backbone, not both.")
        names = ("backbone", "pretrained", "interaction", "patch_path", "tokenizer")
        found, network, run = from_clip(**{name: options[name] for name in names})
    else:
        found, network, run = from_checkpoint(checkpoint)
    chosen = labels or found.labels
    # The labels of a checkpoint itself stay as they were trained.
    if (labels or options["backbone"]) and not options["no_attributes"]:
        chosen = with_shipped_attributes(chosen, tell=say)
    _export(found, network, run, chosen, options)


def _refuse_clip_options(context: click.Context, options: dict[str, Any]) -> None:
    """An option that would do nothing is an error."""
    if options["backbone"]:
        without_patches = options["interaction"] in ("off", "mean")
        if without_patches and not _is_default(context, "patch_path"):
            raise StzsarError(
                f"--patch-path is of patches, which --interaction {options['interaction']} does "
                "not look at: leave it out."
            )
        return
    if options["no_attributes"] and not options["labels"]:
        raise StzsarError(
            "--no-attributes goes with --labels or --backbone: a checkpoint's labels stay as they "
            "were trained."
        )
    for name in ("pretrained", "tokenizer", "interaction", "patch_path"):
        if not _is_default(context, name):
            raise StzsarError(
                f"--{name.replace('_', '-')} goes with --backbone: a checkpoint brings its own."
            )


def _is_default(context: click.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is None or source.name == "DEFAULT"


def _check_tensorrt(options: dict[str, Any]) -> None:
    """Find out before the export, which is long, whether engines can be made after it."""
    from ..runtime.engines.trt.api import check_targets, load_rtx, why_no_tensorrt

    if options["rtx_targets"] is not None:
        options["rtx_targets"] = check_targets(options["rtx_targets"])
        load_rtx()
    if options["tensorrt"]:
        reason = why_no_tensorrt()
        if reason:
            raise EngineError(
                f"{reason} Leave --tensorrt out: the first stzsar-run on the device builds the "
                "engines."
            )
    if not (options["tensorrt"] or options["rtx_targets"]):
        for name in ("max_streams", "max_labels"):
            if options[name] is not None:
                raise StzsarError(
                    f"--{name.replace('_', '-')} goes with --tensorrt or --tensorrt-rtx: an ONNX "
                    "graph takes any number."
                )


def _refuse_precision_options(options: dict[str, Any]) -> None:
    if options["fp16"] and options["int8"]:
        raise StzsarError("Give --fp16 or --int8, not both.")
    if options["calibration"] and not options["int8"]:
        raise StzsarError("--calibration goes with --int8: nothing else is calibrated.")


def _export(
    found: "Checkpoint",
    network: "STZSAR",
    run: Path,
    labels: "tuple[Label, ...]",
    options: dict[str, Any],
) -> None:
    from .write_bundle import BundleRequest, write_bundle

    sampling = SamplingSpec(
        frames=options["frames"] or found.sampling.frames,
        rate_fps=options["rate_fps"] or found.sampling.rate_fps,
    )
    temporal = found.model.temporal
    if temporal and sampling.frames > temporal.max_frames:
        raise StzsarError(
            f"--frames {sampling.frames} is more than the temporal transformer of this network "
            f"takes, {temporal.max_frames}."
        )
    precision = "fp16" if options["fp16"] else "int8" if options["int8"] else "fp32"
    target = options["output"] or run / f"bundle-{precision}"
    request = BundleRequest(
        network=network,
        labels=labels,
        sampling=sampling,
        origin=found.origin,
        precision=precision,
        text_encoder=not options["no_text_encoder"],
        calibration=_calibration(options["calibration"], found.model.vision.image_px)
        if options["int8"]
        else None,
    )
    with console.status("exporting") as status:
        report = write_bundle(request, target, say=status.update)
    console.print(report.table())
    size_mib = sum(path.stat().st_size for path in target.iterdir() if path.is_file()) / 2**20
    say(
        f"The bundle is {target}: {precision}, {len(labels)} labels, {size_mib:.1f} MiB. "
        f"Run it: stzsar-run --bundle {target} --source VIDEO"
    )
    _build_engines(target, options)


def _build_engines(target: Path, options: dict[str, Any]) -> None:
    """Make the engines that are asked for; the bundle is complete without them.

    Those of this machine are compared with ONNX Runtime; engines for other cards cannot be run.
    """
    from ..runtime.bundle.bundle import Bundle
    from ..runtime.terminal.progress import loading_progress
    from .engine_parity import check_engines, compare_engines
    from .engines import device_engines, rtx_engines

    if not (options["tensorrt"] or options["rtx_targets"]):
        return
    bundle = Bundle.open(target)
    streams, labels = options["max_streams"] or DEFAULT_STREAMS, options["max_labels"]
    checked = None
    with loading_progress(shown=True) as (_, on_build):
        if options["rtx_targets"]:
            targets = options["rtx_targets"]
            folder = rtx_engines(bundle, targets, streams=streams, labels=labels, report=on_build)
            say(f"The engines for {', '.join(targets)} are in {folder}.")
        if options["tensorrt"]:
            folder = device_engines(bundle, streams=streams, labels=labels, report=on_build)
            say(f"The engines for this machine are in {folder}.")
            checked = folder
    if checked:
        report = compare_engines(bundle)
        console.print(report.table())
        check_engines(report, checked)


def _calibration(source: str | None, size_px: int) -> "Calibration":
    from ..runtime.terminal.progress import bar
    from .calibration import calibration_files, read_calibration

    if source is None:
        say(
            "Warning: calibrated on the sample clip of moving shapes, so how accurate this is on "
            "real pictures is not known: name videos of yours with --calibration FOLDER."
        )
    files = calibration_files(source)
    with bar() as progress:
        task = progress.add_task("calibrating", total=len(files))
        return read_calibration(files, size_px=size_px, begin=lambda: progress.advance(task))
