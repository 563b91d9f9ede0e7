"""stzsar-import: a checkpoint of another project becomes one of ours."""

from pathlib import Path
from typing import Any, get_args

import click
import cloup

from ...models.config import Activation
from ...runtime.bundle.manifest import MAX_FRAMES, MAX_RATE_FPS
from ...runtime.errors import StzsarError
from ...runtime.terminal.commandline import at_the_edge

_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)
_EXAMPLE = """\b
Examples:
  stzsar-import k400_clip_complete_finetuned_30_epochs.pth --with ViT-B-16.pt
      tells the family by the file's keys, here ViFi-CLIP, and writes a checkpoint under runs/
  stzsar-import ost ost.pth --with ViT-B-16.pt --output runs/ost \\
        --descriptors spatio_descriptors/4_descriptors.json \\
        temporal_descriptors/4_descriptors.json --classes ucf_101_labels.csv
      takes OST's descriptors along, and mixes its weights with CLIP's as its authors do
  stzsar-import open-clip epoch_30.pt --activation quick_gelu
      takes a training file of open_clip
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.argument(
    "words",
    metavar="[FAMILY] FILE",
    nargs=-1,
    required=True,
    help="vifi-clip, maxi, ost, bike, text4vis, actionclip, mote, openai, open-clip or "
    "transformers, then the file; by default the family is told by the file's keys",
)
@cloup.option(
    "--output",
    metavar="FOLDER",
    type=_PATH,
    show_default="runs/FAMILY-FILE",
    help="Write the checkpoint here",
)
@cloup.option_group(
    "CLIP's own weights",
    cloup.option(
        "--with",
        "original",
        metavar="FILE",
        type=_PATH,
        help="Read the CLIP that was tuned: for tensors that the file leaves out, and to mix with",
    ),
    cloup.option(
        "--mix",
        "share",
        metavar="SHARE",
        type=float,
        show_default="as the authors do: 0.8 for ost and maxi, 0.99 for mote, otherwise 1",
        help="Take this share of the file's weights and the rest of CLIP's",
    ),
)
@cloup.option_group(
    "What makes the numbers, where it is not to be the authors' own",
    cloup.option(
        "--frames",
        metavar="N",
        type=click.IntRange(1, MAX_FRAMES),
        help="Take N frames for a window",
    ),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=click.FloatRange(0, MAX_RATE_FPS, min_open=True),
        show_default="the frames of ten seconds, over which their clips are sampled",
        help="Sample so many frames a second",
    ),
    cloup.option(
        "--prompt",
        "prompts",
        metavar="TEXT",
        multiple=True,
        help="Put {} of this text in place of labels; several are averaged",
    ),
    cloup.option(
        "--activation",
        type=click.Choice(get_args(Activation)),
        show_default="quick_gelu, and gelu for open-clip",
        help="Use this activation in the towers; no file records it",
    ),
)
@cloup.option_group(
    "OST",
    cloup.option(
        "--descriptors",
        metavar="SEEN DONE",
        type=_FILE,
        nargs=2,
        help="Read the spatio and the temporal descriptors, as JSON of class numbers and phrases",
    ),
    cloup.option(
        "--classes",
        metavar="FILE",
        type=_FILE,
        help="Read the names of the descriptors' classes from a CSV of id,name",
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(*, words: tuple[str, ...], **options: Any) -> None:
    """Turn a checkpoint of another project into one that stzsar-eval and stzsar-export take."""
    from .families import AUTO
    from .options import CHOICES, ImportOptions
    from .run import import_checkpoint

    *families, file = words
    if len(families) > 1:
        raise StzsarError(f"{len(words)} words were given: name a family and a file, or the file.")
    if not families and file in CHOICES and not Path(file).exists():
        raise StzsarError(f"{file} is a family: name its file too.")
    family = families[0] if families else AUTO
    import_checkpoint(ImportOptions(file=Path(file), family=family, **options))


if __name__ == "__main__":
    main(prog_name="stzsar-import")
