"""python -m stzsar.benchmarks.family_cost: what a new frame costs for networks of each family.

The operations of matrix products and convolutions are counted on shapes alone, so no weights and no
quiet machine are needed. A stream encodes each frame once and scores a window; the families' own
code encodes all frames of each window.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import click
import torch
from torch.utils.flop_counter import FlopCounterMode

from ..export.graphs import example_bank
from ..models.config import (
    HeadConfig,
    ModelConfig,
    TemporalConfig,
    TextConfig,
    VisionConfig,
    bike_temporal,
)
from ..models.interaction import Bank
from ..models.stzsar import STZSAR
from .tools.command import benchmark, count_option
from .tools.tables import markdown, number

_RAW = HeadConfig(interaction="mean", pooling="raw")


@dataclass(frozen=True, kw_only=True)
class Options:
    labels: int = 101


@dataclass(frozen=True)
class Form:
    """A family's network: its name, the width of its ViT, and what is not CLIP."""

    name: str
    vit: str
    frames: int
    head: HeadConfig
    temporal: TemporalConfig | None = None
    words: int = 1  # attributes of a label

    def config(self) -> ModelConfig:
        width, layers, patch_px, dim = _VITS[self.vit]
        return ModelConfig(
            name=self.name,
            dim=dim,
            vision=VisionConfig(
                image_px=224, patch_px=patch_px, width=width, layers=layers, heads=width // 64,
                mlp_width=4 * width, activation="quick_gelu",
            ),
            # It runs when labels change, not for frames.
            text=TextConfig(
                context_length=77, vocab_size=8, width=64, layers=1, heads=1, mlp_width=64
            ),
            head=self.head,
            temporal=self.temporal,
        )  # fmt: skip


# Width, layers, side of a patch, and joint width.
_VITS = {"ViT-B/16": (768, 12, 16, 512), "ViT-L/14": (1024, 24, 14, 768)}
FORMS = (
    Form("ViFi-CLIP", "ViT-B/16", 32, _RAW),
    Form("MAXI", "ViT-B/16", 16, _RAW),
    Form("OST", "ViT-B/16", 32, HeadConfig(interaction="transport"), words=8),
    Form("ActionCLIP", "ViT-B/16", 32, _RAW, bike_temporal(512)),
    Form("BIKE", "ViT-B/16", 8, HeadConfig(interaction="off"), bike_temporal(512)),
    Form("BIKE", "ViT-L/14", 8, HeadConfig(interaction="off"), bike_temporal(768)),
    Form("Text4Vis", "ViT-L/14", 8, _RAW, bike_temporal(768)),
    Form("MoTE", "ViT-L/14", 8, _RAW, bike_temporal(768, gate_classes=400)),
)


@benchmark(usual=Options(), quick=Options(labels=5))
@count_option("--labels", 101, "Score N labels.")
def main(options: Options) -> None:
    """Count what a new frame costs in a stream, and in whole windows."""
    columns = ["family", "backbone", "frames", "a frame", "a window", "stream", "whole", "ratio"]
    click.echo(markdown(columns, list(rows(options))))
    click.echo(f"\nGFLOP for a new frame, {options.labels} labels of one word; of 8 for OST.")


def rows(options: Options) -> Iterator[list[str]]:
    for form in FORMS:
        frame, window = flops(form, options.labels)
        stream, whole = frame + window, form.frames * frame + window
        figures = [number(value / 1e9) for value in (frame, window, stream, whole)]
        yield [form.name, form.vit, str(form.frames), *figures, number(whole / stream)]


@torch.no_grad()
def flops(form: Form, labels: int) -> tuple[int, int]:
    """Return the operations of the frame graph and of the window graph."""
    with torch.device("meta"):
        network = STZSAR(form.config()).eval()
    bank = Bank(*(value.to("meta") for value in example_bank(network, labels, form.words)))
    with FlopCounterMode(display=False) as frame:
        state = network.encode_frames(
            torch.empty(1, 224, 224, 3, dtype=torch.uint8, device="meta"), bank
        )
    over_time = {
        name: value[:, None].expand(-1, form.frames, *value.shape[1:])
        for name, value in state.items()
    }
    with FlopCounterMode(display=False) as window:
        network.score_window(over_time, bank)
    return frame.get_total_flops(), window.get_total_flops()


if __name__ == "__main__":
    main()
