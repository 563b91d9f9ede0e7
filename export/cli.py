"""stzsar-export: exports a checkpoint, or CLIP itself, as a bundle."""

from pathlib import Path
from typing import Any

import click
import cloup
from cloup.constraints import If, IsSet, accept_none, mutually_exclusive

from ..models.config import FRAME_WEIGHTS, INTERACTIONS, PATCH_PATHS
from ..models.prompts import PROMPT_SETS
from ..runtime.bundle.manifest import MAX_FRAMES, MAX_RATE_FPS
from ..runtime.engines.trt.api import check_targets
from ..runtime.engines.trt.key import DEFAULT_LABELS, DEFAULT_STREAMS, MAX_STREAMS
from ..runtime.labels.labels import MAX_LABELS
from ..runtime.terminal.commandline import Output, at_the_edge
from ..runtime.terminal.signals import StopSignals
from ..runtime.terminal.subcommand import with_subcommand
from .options import ClipOptions, EngineOptions, ExportOptions

_EXAMPLE = """\b
Examples:
  stzsar-export --fp16
      exports the newest checkpoint under runs/
  stzsar-export --backbone ViT-B-32 --pretrained openai --labels labels.txt
      exports CLIP with the untrained head: no checkpoint is needed
  stzsar-export inspect runs/shipped/bundle-fp16
      checks a bundle and describes it
"""


@cloup.command(name="inspect")
@cloup.argument(
    "bundle",
    required=False,
    type=click.Path(path_type=Path),
    help="Folder of the bundle (default: the newest under runs/, otherwise the shipped one)",
)
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table")
@cloup.option("--debug", is_flag=True, help="Show tracebacks")
@at_the_edge
def inspect_command(bundle: Path | None, *, as_json: bool) -> None:
    """Check a bundle and describe it."""
    from .inspect_bundle import InspectOptions, inspect

    description = inspect(InspectOptions(bundle=bundle))
    if as_json:
        print(description.to_json())
    else:
        Output().print(description.table())


@cloup.command(cls=with_subcommand("inspect", lambda: inspect_command), epilog=_EXAMPLE)
@cloup.argument(
    "checkpoint",
    required=False,
    type=click.Path(path_type=Path),
    help="Folder of a checkpoint or a run (default: the newest under runs/)",
)
@cloup.option_group(
    "CLIP without a checkpoint",
    cloup.option(
        "--backbone",
        metavar="NAME",
        help="Export a backbone of open_clip: ViT-B-16, MobileCLIP2-S0, …",
    ),
    cloup.option(
        "--pretrained",
        metavar="TAG|FILE|none",
        show_default="openai",
        help="Load its weights: a tag that open_clip downloads, a file, or none (random)",
    ),
    cloup.option(
        "--tokenizer",
        metavar="FILE",
        type=click.Path(),
        show_default="downloaded once",
        help="Read a SigLIP2 backbone's tokenizer.json from a file",
    ),
    cloup.option(
        "--interaction",
        type=click.Choice(INTERACTIONS),
        show_default="residual",
        help="Weigh frames by their patches in this way; with residual, patches change nothing "
        "before training, and attributes alone choose the frames, as in BIKE",
    ),
    cloup.option(
        "--frame-weights",
        type=click.Choice(FRAME_WEIGHTS),
        show_default="saliency",
        help="Weigh the frames of a window by saliency, guided by the class as label and "
        "attributes describe it, or by the mean of both",
    ),
    cloup.option(
        "--patch-path",
        type=click.Choice(PATCH_PATHS),
        show_default="block",
        help="Take patches through the whole last block, or through its value path",
    ),
)
@cloup.option_group(
    "Bundle",
    cloup.option(
        "--labels",
        metavar="FILE|A,B",
        show_default="those of the training; for CLIP the 400 classes of Kinetics",
        help="Take the bank's labels from a text, CSV, TSV, YAML or JSON file, or words with "
        "commas between them",
    ),
    cloup.option(
        "--no-attributes",
        is_flag=True,
        help="Leave out the shipped attributes of actions from Kinetics, UCF-101 and HMDB-51",
    ),
    cloup.option(
        "--prompts",
        metavar="NAME|FILE|SENTENCE",
        show_default="the network's own",
        help="Put labels into these sentences and average: " + ", ".join(PROMPT_SETS) + ", a file "
        "of one sentence a line, or a sentence with {}",
    ),
    cloup.option(
        "--fp16",
        is_flag=True,
        help="Halve the size with half precision, which is faster on a GPU; norms, softmax and "
        "scores stay fp32",
    ),
    cloup.option(
        "--int8",
        is_flag=True,
        help="Quantize the frame encoder's products, calibrated on videos; ends with exit code 3 "
        "if the scores differ too much",
    ),
    cloup.option(
        "--calibration",
        metavar="FILE|FOLDER",
        show_default="the shipped sample clip",
        help="Calibrate --int8 on these videos",
    ),
    cloup.option(
        "--frames",
        metavar="N",
        type=click.IntRange(1, MAX_FRAMES),
        show_default="as trained; 8 for CLIP",
        help="Set the frames of a window",
    ),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=click.FloatRange(0, MAX_RATE_FPS, min_open=True),
        show_default="as trained; 4 for CLIP",
        help="Set the sampling rate",
    ),
    cloup.option(
        "--no-text-encoder",
        is_flag=True,
        help="Leave out text.onnx: the bundle is smaller and knows the bank's labels only",
    ),
    cloup.option(
        "--output",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        show_default="bundle-fp32, -fp16 or -int8 in the run",
        help="Write the bundle to this folder",
    ),
    cloup.option(
        "--push",
        metavar="OWNER/NAME",
        help="Upload the bundle to this repository on the Hugging Face hub, for stzsar-fetch "
        "hub:OWNER/NAME; HF_TOKEN says as whom. Engines stay here",
    ),
)
@cloup.option_group(
    "TensorRT",
    cloup.option(
        "--tensorrt",
        is_flag=True,
        help="Build TensorRT engines for this machine's GPU now instead of in the first "
        "stzsar-run. This is the way to run on NVIDIA GPUs; ONNX Runtime's TensorRT provider "
        "(stzsar-run --engine onnxruntime-tensorrt) is the fallback and builds its own",
    ),
    cloup.option(
        "--tensorrt-rtx",
        metavar="sm86,sm89",
        help="Compile TensorRT-RTX engines for cards of these compute capabilities, without a GPU",
    ),
    cloup.option(
        "--max-streams",
        metavar="N",
        type=click.IntRange(1, MAX_STREAMS),
        show_default=str(DEFAULT_STREAMS),
        help="Let an engine encode up to N streams at once",
    ),
    cloup.option(
        "--max-labels",
        metavar="N",
        type=click.IntRange(1, MAX_LABELS),
        show_default=f"{DEFAULT_LABELS}, or more if the bundle has more",
        help="Let an engine accept up to N labels",
    ),
)
@cloup.constraint(
    mutually_exclusive.rephrased(error="--fp16 and --int8 exclude each other. Leave one out."),
    ["fp16", "int8"],
)
@cloup.constraint(
    If(~IsSet("backbone"), then=accept_none).rephrased(
        error="--pretrained, --tokenizer, --interaction, --frame-weights and --patch-path need "
        "--backbone: a checkpoint has its own."
    ),
    ["pretrained", "tokenizer", "interaction", "frame_weights", "patch_path"],
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(
    *,
    backbone: str | None,
    pretrained: str | None,
    tokenizer: str | None,
    interaction: Any,
    frame_weights: Any,
    patch_path: Any,
    no_attributes: bool,
    fp16: bool,
    int8: bool,
    no_text_encoder: bool,
    tensorrt: bool,
    tensorrt_rtx: str | None,
    max_streams: int | None,
    max_labels: int | None,
    **options: Any,
) -> None:
    """Export a network as a bundle: ONNX graphs, a bank of labels and a parity report."""
    clip = backbone and ClipOptions(
        backbone=backbone,
        pretrained=pretrained or "openai",
        tokenizer=tokenizer,
        interaction=interaction or "residual",
        frame_weights=frame_weights,
        patch_path=patch_path,
    )
    engines = EngineOptions(
        tensorrt=tensorrt,
        rtx_targets=() if tensorrt_rtx is None else check_targets(tensorrt_rtx),
        max_streams=max_streams,
        max_labels=max_labels,
    )
    chosen = ExportOptions(
        clip=clip or None,
        attributes=not no_attributes,
        precision="fp16" if fp16 else "int8" if int8 else "fp32",
        text_encoder=not no_text_encoder,
        engines=engines,
        **options,
    )

    with StopSignals():
        from .pipeline import export

        export(chosen)


if __name__ == "__main__":
    main(prog_name="stzsar-export")
