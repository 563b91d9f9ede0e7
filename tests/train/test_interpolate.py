"""stzsar-train interpolate: from a tuned run to checkpoints that every other command takes."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from stzsar.models.checkpoint import Checkpoint, find_checkpoint, read_checkpoint, save_checkpoint
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.bundle.manifest import SamplingSpec, WeightsOrigin
from stzsar.runtime.labels.labels import Label
from stzsar.train.cli import main

BACKBONE = "tiny-ViT"
WEIGHTS = "model.safetensors"


def interpolate(*arguments):
    return CliRunner().invoke(main, ["interpolate", *map(str, arguments)])


def weights(folder):
    return load_file(find_checkpoint(Path(folder)) / WEIGHTS)


def train_tiny(folder, pretrained, *options):
    result = CliRunner().invoke(
        main,
        [
            *("--data", str(folder / "clips"), "--backbone", BACKBONE, "--pretrained", pretrained),
            *("--steps", "2", "--batch", "2", "--frames", "2", "--warmup-steps", "1"),
            *("--workers", "0", "--projections", *options),
        ],
    )
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def trained(backbones, tmp_path_factory, write_noise):
    """A folder with clips/, CLIP's weights in clip.pt, and two steps from there in runs/tuned."""
    folder = tmp_path_factory.mktemp("trained")
    for name in ("HulaHoop", "archery"):
        write_noise(folder / "clips" / name / "a.avi", frames=4)
    clip = folder / "clip.pt"
    torch.save(backbones.make_source(BACKBONE).state_dict(), clip)
    train_tiny(folder, str(clip), "--output", str(folder / "runs" / "tuned"))
    return folder


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """A copy of it to work in."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_tuned_run_is_mixed_tested_and_exported(place):
    from stzsar.export.cli import main as export
    from stzsar.train.evaluation.cli import main as evaluate

    result = interpolate("runs/tuned")
    assert result.exit_code == 0, result.output
    assert "runs/tuned-share-0.5 has 0.5 of the tuned weights" in result.output
    mixed = "runs/tuned-share-0.5"
    tuned, half = weights("runs/tuned"), weights(mixed)
    original = torch.load(place / "clip.pt")
    torch.testing.assert_close(
        half["visual.proj"], (tuned["visual.proj"] + original["visual.proj"]) / 2
    )
    torch.testing.assert_close(half["head.patch_delta"], tuned["head.patch_delta"] / 2)
    torch.testing.assert_close(
        half["head.logit_scale"], (tuned["head.logit_scale"] + original["logit_scale"]) / 2
    )
    assert torch.equal(half["text.token_embedding.weight"], original["token_embedding.weight"])
    found = read_checkpoint(find_checkpoint(Path(mixed)))
    assert found.origin.source == (
        "0.5 of (tiny-ViT (clip.pt), stzsar-train on clips) and 0.5 of (tiny-ViT (clip.pt))"
    )
    assert found.origin.knows.startswith("the classes of clips, and what CLIP knows")

    report = ["--json", "report.json"]
    result = CliRunner().invoke(evaluate, [mixed, "--data", "clips", *report])
    assert result.exit_code == 0, result.output
    assert json.loads(Path("report.json").read_text())["kind"] == "checkpoint"
    result = CliRunner().invoke(export, [mixed, "--no-text-encoder"])
    assert result.exit_code == 0, result.output
    assert "0.5 of (tiny-ViT" in Bundle.open(f"{mixed}/bundle-fp32").manifest.weights.source


def test_the_ends_have_the_bytes_of_the_tuned_and_of_the_original_weights(place):
    result = interpolate("runs/tuned", "--share", 0, "--share", 1, "--output", "mixed")
    assert result.exit_code == 0, result.output
    tuned = find_checkpoint(Path("runs/tuned"))
    all_tuned = find_checkpoint(Path("mixed/tuned-share-1"))
    assert (all_tuned / WEIGHTS).read_bytes() == (tuned / WEIGHTS).read_bytes()
    assert read_checkpoint(all_tuned).origin.knows == read_checkpoint(tuned).origin.knows
    original, none_tuned = torch.load(place / "clip.pt"), weights("mixed/tuned-share-0")
    visual = {name for name in original if name.startswith("visual.")}
    assert all(torch.equal(none_tuned[name], original[name]) for name in visual)
    assert not none_tuned["head.beta"].any()
    knows = read_checkpoint(find_checkpoint(Path("mixed/tuned-share-0"))).origin.knows
    assert knows.startswith("what CLIP knows of single frames")


def test_a_temporal_transformer_stays_as_trained_and_is_named(place):
    train_tiny(place, "clip.pt", "--temporal", "--output", "runs/in-time")
    result = interpolate("runs/in-time", "--share", 0)
    assert result.exit_code == 0, result.output
    assert "temporal transformer stays as trained" in result.output
    tuned, mixed = weights("runs/in-time"), weights("runs/in-time-share-0")
    temporal = [name for name in tuned if name.startswith("temporal.")]
    assert temporal
    assert all(torch.equal(tuned[name], mixed[name]) for name in temporal)
    assert not torch.equal(tuned["visual.proj"], mixed["visual.proj"])


def test_resume_ignores_interpolated_runs(place):
    assert interpolate().exit_code == 0
    result = CliRunner().invoke(main, ["--resume"])
    assert result.exit_code == 0, result.output
    assert "The run is runs/tuned." in result.output
    again = interpolate("--share", 0.25)
    assert again.exit_code == 0, again.output
    assert "runs/tuned-share-0.25 has" in again.output


def test_a_checkpoint_away_from_its_run_asks_for_the_original(place):
    shutil.copytree(find_checkpoint(Path("runs/tuned")), "alone")
    result = interpolate("alone")
    assert result.exit_code == 2
    assert "does not say which weights it started from: name them with --original" in result.output
    result = interpolate("alone", "--original", "clip.pt")
    assert result.exit_code == 0, result.output
    assert torch.equal(weights("alone-share-0.5")["visual.proj"], mixed_by_hand(place))


def mixed_by_hand(place):
    original, tuned = torch.load(place / "clip.pt")["visual.proj"], weights("alone")["visual.proj"]
    return torch.lerp(original, tuned, 0.5)


def other_weights(name, backbones, *, negative=False):
    source = backbones.make_source(name).state_dict()
    if negative:
        source = {key: -value for key, value in source.items()}
    torch.save(source, "other.pt")


def test_weights_of_another_architecture_or_another_network_are_refused(place, backbones):
    other_weights("tiny-PE-Core", backbones)
    result = interpolate("runs/tuned", "--original", "other.pt")
    assert result.exit_code == 2
    assert "other.pt does not hold weights of tiny-ViT" in result.output
    other_weights(BACKBONE, backbones, negative=True)
    result = interpolate("runs/tuned", "--original", "other.pt")
    assert result.exit_code == 2
    assert "was not tuned from tiny-ViT (other.pt)" in result.output
    assert not Path("runs/tuned-share-0.5").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere is neither a checkpoint nor a run with one"),
        (["runs/tuned", "--share", "1.5"], "--share 1.5 is not between 0"),
        (["runs/tuned", "--share", "-0.1"], "--share -0.1 is not between 0"),
        (["runs/tuned", "--share", "nan"], "--share nan is not between 0"),
        (["runs/tuned", "--share", "half"], "'half' is not a valid float"),
        (["runs/tuned", "--share", "0.5", "--share", "0.50"], "--share 0.5 is given twice"),
        (["runs/tuned", "--original", "gone.pt"], "'gone.pt' is neither a file"),
        (["runs/tuned", "--original", "none"], "random weights"),
        (["runs/tuned", "--output", "taken"], "taken/tuned-share-0.5 already exists"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(place, arguments, sentence):
    Path("taken/tuned-share-0.5").mkdir(parents=True)
    result = interpolate(*arguments)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert [path.name for path in Path("runs").iterdir()] == ["tuned"]
    assert not list(Path("taken/tuned-share-0.5").iterdir())


def test_the_original_that_moved_is_asked_for(place):
    config = Path("runs/tuned/config.json")
    began = json.loads(config.read_text())
    config.write_text(json.dumps({**began, "pretrained": "moved.pt"}))
    result = interpolate("runs/tuned")
    assert result.exit_code == 2
    assert "'moved.pt' is neither a file" in result.output
    assert "Name a file with --original FILE" in result.output


def save_small(network, folder):
    described = Checkpoint(
        model=network.config,
        labels=(Label("archery"),),
        sampling=SamplingSpec(frames=2, rate_fps=4.0),
        origin=WeightsOrigin(source="a test", knows="nothing"),
        step=1,
    )
    folder.mkdir(parents=True)
    save_checkpoint(folder, described, network)


def test_networks_that_did_not_start_from_clip_have_no_original(
    tmp_path, monkeypatch, trained, make_network
):
    monkeypatch.chdir(tmp_path)
    result = interpolate()
    assert result.exit_code == 2
    assert "no run under runs/" in result.output
    save_small(make_network(), Path("runs/small/checkpoints/step-000001"))
    result = interpolate("runs/small", "--original", trained / "clip.pt")
    assert result.exit_code == 2
    assert "is the small network, which learned from scratch" in result.output
    shutil.copytree(trained / "clips", "clips")
    train_tiny(tmp_path, "none", "--output", "runs/random")
    result = interpolate("runs/random")
    assert result.exit_code == 2
    assert "started from random weights" in result.output
