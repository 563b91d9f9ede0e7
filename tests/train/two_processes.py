"""What test_processes.py lets torchrun start: checks in two real processes, then a failure in one.

Not a module of tests: `torchrun … two_processes.py FOLDER`.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_cli import tiny_config

from stzsar.models.stzsar import STZSAR
from stzsar.models.transformer import recompute_activations
from stzsar.runtime.bundle.manifest import WeightsOrigin
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.terminal.commandline import at_the_edge
from stzsar.train.config import TrainConfig
from stzsar.train.data.dataset import LEFT_OUT, Example, StepSampler
from stzsar.train.data.loader import loader
from stzsar.train.loop.accuracy import evaluate
from stzsar.train.loop.objective import BatchTexts, Objective
from stzsar.train.loop.precision import Precision
from stzsar.train.loop.processes import Processes, joined
from stzsar.train.loop.run_folder import RunFolder
from stzsar.train.loop.trainer import Trainer

BATCH = 8


class FewClips:
    """Eleven clips of noise, of five classes of which two share an attribute."""

    labels = tuple(
        Label(name, "", (name[0], "all")) for name in ("one", "two", "six", "ten", "few")
    )

    def __len__(self):
        return 11

    def __getitem__(self, request):
        generator = torch.Generator().manual_seed(request.clip)
        frames = torch.randint(0, 256, (4, 64, 64, 3), generator=generator, dtype=torch.uint8)
        return Example(frames, request.clip % 5)


class FewerClips(FewClips):
    """The same, of which the two of one batch and one of another give no frames."""

    def __getitem__(self, request):
        clip = super().__getitem__(request)
        return Example(clip.frames, LEFT_OUT) if request.clip in (2, 3, 5) else clip


def make_network(*, projections=False, interaction="product"):
    torch.manual_seed(0)
    base = tiny_config()
    head = dataclasses.replace(base.head, projections=projections, interaction=interaction)
    return STZSAR(dataclasses.replace(base, head=head)).train()


def gradients(network, processes, *, train_text=True, precision="fp32", recomputed=False):
    """Return a step's loss and the gradients of all parameters, as the loop takes them."""
    network.text.requires_grad_(train_text)
    Precision.choose(precision, processes.device).apply_to(network)
    recompute_activations(network, on=recomputed)
    texts = BatchTexts(FewClips.labels, network, train_text=train_text)
    objective = Objective(network, texts, processes)
    model = processes.parallel(objective, some_unused=objective.has_unused)
    sampler = StepSampler(11, BATCH, 3, 0, 1, rank=processes.rank, count=processes.count)
    ((frames, classes),) = loader(FewClips(), sampler, workers=0)
    loss = model(frames, classes, 0)
    loss.backward()
    return loss.item(), {
        name: parameter.grad
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


def check_gradients(processes):
    alone = Processes(processes.device)
    cases: list[tuple[dict[str, Any], dict[str, Any], float]] = [
        ({}, {}, 1e-4),
        ({}, {"train_text": False, "recomputed": True}, 1e-4),
        ({"projections": True, "interaction": "off"}, {}, 1e-4),
        ({}, {"precision": "bf16"}, 0.1),
    ]
    for head, options, tolerance in cases:
        loss, ours = gradients(make_network(**head), processes, **options)
        expected_loss, expected = gradients(make_network(**head), alone, **options)
        assert abs(loss - expected_loss) < tolerance / 10, (loss, expected_loss)
        assert ours.keys() == expected.keys()
        assert any(name.startswith("text.") for name in ours) == options.get("train_text", True)
        assert "head.logit_scale" in ours
        for name, gradient in ours.items():
            size, error = expected[name].norm(), (gradient - expected[name]).norm()
            assert size > 0, name
            assert error <= tolerance * size, (name, float(error / size))


def losses(folder, processes):
    """Train with 16 clips a step, all at once, and return the loss of every step."""
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(
        config=TrainConfig(
            steps=5, batch=16, warmup_steps=1, workers=0, checkpoint_every=5, precision="fp32"
        ),
        dataset=FewClips(),
        network=make_network(),
        origin=WeightsOrigin(source="a test", knows="noise"),
        run=RunFolder(folder),
        precision=Precision.choose("fp32", processes.device),
        processes=processes,
    )
    before = trainer.network.state_dict()["visual.proj"].clone()
    learned = trainer.train().network.state_dict()["visual.proj"]
    assert not torch.allclose(learned, before, rtol=0, atol=1e-3)
    processes.wait()  # for what process 0 has written
    rows = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(row)["loss"] for row in rows]


def check_losses(processes, folder):
    together = losses(folder / "together", processes)
    alone = losses(folder / f"alone-{processes.rank}", Processes(processes.device))
    assert len(alone) == 5
    assert together == pytest.approx(alone, rel=0, abs=1e-4)


def check_evaluation(processes):
    network = make_network()
    if not processes.is_first:  # whatever the others have in their buffers is not taken
        network.visual.pixels.mean.zero_()
    found = evaluate(network, FewClips(), FewClips.labels, batch=2, processes=processes)
    alone = evaluate(make_network(), FewClips(), FewClips.labels, batch=2)
    assert found == alone, (found, alone)
    found = evaluate(network, FewerClips(), FewClips.labels, batch=2, processes=processes)
    alone = evaluate(make_network(), FewerClips(), FewClips.labels, batch=2)
    assert found == alone, (found, alone)
    assert (found.clips, found.left_out) == (8, 3)


def check_agreement(processes):
    processes.agree("numbers", 7)
    with pytest.raises(StzsarError, match="Process 1 sees other numbers than process 0"):
        processes.agree("numbers", processes.rank)
    assert processes.largest(processes.rank) == 1
    assert processes.from_first(lambda: processes.rank) == 0


@at_the_edge
def main():
    with joined("cpu") as processes:
        assert processes.count == 2
        check_gradients(processes)
        check_losses(processes, Path(sys.argv[1]) / "runs")
        check_evaluation(processes)
        check_agreement(processes)
        (Path(sys.argv[1]) / f"{processes.rank}-is-done").touch()
        if processes.rank == 1:
            raise StzsarError("Process 1 has had enough.")
        processes.wait()


if __name__ == "__main__":
    main(debug=False)
