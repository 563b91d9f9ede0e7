"""What one process does: the beginning of a seed, or one of its rows."""

from pathlib import Path

import safetensors.torch
import torch

from ...models.stzsar import STZSAR
from ...train.data.dataset import ClipRequest, Example
from ...train.data.moving_shapes import MovingShapes
from .budget import ENCODER, Budget, Result
from .encoder import EncodedClips, Seen, network_config, train_encoder
from .readings import read
from .training import TESTS, UNSEEN_HARD, Test, accuracies, train_row
from .variants import Variant

_CLIPS = "clips.safetensors"
# From this many clips on, half of those of the mixed setting are hard.
_HALF_HARD = 100_000


class HalfHard(MovingShapes):
    """Training clips of which every other one is hard, from the first on."""

    def __init__(self, seed: int) -> None:
        super().__init__("train", "mixed", seed=seed)

    def __getitem__(self, request: ClipRequest) -> Example:
        """Return the clip as training sees it this much later."""
        return super().__getitem__(request._replace(draw=request.draw + _HALF_HARD))


def prepare(folder: Path, budget: Budget, seed: int) -> None:
    """Train the encoder of a seed, and let it see the clips of training and tests."""
    torch.set_num_threads(1)
    folder.mkdir(exist_ok=True)
    if not (folder / ENCODER).exists():
        network = train_encoder(steps=budget.encoder_steps, batch=budget.batch, seed=seed)
        _write(network.state_dict(), folder / ENCODER)
    if budget.end_to_end:
        return
    visual = _beginning(folder).visual
    for test in TESTS:
        _test_clips(test, budget, visual).save(folder / test.file)
    EncodedClips.of(HalfHard(seed), budget.clips, visual).save(folder / _CLIPS)


def train_and_test(variant: Variant, folder: Path, budget: Budget, seed: int) -> Result:
    """Train one row, and test it."""
    torch.set_num_threads(1)
    clips = HalfHard(seed) if budget.end_to_end else EncodedClips.load(folder / _CLIPS)
    network = train_row(
        variant,
        _beginning(folder),
        clips,
        steps=budget.steps,
        batch=budget.batch,
        seed=seed,
    )
    if budget.end_to_end:
        tests = {test: _test_clips(test, budget, network.eval().visual) for test in TESTS}
        network.visual = Seen()  # type: ignore[assignment]  # the clips are encoded now
    else:
        tests = {test: EncodedClips.load(folder / test.file) for test in TESTS}
    looked = read(variant, network, UNSEEN_HARD, tests[UNSEEN_HARD])
    return Result(variant, seed, accuracies(variant, network, tests) | looked)


def _test_clips(test: Test, budget: Budget, visual: torch.nn.Module) -> EncodedClips:
    return EncodedClips.of(MovingShapes(test.split, test.setting), budget.tested, visual)


def _beginning(folder: Path) -> STZSAR:
    network = STZSAR(network_config())
    network.load_state_dict(safetensors.torch.load_file(folder / ENCODER))
    return network.eval()


def _write(tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Write a file that is there whole or not at all."""
    part = path.with_suffix(".part")
    safetensors.torch.save_file(tensors, part)
    part.replace(path)
