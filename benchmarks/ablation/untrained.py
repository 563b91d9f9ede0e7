"""python -m stzsar.benchmarks.ablation.untrained: what each head is worth before it is trained.

The encoder of the ablation stands in for CLIP: it learned frames and the names of classes, and no
head. Each head is put on it as it is, so the rows differ in arithmetic alone. The encoders of an
ablation that is there already are taken; others are trained.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import click
import cloup
import safetensors.torch
import torch

from ...models.config import HeadConfig
from ...models.interaction import Bank, described
from ...models.label_texts import embed_labels, to_tensors
from ...models.stzsar import STZSAR
from ...runtime.labels.labels import Label
from ..tools.command import benchmark, count_option
from ..tools.tables import markdown
from .encoder import EncodedClips, Seen, network_config, train_encoder
from .exams import EXAMS, Exam
from .jobs import ENCODER
from .variants import Variant

_BATCH = 64
_ATTRIBUTES = 8


@dataclass(frozen=True, kw_only=True)
class Options:
    seeds: int = 3  # encoders
    encoder_steps: int = 1500  # steps of each
    tested: int = 960  # clips of each test
    ablation: Path = Path("runs/ablation")  # whose encoders are taken, if it has them


@dataclass(frozen=True)
class Row:
    """A head without training: its name, its switches, β, and the words of a class's embedding."""

    name: str
    head: HeadConfig
    beta: float | None = None
    classes: Callable[[Bank], Bank] = lambda bank: bank

    def network(self, shared: STZSAR) -> STZSAR:
        """Return the shared network with this head."""
        head = replace(self.head, temperature=shared.config.head.temperature)
        network = STZSAR(replace(shared.config, head=head))
        network.load_state_dict(shared.state_dict(), strict=False)
        network.visual = Seen()  # type: ignore[assignment]  # the clips are encoded
        if self.beta is not None:
            torch.nn.init.constant_(network.head.beta, self.beta)
        return network.eval()


_RESIDUAL = HeadConfig(interaction="residual")
ROWS = (
    Row("`mean`, no attributes", HeadConfig(interaction="mean")),
    Row("`mean`, `pooling` `raw`", HeadConfig(interaction="mean", pooling="raw")),
    Row("`mean`, attributes in ê", HeadConfig(interaction="mean"), classes=described),
    Row("`off`, which is `residual` with β = 0", HeadConfig(interaction="off")),
    Row("`residual`, β = 1", _RESIDUAL, beta=1.0),
    Row("`residual`, β = 5", _RESIDUAL, beta=5.0),
    Row("`off`, `guided`", HeadConfig(interaction="off", frame_weights="guided")),
    Row(
        "`residual`, `guided`, β = 1",
        HeadConfig(interaction="residual", frame_weights="guided"),
        beta=1.0,
    ),
    Row("`product`", HeadConfig(interaction="product")),
    Row("`product`, attributes in ê", HeadConfig(interaction="product"), classes=described),
)


@benchmark(
    usual=Options(),
    quick=Options(seeds=1, encoder_steps=2, tested=24, ablation=Path("nowhere")),
)
@count_option("--seeds", 3, "Take N encoders.")
@cloup.option(
    "--ablation",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    show_default="runs/ablation",
    help="Take the encoders of this ablation where they are.",
)
def main(options: Options) -> None:
    """Compare heads that were not trained."""
    click.echo(table(list(measure(options))))
    click.echo(
        f"\nTop-1 in per cent over {options.seeds} encoders of {options.encoder_steps} steps, "
        f"{options.tested} clips in each test, {_ATTRIBUTES} attributes a class."
    )


@torch.no_grad()
def measure(options: Options) -> Iterator[dict[tuple[str, str], float]]:
    """Yield the top-1, 0 to 1, of each row and test with one encoder after the other."""
    for seed in range(options.seeds):
        shared = _encoder(options, seed).eval()
        found = {}
        for exam in EXAMS:
            seen = EncodedClips.of(exam.clips(), options.tested, shared.visual)
            bank = to_tensors(embed_labels(shared, _labels(exam)), "cpu")
            for row in ROWS:
                network, known = row.network(shared), row.classes(bank)
                best = [network(tokens, known).argmax(1) for tokens in seen.tokens.split(_BATCH)]
                hits = torch.cat(best) == seen.classes
                found[row.name, exam.name] = hits.double().mean().item()
        yield found


def _encoder(options: Options, seed: int) -> STZSAR:
    there = options.ablation / f"seed-{seed}" / ENCODER
    if not there.exists():
        with torch.enable_grad():
            return train_encoder(steps=options.encoder_steps, batch=48, seed=seed)
    network = STZSAR(network_config())
    network.load_state_dict(safetensors.torch.load_file(there))
    return network


def _labels(exam: Exam) -> list[Label]:
    variant = Variant("product", _ATTRIBUTES)
    return [variant.label(action, exam.setting) for action in exam.actions]


def table(runs: list[dict[tuple[str, str], float]]) -> str:
    names = [exam.name for exam in EXAMS]
    rows = [
        [row.name, *(_spread([100 * run[row.name, exam] for run in runs]) for exam in names)]
        for row in ROWS
    ]
    return markdown(["head, untrained", *names], rows)


def _spread(values: list[float]) -> str:
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
