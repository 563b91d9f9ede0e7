"""stzsar-eval: tests a checkpoint or a bundle on labelled clips."""

from pathlib import Path
from typing import Any, get_args

import click
import cloup

from ...models.prompts import PROMPT_SETS, PromptMean
from ...runtime.engines.opening import ENGINES
from ...runtime.shapes.clip_settings import CLIP_SETTINGS
from ...runtime.terminal.commandline import Output, at_the_edge, say
from .options import PROTOCOLS, EvalOptions
from .views import VIEWS

_COUNT = click.IntRange(min=1)
_EXAMPLE = """\b
Examples:
  stzsar-eval runs/shipped --data videos/
      tests the newest checkpoint of a run on videos/<class>/<clip>.mp4
  stzsar-eval bundle/ --data UCF-101/ --protocol splits --lists ucfTrainTestlist/ \\
        --labels ucf-101.json --json ucf.json --plot ucf.png
      tests a bundle on the three official splits of UCF-101
  stzsar-eval bundle/ --data k600/test/ --protocol k600-160 --lists k600-splits/
      tests on the three splits of 160 classes that Kinetics-400 does not have
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.argument(
    "model",
    metavar="CHECKPOINT_OR_BUNDLE",
    type=click.Path(path_type=Path),
    help="Folder of a bundle, a checkpoint, or a run (whose newest checkpoint is tested)",
)
@cloup.option_group(
    "Clips",
    cloup.option(
        "--data",
        metavar="PATH",
        required=True,
        type=click.Path(path_type=Path),
        help="Test the clips of this folder of class/clip.mp4, or CSV of path,label; moving-shapes "
        "draws the unseen classes of MovingShapes",
    ),
    cloup.option(
        "--setting",
        type=click.Choice(CLIP_SETTINGS),
        show_default="plain",
        help="Draw MovingShapes in this setting",
    ),
    cloup.option(
        "--action-share",
        metavar="P",
        type=float,
        show_default="0.4 to 0.5",
        help="Let the action fill this share of an untrimmed window, 0.2 to 0.6",
    ),
    cloup.option(
        "--cuts",
        metavar="N",
        type=_COUNT,
        show_default="2",
        help="Cut an untrimmed window N times, 1 to 4",
    ),
    cloup.option(
        "--protocol",
        type=click.Choice(list(PROTOCOLS)),
        default="plain",
        show_default=True,
        help="Test by a protocol; " + "; ".join(f"{n}: {what}" for n, what in PROTOCOLS.items()),
    ),
    cloup.option(
        "--lists",
        metavar="PATH",
        type=click.Path(path_type=Path),
        help="Read the official lists: a folder of split lists (full, splits, halves), a folder "
        "of lists of 160 classes (k600-160), or a list of unseen classes (truze)",
    ),
    cloup.option(
        "--split",
        metavar="N",
        type=_COUNT,
        show_default="all",
        help="Test one split only, for a model that trained on clips of the others (splits)",
    ),
    cloup.option(
        "--allow-missing",
        is_flag=True,
        help="Continue without missing or broken clips, and with labels that match no class",
    ),
    cloup.option(
        "--seed",
        metavar="N",
        type=click.IntRange(0, 2**32 - 11),
        show_default="0, as in the literature",
        help="Draw other halves of the classes (halves)",
    ),
)
@cloup.option_group(
    "Candidates",
    cloup.option(
        "--labels",
        metavar="FILE|A,B",
        show_default="the model's labels of the same names, otherwise the names",
        help="Take the labels of the data's classes from a file, with attributes, or from words "
        "with commas between them",
    ),
    cloup.option(
        "--seen",
        metavar="FILE|A,B",
        help="Add the training classes as candidates: the generalised test",
    ),
    cloup.option(
        "--no-attributes",
        is_flag=True,
        help="Score names and texts alone, without the model's attributes or those that ship; "
        "attributes in --labels stay",
    ),
    cloup.option(
        "--prompts",
        metavar="NAME|FILE|SENTENCE",
        show_default="the checkpoint's own",
        help="Put labels into these sentences and average: " + ", ".join(PROMPT_SETS) + ", a file "
        "of one sentence a line, or a sentence with {}",
    ),
    cloup.option(
        "--prompt-mean",
        type=click.Choice(get_args(PromptMean)),
        default="embeddings",
        show_default=True,
        help="Average a label's embeddings over a checkpoint's prompts, as a bank does, or the "
        "softmaxes under each prompt, as ActionCLIP's own test does",
    ),
)
@cloup.option_group(
    "Views",
    cloup.option(
        "--view",
        type=click.Choice(list(VIEWS)),
        default="stzsar",
        show_default=True,
        help="Look at clips as a family's own test does, for its published figures; "
        + "; ".join(f"{name}: {view.what}" for name, view in VIEWS.items()),
    ),
    cloup.option(
        "--clips",
        metavar="N",
        type=_COUNT,
        default=1,
        show_default=True,
        help="Average the scores of N clips in time",
    ),
    cloup.option(
        "--crops",
        type=click.Choice(["1", "3"]),
        default="1",
        show_default=True,
        help="Average the scores of the centre crop alone, or of the first, centre and last crop "
        "along the longer side",
    ),
)
@cloup.option_group(
    "Report",
    cloup.option(
        "--json",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write all figures and each clip's prediction as JSON",
    ),
    cloup.option(
        "--plot",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Draw the confusion matrix as .png, .pdf or .svg (needs matplotlib)",
    ),
    cloup.option(
        "--beside",
        metavar="FAMILY",
        help="Print the published figures of a family that stzsar-import knows beside ours",
    ),
    cloup.option("--per-class", is_flag=True, help="Print each class's accuracy, worst first"),
)
@cloup.option_group(
    "Machine",
    cloup.option(
        "--device",
        metavar="NAME",
        show_default="auto",
        help="Run a checkpoint on cpu, cuda, cuda:1, …",
    ),
    cloup.option(
        "--engine",
        type=click.Choice(ENGINES),
        show_default="auto",
        help="Run a bundle in an engine",
    ),
    cloup.option(
        "--threads",
        metavar="N",
        type=_COUNT,
        show_default="all CPUs",
        help="Run a bundle with N CPU threads",
    ),
    cloup.option(
        "--readers",
        metavar="N",
        type=_COUNT,
        default=2,
        show_default=True,
        help="Decode clips ahead in N threads",
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(*, crops: str, no_attributes: bool, per_class: bool, **options: Any) -> None:
    """Test a checkpoint or a bundle: top-1, top-5 and confusions.

    Frame voting is reported beside the head: the softmax of each frame's embedding against the
    classes, averaged over the frames. BIKE's published zero-shot figures use it.
    """
    chosen = EvalOptions(crops=int(crops), attributes=not no_attributes, **options)

    from .evaluate import evaluate
    from .tables import tables_beside, tables_of

    result = evaluate(chosen)
    output = Output()
    shown = tables_of(result.report, per_class=per_class)
    for table in (*shown, *tables_beside(chosen, result.report)):
        output.print(table)
    for sentence in result.remarks():
        say(sentence)


if __name__ == "__main__":
    main(prog_name="stzsar-eval")
