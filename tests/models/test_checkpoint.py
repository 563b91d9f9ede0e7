"""Checkpoints: written whole, read with care."""

import json
import pickle
import resource
import socket

import pytest
import torch
from safetensors.torch import load_file, save_file

from stzsar.models.checkpoint import (
    Checkpoint,
    load_checkpoint,
    newest_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from stzsar.runtime.atomic import written_whole
from stzsar.runtime.bundle.manifest import SamplingSpec, WeightsOrigin
from stzsar.runtime.errors import BundleError
from stzsar.runtime.labels.labels import Label


@pytest.fixture
def saved(tmp_path, make_network):
    network = make_network(temporal=True, interaction="residual")
    checkpoint = Checkpoint(
        model=network.config,
        labels=(Label("swing (bat)", "swing", ("bat", "ball")), Label("run")),
        sampling=SamplingSpec(frames=4, rate_fps=2.5),
        origin=WeightsOrigin(source="a test", knows="nothing"),
        step=7,
    )
    folder = tmp_path / "checkpoint"
    with written_whole(folder) as staging:
        save_checkpoint(staging, checkpoint, network)
    return folder, checkpoint, network


def test_what_was_saved_comes_back(saved):
    folder, checkpoint, network = saved
    found, loaded = load_checkpoint(folder)
    assert found == checkpoint
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_a_full_disk_is_an_error_of_the_system_and_leaves_the_old_folder(saved):
    """A limit of the file size stands for the disk: what writes must raise OSError for both."""
    folder, checkpoint, network = saved
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"), written_whole(folder) as staging:
            save_checkpoint(staging, checkpoint, network)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load_checkpoint(folder)[0] == checkpoint
    assert list(folder.parent.iterdir()) == [folder]


def test_a_folder_without_a_description_is_named(tmp_path):
    with pytest.raises(BundleError, match="is not a checkpoint"):
        read_checkpoint(tmp_path)


def test_a_checkpoint_of_format_1_is_read_with_what_was_fixed_then(saved):
    """It had one prompt, and none of the switches that other families need."""
    folder, checkpoint, _ = saved
    path = folder / "checkpoint.json"
    document = json.loads(path.read_text()) | {"format_version": 1}
    model = document["model"]
    (model["prompt"],) = model.pop("prompts")
    del model["head"]["pooling"]
    for name in ("activation", "norm_eps", "difference", "initial", "gate_classes"):
        del model["temporal"][name]
    path.write_text(json.dumps(document))
    assert load_checkpoint(folder)[0] == checkpoint


def test_a_newer_format_is_refused(saved):
    path = saved[0] / "checkpoint.json"
    document = json.loads(path.read_text()) | {"format_version": 99}
    path.write_text(json.dumps(document))
    with pytest.raises(BundleError, match="format version 99"):
        read_checkpoint(saved[0])


@pytest.mark.parametrize("content", ["[]", "{", '{"format_version": 1}', "null"])
def test_a_broken_description_is_one_sentence(saved, content):
    (saved[0] / "checkpoint.json").write_text(content)
    with pytest.raises(BundleError, match=r"checkpoint\.json is not a"):
        read_checkpoint(saved[0])


def test_weights_of_another_architecture_are_refused(saved, make_network):
    folder, checkpoint, _ = saved
    other = make_network(interaction="product")
    save_checkpoint(folder, checkpoint, other)
    with pytest.raises(BundleError, match="another architecture"):
        load_checkpoint(folder)


def test_weights_with_a_changed_byte_are_refused(saved):
    path = saved[0] / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match="corrupt: its tensors do not have the hash"):
        load_checkpoint(saved[0])


def test_weights_from_before_there_were_hashes_load(saved):
    path = saved[0] / "model.safetensors"
    save_file(load_file(path), path)
    load_checkpoint(saved[0])


@pytest.mark.parametrize(
    ("part", "sizes", "sentence"),
    [
        ("vision", {"width": 40000, "mlp_width": 40000}, "belongs to another architecture"),
        ("vision", {"layers": 10**7}, "describes no network that can be built: it has 10000"),
        ("text", {"vocab_size": 2**24}, "belongs to another architecture"),
        ("text", {"vocab_size": 10**15}, r"text\.vocab_size: expected int <= 16777216"),
        ("text", {"width": 10**30}, r"text\.width: expected int"),
        ("vision", {"heads": 7}, "describes no network that can be built"),
        ("vision", {"patch_px": 0}, r"vision\.patch_px: expected int >= 1"),
        ("vision", {"patch_px": "8"}, r"vision\.patch_px: expected int, got str"),
        ("vision", {"kind": "rnn"}, r"vision\.kind: 'rnn' is neither 'vit' nor 'timm'"),
        ("vision", {"activation": "exec"}, r"vision\.activation: invalid enum value 'exec'"),
        ("head", {"beta": 1}, "head: unknown field 'beta'"),
        ("temporal", {"heads": None}, r"temporal\.heads: expected int, got null"),
    ],
)
def test_sizes_that_the_weights_do_not_have_are_refused_before_memory_is_allocated(
    saved, part, sizes, sentence
):
    path = saved[0] / "checkpoint.json"
    document = json.loads(path.read_text())
    document["model"][part].update(sizes)
    path.write_text(json.dumps(document))
    with pytest.raises(BundleError, match=sentence):
        load_checkpoint(saved[0])


@pytest.mark.parametrize("name", ["hf-hub:stranger/model", "hf_hub:stranger/model", "local-dir:."])
def test_a_strangers_checkpoint_reaches_neither_the_network_nor_other_folders(
    saved, monkeypatch, name
):
    """timm would fetch what such a name says, with the user's own token."""
    document = json.loads((saved[0] / "checkpoint.json").read_text())
    document["model"]["vision"] = {
        **{"kind": "timm", "model": name, "image_px": 32, "patches": 16, "pool": "avg"},
        **{"projected": True, "mean": [0, 0, 0], "std": [1, 1, 1]},
    }
    (saved[0] / "checkpoint.json").write_text(json.dumps(document))
    tried = []
    monkeypatch.setattr(socket.socket, "connect", lambda *_: tried.append("connect"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: tried.append("look up"))

    with pytest.raises(BundleError, match=f"timm .* has no frame encoder '{name}'"):
        load_checkpoint(saved[0])

    assert tried == []


def test_pickled_code_is_never_run(saved, tmp_path):
    marker = tmp_path / "pwned"

    class Attack:
        def __reduce__(self):
            return marker.write_text, ("x",)

    (saved[0] / "model.safetensors").write_bytes(pickle.dumps(Attack()))
    with pytest.raises(BundleError, match="never pickled"):
        load_checkpoint(saved[0])
    assert not marker.exists()


def test_missing_weights_are_named(saved):
    (saved[0] / "model.safetensors").unlink()
    with pytest.raises(BundleError, match=r"model\.safetensors"):
        load_checkpoint(saved[0])


def test_a_failed_write_leaves_the_old_folder(tmp_path):
    target = tmp_path / "thing"
    with written_whole(target) as folder:
        (folder / "a").write_text("old")

    def fail_halfway():
        with written_whole(target) as folder:
            (folder / "a").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert (target / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


def test_a_second_write_replaces_the_first(tmp_path):
    target = tmp_path / "thing"
    for name in ("a", "b"):
        with written_whole(target) as folder:
            (folder / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


def test_the_newest_checkpoint_is_found_and_leftovers_are_not(tmp_path, saved):
    assert newest_checkpoint(tmp_path) == saved[0]
    hidden = tmp_path / "run" / ".step-9.x1"
    hidden.mkdir(parents=True)
    (hidden / "checkpoint.json").write_text("{}")
    assert newest_checkpoint(tmp_path) == saved[0]
    assert newest_checkpoint(tmp_path / "run") is None
