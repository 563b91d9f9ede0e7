"""Files from strangers: nothing in them runs, and each fault is one sentence with exit code 2."""

import os
import pickle
import zipfile
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from stzsar.models.checkpoint import load_checkpoint
from stzsar.runtime.errors import BundleError
from stzsar.train.foreign.cli import main
from stzsar.train.foreign.reading import read_foreign


def refusal(*words):
    """Run the command, and return the sentence that it ends with."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


class Tree(nn.Module):
    """Modules whose parameters have the names of a state dict."""

    def __init__(self, state):
        super().__init__()
        nested = {}
        for name, value in state.items():
            first, _, rest = name.partition(".")
            if rest:
                nested.setdefault(first, {})[rest] = value
            else:
                self.register_parameter(name, nn.Parameter(value))
        for first, inner in nested.items():
            self.add_module(first, Tree(inner))

    def forward(self, x):
        return x


@pytest.fixture(scope="module")
def archive(seeded, tmp_path_factory):
    """A TorchScript archive as OpenAI's, in half precision with the sizes in buffers."""
    made = seeded.record("openai")["weights"]
    tree = Tree(seeded.weights(made["shapes"], made["seed"]))
    for name, value in (("input_resolution", 32), ("context_length", 77), ("vocab_size", 49408)):
        tree.register_buffer(name, torch.tensor(value))
    path = tmp_path_factory.mktemp("openai") / "ViT-tiny.pt"
    traced: Any = torch.jit.trace(tree, torch.zeros(1), check_trace=False)
    traced.save(path)
    return path


def test_openais_archive_is_read_without_its_code(archive, seeded, tmp_path):
    record = seeded.record("openai")
    result = CliRunner().invoke(main, [str(archive), "--output", str(tmp_path / "clip")])
    assert result.exit_code == 0, result.output
    assert "is of OpenAI's CLIP" in result.output
    _, network = load_checkpoint(tmp_path / "clip")
    expected = torch.tensor(record["features"]).view(5, -1)
    found = network.eval().visual(seeded.frames(**record["frames"])).frame
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.slow
def test_a_bundle_of_openais_archive_streams_as_whole_windows(
    archive, seeded, streaming, tmp_path, traced_once
):
    folder = tmp_path / "clip"
    result = CliRunner().invoke(main, [str(archive), "--output", str(folder), "--frames", "4"])
    assert result.exit_code == 0, result.output
    streaming.check_streaming(folder, tmp_path / "bundle", seeded.frames(6, 32, 4), 4)


def repacked(path, target, changes, *, packed=zipfile.ZIP_STORED):
    """Copy an archive with some records replaced."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", packed) as new:
        for name in old.namelist():
            inner = name.partition("/")[2]
            new.writestr(name, changes.get(inner, old.read(name)))
    return target


class Shell:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_code_in_a_pickle_is_named_and_never_runs(archive, tmp_path):
    trap = tmp_path / "trap"
    torch.save({"state_dict": Shell(f"touch {trap}")}, tmp_path / "zip.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Shell(f"touch {trap}"), protocol=2))
    torch.save(
        {"w": Shell(f"touch {trap}")}, tmp_path / "old.pt", _use_new_zipfile_serialization=False
    )
    content = pickle.dumps(Shell(f"touch {trap}"), protocol=2)
    repacked(archive, tmp_path / "script.pt", {"data.pkl": content})
    for name in ("zip.pt", "old.pt", "script.pt"):
        assert "posix.system" in refusal(tmp_path / name).replace("posix system", "posix.system")
    refusal(tmp_path / "plain.pt")
    assert not trap.exists()


def test_files_that_hold_more_than_they_have_are_refused(archive, tmp_path):
    packed = repacked(archive, tmp_path / "p.pt", {}, packed=zipfile.ZIP_DEFLATED)
    assert "packed" in refusal(packed)
    torch.save({"w": torch.zeros(2**20)}, tmp_path / "bomb.pt")
    bomb = repacked(tmp_path / "bomb.pt", tmp_path / "b.pt", {}, packed=zipfile.ZIP_DEFLATED)
    assert "unpacks to" in refusal(bomb)
    torch.save({"w": torch.zeros(1).expand(10**7, 10**7)}, tmp_path / "wide.pt")
    assert "more than the file holds" in refusal(tmp_path / "wide.pt")
    short = repacked(archive, tmp_path / "short.pt", {"data/0": b"1234"})
    assert "has 4 bytes" in refusal(short)


def test_other_files_are_refused_in_a_sentence(tmp_path):
    assert "No such file" in refusal(tmp_path / "missing.pt")
    (tmp_path / "text.pt").write_text("hello")
    assert "is not a file of weights" in refusal(tmp_path / "text.pt")
    (tmp_path / "a.safetensors").write_bytes(b"\x00" * 20)
    assert "not a whole safetensors file" in refusal(tmp_path / "a.safetensors")
    torch.save({"w": torch.zeros(4)}, tmp_path / "w.pt")
    half = tmp_path / "half.pt"
    half.write_bytes((tmp_path / "w.pt").read_bytes()[:300])
    refusal(half)
    torch.save([1, 2], tmp_path / "list.pt")
    assert "no state dict" in refusal(tmp_path / "list.pt")
    assert "of no family" in refusal(tmp_path / "w.pt")
    (tmp_path / "folder").mkdir()
    assert "config.json" in refusal(tmp_path / "folder")
    (tmp_path / "folder" / "config.json").write_text('{"model_type": "bert"}')
    assert "describes no CLIP" in refusal(tmp_path / "folder")


class CfgNode(dict):
    """What yacs saves beside weights: a dictionary with attributes, of a class not installed."""


@pytest.fixture
def settings(monkeypatch):
    """Makes pickles name CfgNode as yacs does, while they are written."""
    import sys
    import types

    module = types.ModuleType("yacs.config")
    monkeypatch.setattr(CfgNode, "__module__", "yacs.config")
    monkeypatch.setattr(module, "CfgNode", CfgNode, raising=False)
    monkeypatch.setitem(sys.modules, "yacs", types.ModuleType("yacs"))
    monkeypatch.setitem(sys.modules, "yacs.config", module)
    made = CfgNode(DATA=CfgNode(CAPTION_BAG_DIR="bags"), MODEL=CfgNode(USE_TEMP_ATTENTION=None))
    made.__dict__["__immutable__"] = True
    return made


def test_a_configuration_beside_weights_tells_maxi(settings, tmp_path):
    from stzsar.train.foreign.families import family_of

    names = ("image_encoder.conv1.weight", "text_encoder.text_projection")
    state = {f"module.{name}": torch.ones(2) for name in names}
    torch.save({"model": state, "config": settings}, tmp_path / "maxi.pth")
    file = read_foreign(tmp_path / "maxi.pth")
    assert file.settings["DATA"] == {"CAPTION_BAG_DIR": "bags"}
    assert family_of(file).name == "maxi"
    settings["MODEL"]["USE_TEMP_ATTENTION"] = True
    torch.save({"model": state, "config": settings}, tmp_path / "temporal.pth")
    with pytest.raises(BundleError, match="temporal attention"):
        family_of(read_foreign(tmp_path / "temporal.pth"))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Open-VCLIP", "model.visual.conv1.weight"),
        ("FROSTER", "projector_v.0.weight"),
        ("TC-CLIP", "image_encoder.transformer.resblocks.0.attn.q_proj.weight"),
        ("X-CLIP", "visual.transformer.resblocks.0.message_attn.in_proj_weight"),
        ("EZ-CLIP", "visual.transformer.resblocks.0.T_Adapter.D_fc1.weight"),
        ("ST-Adapter", "transformer.resblocks.0.adapter_pre_attn.conv.weight"),
        ("Vita-CLIP", "visual.time_embed"),
        ("DiST", "backbone.dist_net.temporal_stem.weight"),
        ("ViFi-CLIP with learned prompts", "image_encoder.VPT"),
    ],
)
def test_what_cannot_stream_is_refused_by_name(title, name, tmp_path):
    torch.save({name: torch.ones(1), "visual.conv1.weight": torch.ones(1)}, tmp_path / "a.pt")
    sentence = refusal(tmp_path / "a.pt")
    assert f"is of {title} (it has '{name}'), which stzsar does not import: " in sentence


def changed(path, target, **changes):
    document = torch.load(path)
    state = document["model"]
    for name, value in changes.items():
        state[name] = value
        if value is None:
            del state[name]
    torch.save(document, target)
    return target


def test_every_tensor_must_have_its_place(foreign, original, tmp_path):
    path, away = foreign("ost"), tmp_path / "a.pt"

    def said(**changes):
        return refusal("ost", changed(path, away, **changes), "--with", original)

    norm = "module.image_encoder.ln_post.weight"
    extra = said(**{"module.extra": torch.ones(1)})
    assert "1 tensors that OST does not have, the first is 'extra'" in extra
    assert "the first is 'visual.ln_post.weight'" in said(**{norm: None})
    assert "the first is 'visual.ln_post.weight'" in said(**{norm: torch.ones(3)})
    assert "not finite" in said(**{norm: torch.full((128,), float("nan"))})


def test_options_without_effect_are_refused(foreign, original, tmp_path):
    ost, vifi = foreign("ost"), foreign("vifi-clip")
    assert "name the CLIP that it was tuned from with --with" in refusal(vifi)
    assert "0.8 of its weights and 0.2 of CLIP's" in refusal(ost)
    assert "--mix 0.5 mixes with CLIP" in refusal(ost, "--mix", "0.5")
    assert "between 0" in refusal(ost, "--mix", "2", "--with", original)
    assert "go together" in refusal(ost, "--classes", "names.csv")
    assert "no family 'bik'" in refusal("bik", ost)
    assert "name its file too" in refusal("ost")
    assert "must hold {} once" in refusal(ost, "--prompt", "a video", "--mix", "1")
    state = torch.load(original)
    torch.save({name: -value for name, value in state.items()}, tmp_path / "other.pt")
    assert "was not tuned from" in refusal(ost, "--with", tmp_path / "other.pt")
