"""Where weights and f should lie, by scenes whose truth is known."""

import dataclasses

import numpy as np

from stzsar.benchmarks.ablation import readings
from stzsar.benchmarks.ablation.encoder import network_config
from stzsar.models.stzsar import STZSAR
from stzsar.runtime.shapes.clips import DrawnClip
from stzsar.runtime.shapes.scenes import UNTRIMMED, Scene, find_action
from stzsar.train.data.dataset import ClipRequest
from stzsar.train.data.moving_shapes import MovingShapes

TIMES_S = 10 + np.arange(8) * 0.25


def scene(name, untrimmed=None, **changes):
    drawn = Scene.draw(find_action(name), np.random.default_rng(0), hard=True, untrimmed=untrimmed)
    return dataclasses.replace(drawn, **changes)


def test_the_action_goes_on_between_its_start_and_its_end():
    clip = DrawnClip(scene("red heart falling", active_s=(0.5, 1.0)), TIMES_S)
    assert clip.acts().tolist() == [False, False, True, True, True, False, False, False]


def test_the_patches_of_the_thing_are_those_that_it_covers():
    still = scene("blue circle shaking")
    chance = dataclasses.replace(still.chance, x=0.25, y=0.25)
    clip = DrawnClip(dataclasses.replace(still, chance=chance), np.zeros(1))
    grid = readings.shown_patches(clip, STZSAR(network_config())).reshape(4, 4)
    assert grid[:2, :2].any()
    assert not grid[2:].any()
    assert not grid[:, 3].any()


def test_in_a_pause_no_patch_shows_the_thing():
    clip = DrawnClip(scene("blue circle shaking", UNTRIMMED), TIMES_S)
    shown = readings.shown_patches(clip, STZSAR(network_config())).any(-1)
    assert shown.tolist() == clip.acts().tolist()
    assert 0 < shown.sum() < 8


def test_a_clip_shows_the_scene_that_it_is_said_to_show():
    clips = MovingShapes("unseen-test", "untrimmed")
    drawn = clips.drawn(ClipRequest(5, 5))
    frames = clips[ClipRequest(5, 5)].frames.numpy()
    np.testing.assert_array_equal(frames[3], drawn.scene.frame(drawn.times_s[3], drawn.times_s[0]))
