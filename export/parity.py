"""Parity: compares exported graphs with the network they were traced from.

Both see the same frames and the same bank. Each graph is compared alone, on torch's own inputs, and
all graphs end to end, from pixels to scores, so that errors add up as on a device. Frames are
encoded once and 64 windows drawn from them: the check takes seconds on a CPU.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from ..models.label_texts import LabelTexts, to_tensors
from ..models.stzsar import STZSAR
from ..runtime.bundle.bundle import FRAME_GRAPH, STATE_GRAPH, TEXT_GRAPH, WINDOW_GRAPH
from ..runtime.engines.graph import Array, Graph
from ..runtime.engines.opening import open_graph
from ..runtime.errors import ParityError
from ..runtime.labels.bank import LabelBank

FRAMES = 32
WINDOWS = 64
END_TO_END = "end to end"
_BATCH = 8
MAX_LABELS = 64


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much a bundle of one precision may differ."""

    relative: float  # maximum relative difference of any output but the scores
    cosine: float  # minimum cosine of any output but the scores
    scores: float  # maximum difference of a score in 0..1; its cosine says little
    top1: float  # minimum share of windows with the same best label
    tie: float  # labels whose similarities differ by less may swap


# fp32 differs by rounding, fp16 by its 11 bits through a dozen layers. int8 is judged by labels and
# scores; its other bounds only separate noise from a network that does not fit. Measured on
# held-out frames: trained small networks have cosines above 0.9994; an untrained ViT-B/32, to which
# all labels are about equally near, has 0.977 to 0.991, depending on the clips.
BOUNDS = {
    "fp32": Bounds(relative=1e-4, cosine=0.999, scores=1e-3, top1=1.0, tie=1e-6),
    "fp16": Bounds(relative=5e-2, cosine=0.999, scores=5e-2, top1=1.0, tie=1e-3),
    "int8": Bounds(relative=0.1, cosine=0.98, scores=0.1, top1=0.95, tie=1e-3),
}
# TensorRT multiplies fp32 as TF32, with the 11 bits of fp16, and fuses int8 in its own way.
_ENGINE_BOUNDS = {"fp32": BOUNDS["fp16"], "fp16": BOUNDS["fp16"], "int8": BOUNDS["int8"]}
_REMEDIES = {
    "fp32": "",
    "fp16": " Try it without --fp16.",
    "int8": " Calibrate on more and other videos, or use --fp16.",
}


@dataclass(frozen=True)
class Difference:
    """The difference of one output from its reference."""

    absolute: float  # largest absolute difference
    relative: float  # the same, divided by the largest absolute value
    cosine: float  # smallest cosine of all rows

    @classmethod
    def between(cls, actual: Array, expected: Array) -> "Difference":
        """Compare two arrays of one shape, row by row of the last axis."""
        a, b = (np.asarray(x, np.float64).reshape(-1, x.shape[-1]) for x in (actual, expected))
        if a.shape[1] == 1:  # a single number has no direction, a column of them has
            a, b = a.T, b.T
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines = (a * b).sum(1) / np.maximum(norms, 1e-12)
        largest = float(np.abs(a - b).max())
        return cls(largest, float(largest / max(np.abs(b).max(), 1e-12)), float(cosines.min()))


@dataclass(frozen=True)
class ParityReport:
    precision: str  # the bundle's precision
    differences: dict[str, Difference]  # by graph and output: "window.logits", "end to end.scores"
    top1_agreement: dict[str, float]  # share of windows with the same best label or a tie
    windows: int  # number of windows
    pictures: str  # what the frames show
    of_engines: bool = False  # whether engines were compared with ONNX Runtime

    def save(self, path: Path) -> None:
        document = asdict(self)
        del document["of_engines"]
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def table(self) -> Table:
        reference = "ONNX Runtime" if self.of_engines else "torch"
        table = Table(
            "output",
            "largest difference",
            "relative",
            "smallest cosine",
            title=f"Parity with {reference}, {self.windows} windows of {self.pictures}",
        )
        graph = ""
        for name, each in self.differences.items():
            if name.split(".")[0] != graph:
                graph = name.split(".")[0]
                table.add_section()
            table.add_row(
                name, f"{each.absolute:.1e}", f"{each.relative:.1e}", f"{each.cosine:.6f}"
            )
        table.add_section()
        for graph, share in self.top1_agreement.items():
            table.add_row(f"{graph}: same label", f"{share:.1%}")
        return table

    def check(self) -> None:
        """Raise ParityError if anything is out of bounds."""
        for name, difference in self.differences.items():
            self._check_difference(name, difference, self._bounds(name))
        for graph, share in self.top1_agreement.items():
            minimum = self._bounds(graph).top1
            if not share >= minimum:
                actual, reference = self._sides()
                raise ParityError(
                    f"{graph}: in {1 - share:.1%} of {self.windows} windows {actual} and "
                    f"{reference} have another best label; at most {1 - minimum:.0%} may differ. "
                    f"{self._consequence()}"
                )

    def _check_difference(self, name: str, difference: Difference, bounds: Bounds) -> None:
        # Comparisons with NaN are false, so each must fail on false.
        if name.endswith(".scores"):
            inside = difference.absolute <= bounds.scores
            numbers = f"difference {difference.absolute:.1e}, at most {bounds.scores:g}"
        else:
            inside = difference.relative <= bounds.relative and difference.cosine >= bounds.cosine
            numbers = (
                f"relative difference {difference.relative:.1e}, at most {bounds.relative:g}; "
                f"cosine {difference.cosine:.5f}, at least {bounds.cosine}"
            )
        if not inside:
            actual, reference = self._sides()
            raise ParityError(
                f"{name}: {actual} and {reference} differ too much ({numbers}). "
                f"{self._consequence()}"
            )

    def _sides(self) -> tuple[str, str]:
        if self.of_engines:
            return "TensorRT's engines", "ONNX Runtime"
        return "the exported graphs", "torch"

    def _consequence(self) -> str:
        if self.of_engines:
            return "The engines were removed. Run the bundle with --engine onnxruntime."
        return f"No bundle was written.{_REMEDIES[self.precision]}"

    def _bounds(self, name: str) -> Bounds:
        if self.of_engines:
            return _ENGINE_BOUNDS[self.precision]
        # The state graph is always fp32, and int8 quantizes the frame graph only.
        exact = name.startswith("state")
        exact |= self.precision == "int8" and name.startswith(("window", "text"))
        return BOUNDS["fp32" if exact else self.precision]


@torch.no_grad()
def compare(
    folder: Path,
    network: STZSAR,
    bank: LabelBank,
    *,
    precision: str,
    window_frames: int,
    images_bhwc: Array | None = None,
    pictures: str = "drawn pictures",
) -> ParityReport:
    """Compare the graphs in `folder` with the fp32 `network` on the CPU, on the first 64 labels.

    `images_bhwc` are uint8 BGR frames [B, S, S, 3] in order, None draws some; `pictures` says in
    the report what they show.
    """
    network.eval()
    bank = bank.select(range(min(MAX_LABELS, len(bank.labels))))
    size = network.config.vision.image_px
    images = draw_images(FRAMES, size) if images_bhwc is None else images_bhwc
    actual, expected = _encode(_open(folder, FRAME_GRAPH), network, bank, images)
    differences = {
        f"frame.{name}": Difference.between(actual[name], expected[name]) for name in expected
    }
    if network.head.label_states:
        states = _open(folder, STATE_GRAPH)({**expected, **bank.arrays()})
        for name in network.head.label_states:
            differences[f"state.{name}"] = Difference.between(states[name], expected[name])
    choice = choose_windows(len(images), window_frames, in_order=images_bhwc is not None)
    window_state = {name: torch.from_numpy(expected[name][choice]) for name in network.state_names}
    scores = network.score_window(window_state, to_tensors(bank))
    reference = {name: value.numpy() for name, value in scores._asdict().items()}
    window = _open(folder, WINDOW_GRAPH)
    agreement = {}
    for graph, states in (("window", expected), (END_TO_END, actual)):
        found = window({name: states[name][choice] for name in network.state_names} | bank.arrays())
        differences |= window_differences(graph, found, reference)
        similarities = reference["logits"] / reference["scale"]
        tie = BOUNDS[precision].tie
        agreement[graph] = top1_agreement(found["logits"], similarities, tie=tie)
    if (folder / TEXT_GRAPH).exists():
        texts = LabelTexts(bank.labels, network.config, network.tokenizer_json)
        tokens = texts.tokens.flatten(0, 1)[:MAX_LABELS]
        embeddings = _open(folder, TEXT_GRAPH)({"tokens": tokens.numpy()})["embeddings"]
        differences["text.embeddings"] = Difference.between(
            embeddings, network.encode_text(tokens).numpy()
        )
    return ParityReport(precision, differences, agreement, WINDOWS, pictures)


def choose_windows(count: int, frames: int, *, in_order: bool) -> Array:
    """Choose the frames of windows, int [WINDOWS, frames]: any frames, or consecutive ones.

    If there are fewer than WINDOWS consecutive windows, the rest are of any frames.
    """
    chosen = np.random.default_rng(1).integers(count, size=(WINDOWS, frames))
    starts = np.arange(max(0, count - frames + 1) if in_order else 0)
    if len(starts) > WINDOWS:
        starts = np.linspace(0, count - frames, WINDOWS).round().astype(int)
    chosen[: len(starts)] = starts[:, None] + np.arange(frames)
    return chosen


def window_differences(
    graph: str, actual: Mapping[str, Array], expected: Mapping[str, Array]
) -> dict[str, Difference]:
    scores = [torch.from_numpy(one["logits"]).softmax(-1).numpy() for one in (actual, expected)]
    return {
        f"{graph}.logits": Difference.between(actual["logits"], expected["logits"]),
        f"{graph}.scores": Difference.between(*scores),
        f"{graph}.saliency": Difference.between(actual["saliency"], expected["saliency"]),
    }


def top1_agreement(actual: Array, expected: Array, *, tie: float) -> float:
    """Return the share of rows [N, C] with the expected best column, or one within `tie` of it.

    `actual` are logits in any scale; `expected` are similarities, equal if closer than `tie`.
    """
    chosen = np.take_along_axis(expected, actual.argmax(1)[:, None], 1)[:, 0]
    return float((expected.max(1) - chosen <= tie).mean())


def draw_images(count: int, size_px: int) -> Array:
    """Draw smooth random colour fields with noise, uint8 [count, S, S, 3], all different."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 5, 5, generator=generator)
    fields = torch.nn.functional.interpolate(coarse, size_px, mode="bicubic")
    fields += 0.1 * torch.randn(fields.shape, generator=generator)
    return (fields.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def _open(folder: Path, name: str) -> Graph:
    return open_graph(folder / name, engine="onnxruntime")


def _encode(
    graph: Graph, network: STZSAR, bank: LabelBank, images: Array
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return states and features of `images` from the graph and from torch."""
    actual: list[dict[str, Array]] = []
    expected: list[dict[str, Array]] = []
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        actual.append(graph({"frames": batch} | bank.arrays()))
        state, features = network.encode_with_features(torch.from_numpy(batch), to_tensors(bank))
        expected.append({name: value.numpy() for name, value in {**state, **features}.items()})
    names = (*network.state_names, *network.feature_names)
    return (
        {name: np.concatenate([part[name] for part in actual]) for name in names},
        {name: np.concatenate([part[name] for part in expected]) for name in names},
    )
