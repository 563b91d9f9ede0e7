"""The command: four heads × four numbers of attributes, trained anew for each seed.

All rows have one budget. They are tested on classes seen in training and on unseen ones, in the
plain and in the hard setting of MovingShapes.
"""

from pathlib import Path

import click
import cloup

from ...runtime.terminal.progress import bar
from ..command import benchmark, count_option, plot_option
from ..timing import machine
from .options import Options
from .run import run
from .table import attention, differences, draw, table
from .variants import VARIANTS

QUICK = Options(seeds=2, encoder_steps=1, clips=48, steps=1, batch=8, tested=24)


@benchmark(usual=Options(), quick=QUICK)
@count_option("--seeds", Options.seeds, "Train everything N times.")
@count_option("--steps", Options.steps, "Train each row for N steps.")
@cloup.option(
    "--row", "rows", multiple=True, metavar="HEAD-N", show_default="all",
    type=click.Choice([str(variant) for variant in VARIANTS]),
    help="Train this row only (repeatable): mean-0, product-8, …",
)  # fmt: skip
@cloup.option(
    "--end-to-end", is_flag=True,
    help="Let each row train the frame encoder too, which takes five times as long.",
)  # fmt: skip
@cloup.option(
    "--output", metavar="FOLDER", type=click.Path(path_type=Path),
    show_default=str(Options.output), help="Keep finished rows here; the same command resumes.",
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
        )
    click.echo(f"{table(rows)}\n\n{differences(rows)}\n\n{attention(rows)}")
    click.echo(f"\n{options.in_words()} {machine()}.")
    if options.plot:
        draw(rows, options.plot)
