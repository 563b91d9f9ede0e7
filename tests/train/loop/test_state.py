"""What a run remembers between steps: averages, parts of a step, and folders of older versions."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from stzsar.models.stzsar import STZSAR
from stzsar.runtime.bundle.manifest import WeightsOrigin
from stzsar.runtime.errors import BundleError, StzsarError
from stzsar.runtime.labels.labels import Label
from stzsar.train.config import TrainConfig
from stzsar.train.data.dataset import Example
from stzsar.train.loop.precision import Precision
from stzsar.train.loop.run_folder import RunFolder
from stzsar.train.loop.trainer import Trainer


class FewClips:
    """Ten clips of noise, of five classes."""

    labels = tuple(Label(name) for name in ("one", "two", "six", "ten", "few"))

    def __len__(self):
        return 10

    def __getitem__(self, request):
        generator = torch.Generator().manual_seed(request.clip)
        frames = torch.randint(0, 256, (2, 64, 64, 3), generator=generator, dtype=torch.uint8)
        return Example(frames, request.clip % 5)


class ClipsUntil(FewClips):
    """The same, and a Ctrl-C when clip number `end` of the run is made."""

    def __init__(self, end):
        self._end = end

    def __getitem__(self, request):
        if request.draw == self._end:
            raise KeyboardInterrupt
        return super().__getitem__(request)


BASE = TrainConfig(
    steps=6, batch=4, warmup_steps=1, workers=0, checkpoint_every=2, precision="fp32"
)


@pytest.fixture
def train(tiny):
    """Trains a tiny network in a folder, and returns what training returned and all losses."""

    def train(folder, dataset=None, **options):
        folder.mkdir(exist_ok=True)
        torch.manual_seed(0)
        config = dataclasses.replace(BASE, **options)
        trained = Trainer(
            config=config,
            dataset=dataset or FewClips(),
            network=STZSAR(tiny.tiny_config()),
            origin=WeightsOrigin(source="a test", knows="noise"),
            run=RunFolder(folder),
            precision=Precision.choose(config.precision, torch.device("cpu")),
        ).train()
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        return trained, [json.loads(line)["loss"] for line in lines]

    return train


@pytest.mark.parametrize("ema", [0.0, 0.8])
def test_a_run_that_is_stopped_and_resumed_is_the_run_that_was_not(train, tmp_path, ema):
    whole, losses = train(tmp_path / "whole", ema=ema)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "stopped", ClipsUntil(4 * 3), ema=ema)
    again, same = train(tmp_path / "stopped", ema=ema)
    assert same == losses
    for file in ("model.safetensors", "training.safetensors"):
        ours, theirs = load_file(whole.checkpoint / file), load_file(again.checkpoint / file)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_the_average_is_kept_and_the_weights_lie_beside_it(train, tmp_path):
    plain, plain_losses = train(tmp_path / "plain", checkpoint_every=1, steps=3)
    averaged, losses = train(tmp_path / "averaged", checkpoint_every=1, steps=3, ema=0.75)
    assert losses == plain_losses
    weights = load_file(plain.checkpoint / "model.safetensors")
    before = load_file(plain.checkpoint.parent / "step-000002" / "model.safetensors")
    kept = load_file(averaged.checkpoint / "model.safetensors")
    kept_before = load_file(averaged.checkpoint.parent / "step-000002" / "model.safetensors")
    raw = load_file(averaged.checkpoint / "training.safetensors")
    for name, value in weights.items():
        assert torch.equal(raw[f"raw.{name}"], value)
        expected = 0.75 * kept_before[name] + 0.25 * value
        torch.testing.assert_close(kept[name], expected, rtol=1e-5, atol=1e-7)
    assert not torch.equal(kept["visual.conv1.weight"], weights["visual.conv1.weight"])
    assert not torch.equal(before["visual.conv1.weight"], weights["visual.conv1.weight"])
    assert torch.equal(averaged.network.state_dict()["visual.proj"], kept["visual.proj"])


def test_averages_of_half_precision_compute_with_their_own_weights(train, tmp_path):
    """What puts a tower into half precision is bound to it, and a copy must not keep that."""
    averaged, _ = train(tmp_path / "run", precision="bf16", ema=0.5, steps=3)
    frames = torch.randint(0, 256, (1, 2, 64, 64, 3), dtype=torch.uint8)
    own = averaged.network.eval().visual(frames[0]).frame
    with torch.no_grad():
        averaged.network.state_dict()["visual.proj"].zero_()
        assert averaged.network.visual(frames[0]).frame.abs().sum() == 0
    assert own.abs().sum() > 0


def test_parts_of_a_step_add_up_to_the_mean_of_their_losses(train, tmp_path):
    """Two parts of two clips, from weights that do not change: the rate is nearly zero."""
    still = {"learning_rate": 1e-12, "clip_learning_rate": 1e-12}
    _, in_two = train(tmp_path / "in-two", accumulate=2, steps=3, **still)
    _, apart = train(tmp_path / "apart", batch=2, steps=6, **still)
    for step, loss in enumerate(in_two):
        assert loss == pytest.approx((apart[2 * step] + apart[2 * step + 1]) / 2, abs=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_blocks_that_are_computed_twice_learn_the_same(train, tmp_path, precision):
    _, plain = train(tmp_path / "plain", precision=precision)
    _, twice = train(tmp_path / "twice", precision=precision, checkpoint_activations=True)
    assert twice == pytest.approx(plain, abs=1e-5)


def test_blocks_that_are_computed_twice_keep_little(train, make_network):
    from stzsar.models.transformer import recompute_activations

    def kept(network):
        found = {}

        def keep(tensor):
            found[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            network.visual(torch.zeros(8, 32, 32, 3, dtype=torch.uint8))
        return sum(tensor.untyped_storage().nbytes() for tensor in found.values())

    network = make_network().train()
    before = kept(network)
    recompute_activations(network)
    assert kept(network) < before / 3


def without(folder: Path, *names: str) -> None:
    """Drop tensors from the training state of a checkpoint."""
    path = folder / "training.safetensors"
    with safe_open(path, "pt") as file:
        notes = {name: note for name, note in file.metadata().items() if name != "sha256"}
    tensors = {
        name: t for name, t in load_file(path).items() if not re.match("|".join(names), name)
    }
    save_file(tensors, path, notes)


def test_a_run_of_an_older_version_is_resumed(train, tmp_path):
    """Its configuration lacks what is new, and so does its state."""
    train(tmp_path, steps=2)
    old = dataclasses.asdict(dataclasses.replace(BASE, steps=4))
    for name in ("accumulate", "ema", "beta2", "checkpoint_activations"):
        old.pop(name)
    for name in ("validate", "validate_labels", "validate_every"):
        old.pop(name)
    (tmp_path / "config.json").write_text(json.dumps(old))
    config = TrainConfig.load(tmp_path)
    assert (config.accumulate, config.ema, config.beta2) == (1, 0.0, 0.98)
    _, losses = train(tmp_path, steps=config.steps)
    assert len(losses) == 4


def test_lines_that_are_no_losses_are_dropped_where_a_run_goes_on(train, tmp_path):
    train(tmp_path, steps=2)
    metrics = tmp_path / "metrics.jsonl"
    first, second = metrics.read_bytes().splitlines(keepends=True)
    broken = [first[:9] + second, b'{"step": 1}]\n', b"7\n", b"{}\n", b'{"step": "1"}\n', b"\n"]
    metrics.write_bytes(b"".join([first, *broken, bytes(9) + b"\xff\n", second, second[:-4]]))
    RunFolder(tmp_path).forget_after(2)
    assert metrics.read_bytes() == first + second
    RunFolder(tmp_path).forget_after(1)
    assert metrics.read_bytes() == first


def test_an_average_without_its_weights_cannot_go_on(train, tmp_path):
    trained, _ = train(tmp_path, steps=2, ema=0.9)
    without(trained.checkpoint, r"raw\.visual\.conv1")
    with pytest.raises(BundleError, match=r"cannot be resumed: 'raw\.visual\.conv1\.weight'"):
        train(tmp_path, steps=4, ema=0.9)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({}, "--checkpoint-activations, which .*, or with --accumulate 2, or with a --batch"),
        ({"checkpoint_activations": True}, "--accumulate 2, or with a --batch below 4"),
        ({"accumulate": 2, "checkpoint_activations": True}, "a --batch below 4"),
    ],
)
def test_a_memory_that_is_too_small_is_a_sentence(train, tmp_path, options, advice):
    """It names what can still be done, and says that a run cannot go on with it."""

    class TooMany(FewClips):
        def __getitem__(self, request):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nAnd more")

    with pytest.raises(StzsarError, match=rf"2 GiB\. Start a new run with {advice}"):
        train(tmp_path, TooMany(), **options)


def test_a_loss_that_is_no_number_ends_the_run_in_a_sentence(train, tmp_path):
    with pytest.raises(StzsarError, match="The loss is nan at step 1"):
        train(tmp_path, learning_rate=1e9, warmup_steps=0)
