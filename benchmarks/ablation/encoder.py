"""The frame encoder that all rows of a seed share, and clips that it encoded.

It stands in for CLIP: it is trained on frames and names, without attributes, and then frozen. So a
clip is encoded once for all rows.
"""

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory

import safetensors.torch
import torch
from torch import Tensor, nn

from ...models.config import ModelConfig, small_config
from ...models.stzsar import STZSAR
from ...models.vision import FrameFeatures
from ...runtime.bundle.manifest import WeightsOrigin
from ...runtime.labels.labels import Label
from ...train.config import TrainConfig
from ...train.data.dataset import ClipDataset, ClipRequest, Example, collate
from ...train.data.moving_shapes import KNOWS, MovingShapes
from ...train.loop.precision import Precision
from ...train.loop.run_folder import RunFolder
from ...train.loop.trainer import Trainer

_ORIGIN = WeightsOrigin(source="stzsar.benchmarks.ablation", knows=KNOWS)
_BATCH = 64


def network_config() -> ModelConfig:
    """Return a network of 0.4 M parameters, small enough to train all rows with three seeds."""
    small = small_config()
    return dataclasses.replace(
        small,
        name="ablation",
        dim=64,
        vision=dataclasses.replace(small.vision, width=64, layers=3, heads=2, mlp_width=256),
        text=dataclasses.replace(small.text, width=64, layers=1, heads=2, mlp_width=256),
        head=dataclasses.replace(small.head, interaction="mean"),
    )


def train(network: STZSAR, clips: ClipDataset, *, steps: int, batch: int, seed: int) -> None:
    """Train a network as stzsar-train does, without a run folder."""
    config = TrainConfig(
        steps=steps, batch=batch, checkpoint_every=steps, workers=0, seed=seed, precision="fp32"
    )
    with TemporaryDirectory() as folder:
        Trainer(
            config=config,
            dataset=clips,
            network=network,
            origin=_ORIGIN,
            run=RunFolder(Path(folder)),
            precision=Precision(None, torch.device("cpu")),
        ).train()


def train_encoder(*, steps: int, batch: int, seed: int) -> STZSAR:
    """Train the shared network: mean pooling over plain clips and names of classes."""
    torch.manual_seed(seed)
    network = STZSAR(network_config())
    train(network, MovingShapes("train", "plain", seed=seed), steps=steps, batch=batch, seed=seed)
    return network


class Seen(nn.Module):
    """Replaces the frame encoder where clips are encoded already."""

    def forward(self, tokens_npd: Tensor) -> FrameFeatures:
        """Split [N, 1 + P, D] into frames and patches."""
        tokens = tokens_npd.float()
        return FrameFeatures(tokens[:, 0], tokens[:, 1:])


class EncodedClips:
    """Encoded clips as a data set: tokens, fp16 [N, T, 1 + P, D], and classes, int64 [N]."""

    def __init__(self, tokens: Tensor, classes: Tensor, labels: tuple[Label, ...] = ()) -> None:
        self.tokens, self.classes, self.labels = tokens, classes, labels

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, request: ClipRequest) -> Example:
        return Example(self.tokens[request.clip], int(self.classes[request.clip]))

    @classmethod
    @torch.no_grad()
    def of(cls, clips: ClipDataset, count: int, visual: nn.Module) -> "EncodedClips":
        """Draw the first `count` clips and encode them."""
        tokens, classes = [], []
        for start in range(0, count, _BATCH):
            places = range(start, min(count, start + _BATCH))
            frames, labels = collate([clips[ClipRequest(place, place)] for place in places])
            seen: FrameFeatures = visual(frames.flatten(0, 1))
            both = torch.cat([seen.frame[:, None], seen.patches], 1)
            tokens.append(both.unflatten(0, tuple(frames.shape[:2])).half())
            classes.append(labels)
        return cls(torch.cat(tokens), torch.cat(classes))

    def save(self, path: Path) -> None:
        """Write a file that `load` maps into memory."""
        part = path.with_suffix(".part")
        safetensors.torch.save_file({"tokens": self.tokens, "classes": self.classes}, part)
        part.replace(path)  # so that what is there is whole

    @classmethod
    def load(cls, path: Path, labels: tuple[Label, ...] = ()) -> "EncodedClips":
        """Read what `save` wrote."""
        return cls(**safetensors.torch.load_file(path), labels=labels)
