"""The command: heads × numbers of attributes and switches, trained anew for each seed.

All rows have one budget. They are tested on classes seen in training and on unseen ones, in each
setting of MovingShapes.
"""

from collections.abc import Sequence
from pathlib import Path

import click
import cloup

from ...runtime.atomic import write_file
from ...runtime.terminal.progress import bar
from ..tools.command import benchmark, count_option, plot_option
from ..tools.timing import machine
from .options import Options
from .picture import draw
from .run import run
from .table import attention, differences, table
from .variants import VARIANTS, TrainedRow

QUICK = Options(seeds=2, encoder_steps=1, clips=48, steps=1, batch=8, tested=24)


@benchmark(usual=Options(), quick=QUICK)
@count_option("--seeds", Options.seeds, "Train everything N times.")
@count_option("--steps", Options.steps, "Train each row for N steps.")
@cloup.option(
    "--row", "rows", multiple=True, metavar="HEAD-N", show_default="all",
    type=click.Choice([str(variant) for variant in VARIANTS]),
    help="Train this row only (repeatable): mean-0, product-8, product-8-value, guided-8-still, …",
)  # fmt: skip
@cloup.option(
    "--setting", type=click.Choice(["mixed", "all"]), show_default=Options.setting,
    help="Train on half plain and half hard clips, or on as many untrimmed ones too.",
)  # fmt: skip
@cloup.option(
    "--end-to-end", is_flag=True,
    help="Let each row train the frame encoder too, which takes five times as long.",
)  # fmt: skip
@cloup.option(
    "--output", metavar="FOLDER", type=click.Path(path_type=Path),
    show_default=str(Options.output),
    help="Keep finished rows here, with their tables in tables.md; the same command resumes.",
)  # fmt: skip
@plot_option
def main(options: Options) -> None:
    """Train all rows, and print Markdown tables: mean and deviation over the seeds."""
    with bar() as progress:
        task = progress.add_task("encoders", total=None)
        rows = run(
            options,
            lambda what, done, total: progress.update(
                task, description=what, completed=done, total=total
            ),
            lambda rows: write_file(options.output / "tables.md", _tables(rows, options)),
        )
    click.echo(_tables(rows, options), nl=False)
    if options.plot:
        draw(rows, options.plot)


def _tables(rows: Sequence[TrainedRow], options: Options) -> str:
    parts = (table(rows), differences(rows), attention(rows))
    return "\n\n".join((*parts, f"{options.in_words()} {machine()}.\n"))
