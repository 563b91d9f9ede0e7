"""Parity: the written graphs against the network that they were made from.

Both see the same frames and the same bank. 32 frames are encoded once, and 64 windows are drawn
from them, so that the check costs seconds and not minutes on a CPU.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from ..models.label_texts import LabelTexts, to_tensors
from ..models.stzsar import STZSAR
from ..runtime.bundle import FRAME_GRAPH, TEXT_GRAPH, WINDOW_GRAPH
from ..runtime.engine import Array, open_graph
from ..runtime.errors import ParityError
from ..runtime.labels import LabelBank

FRAMES = 32
WINDOWS = 64
_BATCH = 8
_MAX_TEXTS = 64
# fp32 differs by rounding; fp16 by its 11 bits, through a dozen layers.
RELATIVE_BOUND = {"fp32": 1e-4, "fp16": 5e-2}
COSINE_BOUND = 0.999
# Two labels whose similarities differ by less than this are a tie, which either may win.
TIE = {"fp32": 1e-6, "fp16": 1e-3}


@dataclass(frozen=True)
class Difference:
    """How far one output is from torch's.

    Attributes:
        relative: largest absolute difference, over the largest absolute value.
        cosine: the smallest of all rows.
    """

    relative: float
    cosine: float

    @classmethod
    def between(cls, ours: Array, torchs: Array) -> "Difference":
        """Compare two arrays of one shape, row by row of the last axis."""
        a, b = (np.asarray(x, np.float64).reshape(-1, x.shape[-1]) for x in (ours, torchs))
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines = (a * b).sum(1) / np.maximum(norms, 1e-12)
        return cls(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-12)), float(cosines.min()))


@dataclass(frozen=True)
class ParityReport:
    """The comparison of one bundle.

    Attributes:
        precision: of the bundle.
        differences: by graph and output.
        top1_agreement: share of windows with the same best label, ties counting as the same.
        windows: how many were compared.
    """

    precision: str
    differences: dict[str, Difference]
    top1_agreement: float
    windows: int

    def save(self, path: Path) -> None:
        """Write the report as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n", encoding="utf-8")

    def table(self) -> Table:
        """Return the report for people."""
        table = Table("output", "largest difference", "smallest cosine", title="Parity with torch")
        for name, found in self.differences.items():
            table.add_row(name, f"{found.relative:.1e}", f"{found.cosine:.6f}")
        table.add_row("same best label", f"{self.top1_agreement:.1%} of {self.windows}", "")
        return table

    def check(self) -> None:
        """Raise ParityError if anything is out of bounds."""
        bound = RELATIVE_BOUND[self.precision]
        for name, found in self.differences.items():
            # A comparison with NaN is false, so each is written to fail on it.
            if not (found.relative <= bound and found.cosine >= COSINE_BOUND):
                raise ParityError(
                    f"{name} of the exported graph is not what the network gives (relative "
                    f"difference {found.relative:.1e}, at most {bound:.0e}; cosine "
                    f"{found.cosine:.5f}, at least {COSINE_BOUND}): no bundle was written"
                    f"{', try it without --fp16' if self.precision == 'fp16' else ''}."
                )
        if self.top1_agreement < 1:
            raise ParityError(
                f"{1 - self.top1_agreement:.1%} of {self.windows} windows get another best label "
                "from the exported graphs than from the network: no bundle was written."
            )


@torch.no_grad()
def compare(
    folder: Path,
    network: STZSAR,
    bank: LabelBank,
    *,
    precision: str,
    window_frames: int,
    images_bhwc: Array | None = None,
) -> ParityReport:
    """Compare the graphs in `folder` with `network` on the CPU.

    Args:
        folder: where the graphs are.
        network: the fp32 network on the CPU.
        bank: labels; the first 64 are enough to compare with.
        precision: of the graphs.
        window_frames: T.
        images_bhwc: uint8 [B, S, S, 3], the frames to look at; drawn if None.
    """
    network.eval()
    bank = bank.select(range(min(_MAX_TEXTS, len(bank.labels))))
    size = network.config.vision.image_px
    images = draw_images(FRAMES, size) if images_bhwc is None else images_bhwc
    ours, torchs = _frame_states(folder, network, bank, images)
    differences = {f"frame.{name}": Difference.between(ours[name], torchs[name]) for name in torchs}
    choice = np.random.default_rng(1).integers(len(images), size=(WINDOWS, window_frames))
    state = {name: torch.from_numpy(value[choice]) for name, value in torchs.items()}
    expected = network.score_window(state, to_tensors(bank))
    graph = open_graph(folder / WINDOW_GRAPH)
    found = graph({name: value[choice] for name, value in ours.items()} | bank.arrays())
    differences["window.logits"] = Difference.between(found["logits"], expected.logits.numpy())
    differences["window.saliency"] = Difference.between(
        found["saliency"], expected.saliency.numpy()
    )
    if (folder / TEXT_GRAPH).exists():
        texts = LabelTexts(bank.labels, network.config, network.tokenizer_json)
        tokens = texts.tokens[:_MAX_TEXTS]
        embedded = open_graph(folder / TEXT_GRAPH)({"tokens": tokens.numpy()})["embeddings"]
        differences["text"] = Difference.between(embedded, network.encode_text(tokens).numpy())
    similarities = (expected.logits / expected.scale).numpy()
    agreement = top1_agreement(found["logits"], similarities, tie=TIE[precision])
    return ParityReport(precision, differences, agreement, WINDOWS)


def top1_agreement(ours: Array, torchs: Array, *, tie: float) -> float:
    """Return the share of rows whose best column is torch's best, or within `tie` of it.

    Args:
        ours: logits [N, C], in any scale.
        torchs: similarities [N, C].
        tie: similarities closer than this are as good as each other.
    """
    chosen = np.take_along_axis(torchs, ours.argmax(1)[:, None], 1)[:, 0]
    return float((torchs.max(1) - chosen <= tie).mean())


def draw_images(count: int, size_px: int) -> Array:
    """Draw smooth random colour fields with noise, uint8 [count, S, S, 3]: no two are alike."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 5, 5, generator=generator)
    fields = torch.nn.functional.interpolate(coarse, size_px, mode="bicubic")
    fields += 0.1 * torch.randn(fields.shape, generator=generator)
    return (fields.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def _frame_states(
    folder: Path, network: STZSAR, bank: LabelBank, images: Array
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the states of `images` from the graph and from torch."""
    graph = open_graph(folder / FRAME_GRAPH)
    ours: list[dict[str, Array]] = []
    torchs: list[dict[str, Array]] = []
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH]
        ours.append(graph({"frames": part} | bank.arrays()))
        state = network.encode_frames(torch.from_numpy(part), to_tensors(bank))
        torchs.append({name: value.numpy() for name, value in state.items()})
    names = network.state_names
    return (
        {name: np.concatenate([part[name] for part in ours]) for name in names},
        {name: np.concatenate([part[name] for part in torchs]) for name in names},
    )
