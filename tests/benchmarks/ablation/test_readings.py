"""Where S and f should lie, by scenes whose truth is known."""

import dataclasses

import numpy as np

from stzsar.benchmarks.ablation import readings
from stzsar.benchmarks.ablation.encoder import network_config
from stzsar.models.stzsar import STZSAR
from stzsar.runtime.shapes.scenes import Scene, find_action
from stzsar.train.data.dataset import ClipRequest
from stzsar.train.data.moving_shapes import MovingShapes


def scene(name, **changes):
    drawn = Scene.draw(find_action(name), np.random.default_rng(0), hard=True)
    return dataclasses.replace(drawn, **changes)


def test_the_action_goes_on_between_its_start_and_its_end():
    times_s = 10 + np.arange(8) * 0.25
    active = readings._active(scene("red heart falling", active_s=(0.5, 1.0)), times_s)
    assert active.tolist() == [False, False, True, True, True, False, False, False]


def test_the_patches_of_the_thing_are_those_that_it_covers():
    still = scene("blue circle shaking")
    chance = dataclasses.replace(still.chance, x=0.25, y=0.25)
    shown = readings._shown(
        dataclasses.replace(still, chance=chance), np.zeros(1), STZSAR(network_config())
    )
    grid = shown.reshape(4, 4)
    assert grid[:2, :2].any()
    assert not grid[2:].any()
    assert not grid[:, 3].any()


def test_a_clip_shows_the_scene_that_it_is_said_to_show():
    clips = MovingShapes("unseen-test", "hard")
    drawn, times_s = clips.scene(ClipRequest(5, 5))
    frames = clips[ClipRequest(5, 5)].frames.numpy()
    np.testing.assert_array_equal(frames[3], drawn.frame(times_s[3], times_s[0]))
