"""What a run is by default: the recipe of its backbone, and its options."""

import dataclasses

import click
import pytest

from stzsar.train.cli import main
from stzsar.train.config import TrainConfig, recipe
from stzsar.train.loop.optim import rate_factor


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
    assert recipe().backbone == "small"
    assert recipe().train_text
    clip = recipe(data="videos", steps=None)
    assert (clip.backbone, clip.pretrained, clip.train_text) == ("ViT-B-32", "openai", False)
    assert recipe(data="videos", batch=7).batch == 7
    assert (recipe().beta2, clip.beta2) == (0.98, 0.999)


def test_a_short_run_reaches_the_peak_of_its_rates():
    """The 500 steps of warm-up over CLIP would be more than all steps of a short run."""
    assert (recipe().warmup_steps, recipe(steps=300).warmup_steps) == (50, 30)
    over_clip = [recipe(data="videos", steps=steps) for steps in (None, 300, 3)]
    assert [config.warmup_steps for config in over_clip] == [500, 30, 0]
    peaks = [
        max(
            rate_factor(step, steps=config.steps, warmup_steps=config.warmup_steps)
            for step in range(config.steps)
        )
        for config in over_clip
    ]
    assert peaks == [1, 1, 1]
    assert recipe(steps=100, warmup_steps=60).warmup_steps == 60


def test_from_scratch_everything_learns_at_one_rate():
    config = recipe(learning_rate=1e-5)
    assert config.learning_rate == config.clip_learning_rate == 1e-5


@pytest.mark.parametrize("parameter", ["interaction", "patch_path"])
def test_the_choices_of_the_help_are_those_of_the_network(parameter):
    """They are repeated there, so that --help need not wait for torch."""
    from stzsar.models import config

    (option,) = (option for option in main.params if option.name == parameter)
    known = {"interaction": config.INTERACTIONS, "patch_path": config.PATCH_PATHS}[parameter]
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == known
