"""What a run is by default: the recipe of its backbone, and its options."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from stzsar.runtime.errors import StzsarError
from stzsar.train.cli import main
from stzsar.train.config import FineTuning, TrainConfig
from stzsar.train.loop.optim import make_optimizer, rate_factor


def test_every_field_of_the_configuration_is_an_option():
    options = {parameter.name for parameter in main.params}
    assert {field.name for field in dataclasses.fields(TrainConfig)} <= options


def test_the_rate_warms_up_and_falls_to_zero():
    factors = [rate_factor(step, steps=100, warmup_steps=10) for step in range(101)]
    assert factors[0] == 0.1
    assert max(factors) == factors[9] == factors[10] == 1
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[100] < 1e-9


def test_defaults_follow_the_backbone():
    assert TrainConfig().backbone == "small"
    assert TrainConfig().train_text
    clip = FineTuning(data="videos")
    assert (clip.backbone, clip.pretrained, clip.train_text) == ("ViT-B-32", "openai", False)
    assert (TrainConfig().beta2, clip.beta2) == (0.98, 0.999)


def test_a_short_run_reaches_the_peak_of_its_rates():
    """The 500 steps of warm-up over CLIP would be more than all steps of a short run."""
    assert (TrainConfig().warmup, TrainConfig(steps=300).warmup) == (50, 30)
    over_clip = [FineTuning(data="videos", steps=steps) for steps in (5000, 300, 3)]
    assert [config.warmup for config in over_clip] == [500, 30, 0]
    peaks = [
        max(
            rate_factor(step, steps=config.steps, warmup_steps=config.warmup)
            for step in range(config.steps)
        )
        for config in over_clip
    ]
    assert peaks == [1, 1, 1]
    assert TrainConfig(steps=100, warmup_steps=60).warmup == 60


@pytest.mark.parametrize(
    ("options", "rates"),
    [
        (["--learning-rate", "1e-5"], {1e-5}),
        (["--learning-rate", "1e-5", "--clip-learning-rate", "1e-6"], {1e-5, 1e-6}),
        (["--data", "videos"], {5e-5, 5e-6}),
        (["--data", "videos", "--backbone", "small"], {1e-3}),
    ],
)
def test_from_scratch_everything_learns_at_one_rate(
    monkeypatch, make_network, tiny_network, options, rates
):
    """Every group of the optimiser has one of the peak rates."""
    config = configured(monkeypatch, *options)
    groups = make_optimizer(make_network(), config).param_groups
    assert {group["peak"] for group in groups} == rates


def configured(monkeypatch, *options):
    """Return the configuration that the command makes of its options."""
    made = []
    monkeypatch.setattr("stzsar.train.run.train", made.append)
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 0, result.output
    return made[0].config


def test_the_command_takes_the_defaults_of_data_and_backbone(monkeypatch):
    assert configured(monkeypatch) == TrainConfig()
    small = configured(monkeypatch, "--data", "videos", "--backbone", "small", "--no-augment")
    assert small == TrainConfig(data="videos", augment=False)
    clip = configured(monkeypatch, "--data", "videos", "--steps", "7")
    assert clip == FineTuning(data="videos", steps=7)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"labels": "labels.json"}, "MovingShapes is drawn, with labels of its own"),
        ({"backbone": "ViT-B-32"}, "at 64 px, which ViT-B-32 does not support"),
        ({"data": "videos", "split": 1}, "require --lists"),
        ({"data": "videos", "tokenizer": "tokenizer.json"}, "require a --backbone"),
        ({"validate_labels": "labels.json"}, "require --validate"),
        ({"steps": 5, "warmup_steps": 5}, "does not end within 5 steps"),
        ({"batch": 4, "accumulate": 4}, "leaves one clip a part"),
        ({"batch": 1}, "leaves one clip a part"),
    ],
)
def test_options_that_contradict_each_other_are_refused_when_they_are_made(options, sentence):
    with pytest.raises(StzsarError, match=sentence):
        TrainConfig(**options)


def test_labels_that_are_typed_hold_in_every_folder_as_files_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    typed = TrainConfig(data="videos", labels="bow,arrow", validate="v", validate_labels="a.txt")

    located = typed.located()

    assert located.labels == "bow,arrow"
    assert located.validate_labels == str(tmp_path / "a.txt")
    with pytest.raises(StzsarError, match="There is no file 'bow' for --labels"):
        TrainConfig(data="videos", labels="bow").located()


def test_runs_from_before_augmentation_go_on_without_it(tmp_path):
    TrainConfig(data="videos").save(tmp_path)
    path = tmp_path / "config.json"
    older = json.loads(path.read_text())
    del older["augment"], older["attributes"]
    path.write_text(json.dumps(older))
    loaded = TrainConfig.load(tmp_path)
    assert (loaded.augment, loaded.attributes) == (False, False)
