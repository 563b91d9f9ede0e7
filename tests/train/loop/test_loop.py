"""The loop without the command: what is trained learns, and what is frozen stays."""

import dataclasses
import json

from click.testing import CliRunner

from stzsar.train.cli import main
from stzsar.train.config import TrainConfig
from stzsar.train.loop.run_folder import RunFolder


def test_the_network_learns(tmp_path):
    """Twelve clips over and over: a loss that stays means that nothing reaches the weights."""
    import torch

    from stzsar.models.config import small_config
    from stzsar.models.stzsar import STZSAR
    from stzsar.runtime.bundle.manifest import WeightsOrigin
    from stzsar.train.data.dataset import ClipRequest
    from stzsar.train.data.moving_shapes import MovingShapes
    from stzsar.train.loop.precision import Precision
    from stzsar.train.loop.trainer import Trainer

    class TwelveClips:
        def __init__(self):
            self._source = MovingShapes("train", "plain")
            self.labels = self._source.labels

        def __len__(self):
            return 12

        def __getitem__(self, request):
            return self._source[ClipRequest(request.clip * 8, 0)]

    torch.manual_seed(0)
    config = TrainConfig(steps=60, batch=12, warmup_steps=2, workers=0, checkpoint_every=100)
    base = small_config()
    network = STZSAR(dataclasses.replace(base, vision=dataclasses.replace(base.vision, layers=2)))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trainer = Trainer(
        config=config,
        dataset=TwelveClips(),
        network=network,
        origin=WeightsOrigin(source="a test", knows="twelve clips"),
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


def test_a_frozen_text_tower_stays_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("stzsar.train.run.evaluate_moving_shapes", lambda *_, **__: {})
    run = tmp_path / "run"
    options = ["--batch", "4", "--steps", "2", "--no-train-text", "--output", str(run)]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 0, result.output
    from safetensors.torch import load_file

    weights = load_file(next(run.glob("checkpoints/*/model.safetensors")))
    state = load_file(next(run.glob("checkpoints/*/training.safetensors")))
    learning = [name for name in weights if not name.startswith("text.")]
    assert sum(name.endswith(".exp_avg") for name in state) == len(learning)
