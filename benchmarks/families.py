"""python -m stzsar.benchmarks.families: what a frame costs in the forms of other people's networks.

Weights are random: no time depends on them. They stand under a family's own names and go the way of
a file: import, export with parity in fp32, engine. Each label has eight attributes.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import Bundle
from ..runtime.labels.shipped import shipped_labels
from ..runtime.terminal.progress import bar
from .command import benchmark, rounds_option, threads_option
from .decision_time import Step, TimedBundle
from .tables import markdown
from .timing import in_turn, machine

if TYPE_CHECKING:
    from torch import Tensor

    from ..train.foreign.family import ForeignFile

# What precedes the names of the frame encoder and of the text encoder.
NAMES = {
    "openai": ("visual.", ""),
    "vifi-clip": ("image_encoder.", "text_encoder."),
    "maxi": ("image_encoder.", "text_encoder."),
    "ost": ("image_encoder.", "text_encoder."),
}
_SMALLEST = "smallest"
# Side of the frame and of a patch; width and layers of the frame encoder, of the text encoder; D.
_SIZES = {"ViT-B/16": (224, 16, 768, 12, 512, 12, 512), _SMALLEST: (32, 16, 64, 1, 64, 1, 32)}


@dataclass(frozen=True, kw_only=True)
class Options:
    families: tuple[str, ...] = tuple(NAMES)
    rounds: int = 10
    threads: int = 2
    network: str = "ViT-B/16"


QUICK = Options(families=("vifi-clip",), rounds=2, network=_SMALLEST)


@benchmark(usual=Options(), quick=QUICK)
@cloup.option(
    "--family", "families", multiple=True, metavar="NAME", show_default="all",
    type=click.Choice(tuple(NAMES)), help="Measure this family (repeatable).",
)  # fmt: skip
@rounds_option(Options.rounds, QUICK.rounds)
@threads_option()
def main(options: Options) -> None:
    """Import, export and time each family's form, and print a Markdown table."""
    rows = measure(options)
    heads = ["family", "frames", "frame graph, ms", "window graph, ms", "streamed, ms a decision"]
    click.echo(markdown([*heads, "whole window, ms a decision", "times"], rows))
    click.echo(
        f"\n{options.network}, 101 labels; {machine()}; ONNX Runtime, fp32, {options.threads} "
        "threads, median"
    )


def measure(options: Options) -> list[list[str]]:
    """Return a row for each family."""
    with tempfile.TemporaryDirectory() as folder, bar() as progress:
        task = progress.add_task("", total=len(options.families) * (1 + options.rounds))
        steps, wholes, frames = [], [], []
        for name in options.families:
            progress.update(task, description=f"exporting {name}")
            bundle = export_family(name, options.network, Path(folder) / name)
            loaded = TimedBundle.load(bundle, threads=options.threads)
            frames.append(bundle.manifest.sampling.frames)
            steps.append(Step(loaded, bundle.bank, frames=frames[-1]))
            wholes.append(_whole_window(steps[-1], frames[-1]))
            progress.advance(task)
        progress.update(task, description="timing")
        in_turn([*steps, *wholes], 1)
        taken = in_turn(
            [*(_both(*pair) for pair in zip(steps, wholes, strict=True))],
            options.rounds,
            after_each=lambda: progress.advance(task),
        )
    medians = np.median(np.asarray(taken), axis=0)  # [families, frame, window, streamed, whole]
    return [
        [name, str(count), *(f"{value:.1f}" for value in row), f"{row[3] / row[2]:.1f}"]
        for name, count, row in zip(options.families, frames, medians, strict=True)
    ]


def _both(step: Step, whole: Callable[[], float]) -> Callable[[], list[float]]:
    def run() -> list[float]:
        frame, window, python = step().tolist()
        return [frame, window, frame + window + python, whole()]

    return run


def _whole_window(step: Step, frames: int) -> Callable[[], float]:
    """Return what encodes a window whole and scores it; its milliseconds."""

    def run() -> float:
        start_s = time.perf_counter()
        step.encode_window(frames)
        return 1000 * (time.perf_counter() - start_s)

    return run


def export_family(name: str, network: str, folder: Path) -> Bundle:
    """Write the fp32 bundle of a family's form, compared with torch."""
    from ..export.write_bundle import BundleRequest, write_bundle
    from ..runtime.bundle.manifest import WeightsOrigin
    from ..train.foreign.families import family_called
    from ..train.foreign.family import Choices, Keys
    from ..train.foreign.run import build_network

    file = _foreign(name, network)
    reading = family_called(name).read(Keys(file), Choices())
    write_bundle(
        BundleRequest(
            network=build_network(reading, file),
            labels=shipped_labels("ucf-101"),
            sampling=reading.sampling,
            origin=WeightsOrigin(source=f"{name}, random weights", knows="nothing"),
            precision="fp32",
            text_encoder=False,
        ),
        folder,
    )
    return Bundle.open(folder)


def _foreign(name: str, network: str) -> "ForeignFile":
    """Return random weights under a family's own names."""
    import torch

    from ..models.config import HeadConfig, ModelConfig, TextConfig, VisionConfig
    from ..models.stzsar import STZSAR
    from ..train.foreign.family import ForeignFile

    image, patch, width, layers, words, text_layers, dim = _SIZES[network]
    vision = VisionConfig(
        image_px=image, patch_px=patch, width=width, layers=layers, heads=width // 64,
        mlp_width=4 * width,
    )  # fmt: skip
    text = TextConfig(
        context_length=77, vocab_size=49408, width=words, layers=text_layers, heads=words // 64,
        mlp_width=4 * words,
    )  # fmt: skip
    torch.manual_seed(0)
    head = HeadConfig(interaction="mean")
    ours = STZSAR(ModelConfig(name=name, dim=dim, vision=vision, text=text, head=head))
    visual, texts = NAMES[name]
    tensors: dict[str, Tensor] = {}
    for key, value in ours.state_dict().items():
        tower, _, rest = key.partition(".")
        prefix = {"visual": visual, "text": texts, "head": ""}[tower]
        tensors[f"{prefix}{rest}"] = value
    return ForeignFile(Path(f"{name}.pt"), "torch", tensors)


if __name__ == "__main__":
    main()
