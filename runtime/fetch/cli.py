"""stzsar-fetch: makes a bundle that knows people of CLIP's weights, without torch."""

from pathlib import Path
from typing import Any

import click
import cloup

from ..terminal.commandline import at_the_edge
from ..terminal.signals import StopSignals
from .options import FetchOptions

_EXAMPLE = """\b
Examples:
  stzsar-fetch
      downloads ViT-B-32 with OpenAI's weights (0.6 GB) and makes a bundle under runs/
  stzsar-fetch ViT-B-16 --pretrained laion2b_s34b_b88k --labels labels.txt
      takes another network, other weights, and the labels of a file
  stzsar-fetch ViT-B-32 --weights open_clip_model.safetensors
      downloads nothing: the file was copied to this machine
  stzsar-fetch hub:owner/name@v1
      downloads a ready bundle, and checks the hash of every file

HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE, HF_TOKEN and the proxies of the environment are honoured.
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.argument(
    "backbone",
    required=False,
    help="Network, by open_clip's name: ViT-B-32, ViT-B-16, MobileCLIP2-S0, MobileCLIP2-S2 "
    "(default: ViT-B-32); or hub:owner/name@revision, a ready bundle",
)
@cloup.option_group(
    "Weights",
    cloup.option(
        "--pretrained",
        metavar="TAG",
        show_default="openai; dfndr2b for MobileCLIP2",
        help="Take these weights, by open_clip's name",
    ),
    cloup.option(
        "--weights",
        metavar="FILE",
        type=click.Path(path_type=Path),
        show_default="downloaded once",
        help="Read the weights from a safetensors file. Those that stzsar does not know fill "
        "BACKBONE; add -quickgelu to its name if they were trained with OpenAI's activation",
    ),
    cloup.option(
        "--revision",
        metavar="REV",
        show_default="the commit that stzsar pins",
        help="Download another commit, branch or tag, whose hash the hub vouches for",
    ),
    cloup.option(
        "--accept-licence",
        is_flag=True,
        help="Accept a licence for research only, such as that of MobileCLIP2",
    ),
)
@cloup.option_group(
    "Bundle",
    cloup.option(
        "--labels",
        metavar="FILE|A,B",
        show_default="the 400 classes of Kinetics",
        help="Embed these labels: words with commas between them, or a label file",
    ),
    cloup.option(
        "--fp16/--fp32",
        "is_fp16",
        default=None,
        show_default="fp16 with an NVIDIA GPU, else fp32",
        help="Choose half precision, which halves the size and is faster on a GPU, or single",
    ),
    cloup.option(
        "--output",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        show_default="bundle-fp32 or -fp16 in runs/BACKBONE-TAG or runs/OWNER-NAME",
        help="Write the bundle to this folder",
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(*, is_fp16: bool | None, **options: Any) -> None:
    """Make a bundle that knows people: download CLIP's weights and fill the graphs that ship."""
    precision = None if is_fp16 is None else "fp16" if is_fp16 else "fp32"
    chosen = FetchOptions(precision=precision, **options)
    with StopSignals():
        from .pipeline import fetch

        fetch(chosen)


if __name__ == "__main__":
    main(prog_name="stzsar-fetch")
