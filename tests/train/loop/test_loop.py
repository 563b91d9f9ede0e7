"""The loop without the command: what is trained learns, and what is frozen stays."""

import json

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from stzsar.models.stzsar import STZSAR
from stzsar.runtime.bundle.manifest import WeightsOrigin
from stzsar.train.cli import main
from stzsar.train.config import TrainConfig
from stzsar.train.data.dataset import ClipRequest
from stzsar.train.data.moving_shapes import MovingShapes
from stzsar.train.loop.precision import Precision
from stzsar.train.loop.run_folder import RunFolder
from stzsar.train.loop.trainer import Trainer


def test_the_network_learns(tiny, tmp_path):
    """Eight clips over and over: a loss that stays means that nothing reaches the weights."""

    shapes = MovingShapes("train", "plain")
    clips = [shapes[ClipRequest(clip * 8, 0)] for clip in range(8)]

    class EightClips:
        labels = shapes.labels

        def __len__(self):
            return len(clips)

        def __getitem__(self, request):
            return clips[request.clip]

    torch.manual_seed(0)
    config = TrainConfig(
        steps=25, batch=8, learning_rate=3e-3, warmup_steps=2, workers=0, checkpoint_every=100
    )
    network = STZSAR(tiny.tiny_config())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trainer = Trainer(
        config=config,
        dataset=EightClips(),
        network=network,
        origin=WeightsOrigin(source="a test", knows="eight clips"),
        run=RunFolder(tmp_path),
        precision=Precision.choose("fp32", torch.device("cpu")),
    )
    trainer.train()
    values = [
        json.loads(line)["loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()
    ]
    assert sum(values[-3:]) < 0.5 * sum(values[:3])
    unmoved = [n for n, value in network.state_dict().items() if torch.equal(value, before[n])]
    assert not unmoved


@pytest.mark.usefixtures("tiny_network")
def test_a_frozen_text_tower_stays_as_it_was(tmp_path):
    run = tmp_path / "run"
    options = ["--batch", "4", "--steps", "2", "--no-train-text", "--output", str(run)]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 0, result.output
    weights = load_file(next(run.glob("checkpoints/*/model.safetensors")))
    state = load_file(next(run.glob("checkpoints/*/training.safetensors")))
    learning = [name for name in weights if not name.startswith("text.")]
    assert sum(name.endswith(".exp_avg") for name in state) == len(learning)
