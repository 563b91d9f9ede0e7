"""Parity: the written graphs against the network that they were made from.

Both see the same frames and the same bank. Each graph is compared by itself, given what torch
gives, and all of them end to end: from pixels through both graphs to the scores, so that errors
add up as they do on a device. Frames are encoded once, and 64 windows are drawn from them, so that
the check costs seconds and not minutes on a CPU.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from ..models.label_texts import LabelTexts, to_tensors
from ..models.stzsar import STZSAR
from ..runtime.bundle.bundle import FRAME_GRAPH, STATE_GRAPH, TEXT_GRAPH, WINDOW_GRAPH
from ..runtime.engines.graph import Array
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
    """What a bundle of one precision may differ by.

    Attributes:
        relative: of any output but the scores.
        cosine: at least.
        scores: the largest difference of a score, which lies in 0..1; their cosine is free, as
            it hangs on the largest alone.
        top1: the least share of windows with the same best label.
        tie: two labels whose similarities differ by less than this may change places.
    """

    relative: float
    cosine: float
    scores: float
    top1: float
    tie: float


# fp32 differs by rounding; fp16 by its 11 bits, through a dozen layers. int8 is judged by what it
# answers, labels and scores; its other bounds only tell noise from a network that does not fit.
# Measured on held-out frames: trained small networks have cosines above 0.9994; of an untrained
# ViT-B/32, whose labels are all about equally near, they are 0.977 to 0.991, by the clips.
BOUNDS = {
    "fp32": Bounds(relative=1e-4, cosine=0.999, scores=1e-3, top1=1.0, tie=1e-6),
    "fp16": Bounds(relative=5e-2, cosine=0.999, scores=5e-2, top1=1.0, tie=1e-3),
    "int8": Bounds(relative=0.1, cosine=0.98, scores=0.1, top1=0.95, tie=1e-3),
}
# TensorRT multiplies fp32 as TF32, which has the 11 bits of fp16; int8 it fuses in its own way.
_ENGINE_BOUNDS = {"fp32": BOUNDS["fp16"], "fp16": BOUNDS["fp16"], "int8": BOUNDS["int8"]}
_INSTEAD = {
    "fp32": "",
    "fp16": ", try it without --fp16",
    "int8": ", calibrate on more and other videos or take --fp16",
}


@dataclass(frozen=True)
class Difference:
    """How far one output is from torch's.

    Attributes:
        absolute: largest absolute difference.
        relative: the same over the largest absolute value.
        cosine: the smallest of all rows.
    """

    absolute: float
    relative: float
    cosine: float

    @classmethod
    def between(cls, ours: Array, torchs: Array) -> "Difference":
        """Compare two arrays of one shape, row by row of the last axis."""
        a, b = (np.asarray(x, np.float64).reshape(-1, x.shape[-1]) for x in (ours, torchs))
        if a.shape[1] == 1:  # numbers by themselves have no direction, together they do
            a, b = a.T, b.T
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines = (a * b).sum(1) / np.maximum(norms, 1e-12)
        largest = float(np.abs(a - b).max())
        return cls(largest, float(largest / max(np.abs(b).max(), 1e-12)), float(cosines.min()))


@dataclass(frozen=True)
class ParityReport:
    """The comparison of one bundle.

    Attributes:
        precision: of the bundle.
        differences: by graph and output, such as "window.logits"; from pixels to scores under
            "end to end".
        top1_agreement: share of windows with the same best label, ties counting as the same, of
            the window graph and end to end.
        windows: how many were compared.
        pictures: what the frames showed.
        of_engines: whether TensorRT's engines were compared with the graphs in ONNX Runtime, and
            not the graphs with torch.
    """

    precision: str
    differences: dict[str, Difference]
    top1_agreement: dict[str, float]
    windows: int
    pictures: str
    of_engines: bool = False

    def save(self, path: Path) -> None:
        """Write the report of a bundle as JSON."""
        document = dataclasses.asdict(self)
        del document["of_engines"]
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def table(self) -> Table:
        """Return the report for people."""
        other = "ONNX Runtime" if self.of_engines else "torch"
        table = Table(title=f"Parity with {other}, {self.windows} windows of {self.pictures}")
        for column in ("output", "largest difference", "relative", "smallest cosine"):
            table.add_column(column)
        for name, found in self.differences.items():
            numbers = (f"{found.absolute:.1e}", f"{found.relative:.1e}", f"{found.cosine:.6f}")
            table.add_row(name, *numbers, end_section=self._is_last_of_graph(name))
        for graph, share in self.top1_agreement.items():
            table.add_row(f"{graph}: same label", f"{share:.1%}")
        return table

    def check(self) -> None:
        """Raise ParityError if anything is out of bounds."""
        for name, found in self.differences.items():
            self._check_difference(name, found, self._bounds(name))
        for graph, share in self.top1_agreement.items():
            least = self._bounds(graph).top1
            if not share >= least:
                ours, theirs, instead = self._words()
                raise ParityError(
                    f"{graph}: {1 - share:.1%} of {self.windows} windows get another best label "
                    f"from {ours} than from {theirs}, at most {1 - least:.0%} may: {instead}."
                )

    def _check_difference(self, name: str, found: Difference, bounds: Bounds) -> None:
        # A comparison with NaN is false, so each is written to fail on it.
        if name.endswith(".scores"):
            inside = found.absolute <= bounds.scores
            why = f"difference {found.absolute:.1e}, at most {bounds.scores:g}"
        else:
            inside = found.relative <= bounds.relative and found.cosine >= bounds.cosine
            why = (
                f"relative difference {found.relative:.1e}, at most {bounds.relative:g}; cosine "
                f"{found.cosine:.5f}, at least {bounds.cosine}"
            )
        if not inside:
            ours, theirs, instead = self._words()
            raise ParityError(f"{name} of {ours} is not what {theirs} gives ({why}): {instead}.")

    def _words(self) -> tuple[str, str, str]:
        """Return what was compared, with what, and what comes of a difference."""
        if self.of_engines:
            instead = "they were removed; run the bundle with --engine onnxruntime"
            return "TensorRT's engines", "ONNX Runtime", instead
        instead = f"no bundle was written{_INSTEAD[self.precision]}"
        return "the exported graphs", "the network", instead

    def _bounds(self, name: str) -> Bounds:
        """Return the bounds of one graph: in an int8 bundle only the frame graph is int8.

        The state graph is fp32 in every bundle.
        """
        if self.of_engines:
            return _ENGINE_BOUNDS[self.precision]
        exact = self.precision == "int8" and name.startswith(("window", "text"))
        exact |= name.startswith("state")
        return BOUNDS["fp32" if exact else self.precision]

    def _is_last_of_graph(self, name: str) -> bool:
        graph = name.split(".")[0]
        return name == [other for other in self.differences if other.split(".")[0] == graph][-1]


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
    """Compare the graphs in `folder` with `network` on the CPU.

    Args:
        folder: where the graphs are.
        network: the fp32 network on the CPU.
        bank: labels; the first 64 are enough to compare with.
        precision: of the graphs.
        window_frames: T.
        images_bhwc: uint8 [B, S, S, 3], the frames to look at, in order; drawn if None.
        pictures: what the report says of them.
    """
    network.eval()
    bank = bank.select(range(min(MAX_LABELS, len(bank.labels))))
    size = network.config.vision.image_px
    images = draw_images(FRAMES, size) if images_bhwc is None else images_bhwc
    ours, torchs = _frame_states(folder, network, bank, images)
    differences = {f"frame.{name}": Difference.between(ours[name], torchs[name]) for name in torchs}
    differences |= _state_differences(folder, torchs, bank, network)
    choice = windows_of(len(images), window_frames, in_order=images_bhwc is not None)
    state = {name: torch.from_numpy(torchs[name][choice]) for name in network.state_names}
    expected = network.score_window(state, to_tensors(bank))
    wanted = {name: getattr(expected, name).numpy() for name in ("logits", "saliency", "scale")}
    graph = open_graph(folder / WINDOW_GRAPH, engine="onnxruntime")
    agreement = {}
    for name, states in (("window", torchs), (END_TO_END, ours)):
        window = {key: states[key][choice] for key in network.state_names}
        found = graph(window | bank.arrays())
        differences |= window_differences(name, found, wanted)
        tie = BOUNDS[precision].tie
        agreement[name] = top1_agreement(
            found["logits"], wanted["logits"] / wanted["scale"], tie=tie
        )
    if (folder / TEXT_GRAPH).exists():
        texts = LabelTexts(bank.labels, network.config, network.tokenizer_json)
        tokens = texts.tokens[:MAX_LABELS]
        text = open_graph(folder / TEXT_GRAPH, engine="onnxruntime")
        embedded = text({"tokens": tokens.numpy()})["embeddings"]
        expected_text = network.encode_text(tokens).numpy()
        differences["text.embeddings"] = Difference.between(embedded, expected_text)
    return ParityReport(precision, differences, agreement, WINDOWS, pictures)


def _state_differences(
    folder: Path, torchs: Mapping[str, Array], bank: LabelBank, network: STZSAR
) -> dict[str, Difference]:
    """Compare what the state graph makes of torch's features with torch's states."""
    if not network.head.label_states:
        return {}
    found = open_graph(folder / STATE_GRAPH, engine="onnxruntime")({**torchs, **bank.arrays()})
    return {
        f"state.{name}": Difference.between(found[name], torchs[name])
        for name in network.head.label_states
    }


def windows_of(count: int, frames: int, *, in_order: bool) -> Array:
    """Choose the frames [WINDOWS, frames] of windows: neighbours if they are in order, or any.

    Where there are fewer than WINDOWS of neighbours, the others are of any frames too.
    """
    drawn = np.random.default_rng(1).integers(count, size=(WINDOWS, frames))
    starts = np.arange(max(0, count - frames + 1) if in_order else 0)
    if len(starts) > WINDOWS:
        starts = np.linspace(0, count - frames, WINDOWS).round().astype(int)
    drawn[: len(starts)] = starts[:, None] + np.arange(frames)
    return drawn


def window_differences(
    name: str, found: Mapping[str, Array], wanted: Mapping[str, Array]
) -> dict[str, Difference]:
    """Compare logits, scores (the softmax that the runtime gives) and saliency."""
    scores = [torch.from_numpy(one["logits"]).softmax(-1).numpy() for one in (found, wanted)]
    return {
        f"{name}.logits": Difference.between(found["logits"], wanted["logits"]),
        f"{name}.scores": Difference.between(*scores),
        f"{name}.saliency": Difference.between(found["saliency"], wanted["saliency"]),
    }


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
    """Return the states and the features of `images` from the graph and from torch."""
    graph = open_graph(folder / FRAME_GRAPH, engine="onnxruntime")
    ours: list[dict[str, Array]] = []
    torchs: list[dict[str, Array]] = []
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH]
        ours.append(graph({"frames": part} | bank.arrays()))
        state, features = network.encode_with_features(torch.from_numpy(part), to_tensors(bank))
        torchs.append({name: value.numpy() for name, value in {**state, **features}.items()})
    names = (*network.state_names, *network.feature_names)
    return (
        {name: np.concatenate([part[name] for part in ours]) for name in names},
        {name: np.concatenate([part[name] for part in torchs]) for name in names},
    )
