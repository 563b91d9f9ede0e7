"""What test_processes.py lets torchrun start: checks in two real processes, then a failure in one.

Not a module of tests: `torchrun … two_processes.py FOLDER`.
"""

import dataclasses
import sys
from pathlib import Path

import pytest
import torch

from stzsar.models.config import small_config
from stzsar.models.stzsar import STZSAR
from stzsar.runtime.commandline import at_the_edge
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.labels import Label
from stzsar.train.data import Clip, StepSampler, loader
from stzsar.train.evaluate import evaluate
from stzsar.train.objective import BatchTexts, Objective
from stzsar.train.processes import Processes, joined

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
        return Clip(frames, request.clip % 5)


def make_network(*, projections=False, interaction="product"):
    torch.manual_seed(0)
    base = small_config()
    head = dataclasses.replace(base.head, projections=projections, interaction=interaction)
    vision = dataclasses.replace(base.vision, layers=1)
    return STZSAR(dataclasses.replace(base, vision=vision, head=head)).train()


def gradients(network, processes, *, train_text=True, parts=1):
    """Return a step's loss and the gradients of all parameters, as the loop takes them."""
    network.text.requires_grad_(train_text)
    texts = BatchTexts(FewClips.labels, network, train_text=train_text)
    objective = Objective(network, texts, processes)
    model = processes.parallel(objective, some_unused=objective.has_unused)
    sampler = StepSampler(
        11, BATCH, 3, 0, 1, parts=parts, rank=processes.rank, count=processes.count
    )
    losses = []
    for frames, classes in loader(FewClips(), sampler, workers=0):
        loss = model(frames, classes, 0) / parts
        loss.backward()
        losses.append(loss.item())
    return sum(losses), {
        name: parameter.grad
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


def check_gradients(processes):
    alone = Processes(processes.device)
    for options in ({}, {"projections": True, "interaction": "off"}):
        for train_text in (True, False):
            loss, ours = gradients(make_network(**options), processes, train_text=train_text)
            expected_loss, expected = gradients(
                make_network(**options), alone, train_text=train_text
            )
            assert abs(loss - expected_loss) < 1e-5, (loss, expected_loss)
            assert ours.keys() == expected.keys()
            assert any(name.startswith("text.") for name in ours) == train_text
            assert "head.logit_scale" in ours
            for name, gradient in ours.items():
                scale = expected[name].abs().max()
                assert scale > 0, name
                assert (gradient - expected[name]).abs().max() < 1e-4 * scale, name


def check_evaluation(processes):
    network = make_network()
    if not processes.is_first:  # whatever the others have in their buffers is not taken
        network.visual.pixels.mean.zero_()
    found = evaluate(network, FewClips(), FewClips.labels, batch=2, processes=processes)
    alone = evaluate(make_network(), FewClips(), FewClips.labels, batch=2)
    assert found == alone, (found, alone)


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
        check_evaluation(processes)
        check_agreement(processes)
        (Path(sys.argv[1]) / f"{processes.rank}-is-done").touch()
        if processes.rank == 1:
            raise StzsarError("Process 1 has had enough.")
        processes.wait()


if __name__ == "__main__":
    main(debug=False)
