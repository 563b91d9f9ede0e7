"""python -m stzsar.benchmarks.ablation: what each part of the method is worth on MovingShapes.

Four heads by four numbers of attributes, each trained anew for three seeds with one budget, on
classes that training showed and on those that it did not, in the plain and the hard setting.
"""

import dataclasses
from pathlib import Path

import click
import cloup

from ...runtime.terminal.commandline import at_the_edge, say
from ...runtime.terminal.outputs import check_writable
from ..bench.plot import check_plot
from ..timing import machine, plot_option, progress_bar, quick_option
from .budget import QUICK, Budget
from .picture import draw
from .run import Folder, run
from .table import differences, looks, table
from .variants import VARIANTS

_USUAL = Budget()


@cloup.command()
@cloup.option(
    "--seeds",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"How often everything is trained (default: {_USUAL.seeds}; {QUICK.seeds} with --quick).",
)
@cloup.option(
    "--steps",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Steps of each row (default: {_USUAL.steps}).",
)
@cloup.option(
    "--row",
    "rows",
    multiple=True,
    metavar="HEAD-N",
    type=click.Choice([str(variant) for variant in VARIANTS]),
    help="This row alone, as often as wanted: mean-0, product-8, … (default: all).",
)
@cloup.option(
    "--end-to-end",
    is_flag=True,
    help="Let each row train the frame encoder too, which takes five times as long.",
)
@cloup.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    default=Path("runs/ablation"),
    show_default=True,
    help="What is done is kept here, and the same command goes on with it.",
)
@plot_option
@quick_option
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(
    *,
    seeds: int | None,
    steps: int | None,
    rows: tuple[str, ...],
    end_to_end: bool,
    output: Path,
    plot: Path | None,
    quick: bool,
) -> None:
    """Train all rows, and print Markdown tables: mean and deviation over the seeds."""
    if plot:
        check_plot(plot)
        check_writable(plot)
    budget = dataclasses.replace(QUICK if quick else Budget(), end_to_end=end_to_end)
    budget = dataclasses.replace(budget, seeds=seeds or budget.seeds, steps=steps or budget.steps)
    variants = [variant for variant in VARIANTS if not rows or str(variant) in rows]
    folder = Folder(output, budget)
    with progress_bar() as bar:
        task = bar.add_task("encoders", total=budget.seeds * (1 + len(variants)))

        def advance(what: str) -> None:
            bar.update(task, description=what, advance=1)

        results = run(folder, budget, variants, advance)
    click.echo(table(results))
    click.echo(f"\n{differences(results)}\n\n{looks(results)}")
    click.echo(f"\n{_budget_in_words(budget)} {machine()}.")
    if plot:
        draw(results, plot)
        say(f"The picture is {plot}.")


def _budget_in_words(budget: Budget) -> str:
    clips = f"of {budget.clips:,} clips, half of them hard"
    if budget.end_to_end:
        clips = "of clips drawn anew, half of them hard, which train the encoder too"
    return (
        f"{budget.seeds} seeds, each with an encoder of its own ({budget.encoder_steps} steps); "
        f"rows of {budget.steps} steps of {budget.batch} {clips}; {budget.tested} clips in each "
        "test."
    )
