"""What the shipped bundle's explanations are worth, on drawn pictures where the truth is known."""

import dataclasses

import numpy as np
import pytest

from stzsar.runtime import Recognizer
from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.scoring.window import FrameRing
from stzsar.runtime.shapes.scenes import SAMPLING, SIZE_PX, Scene, unseen_actions

CLIPS = 72


def shape_on_patches(scene, time_s, grid):
    """The share of each patch that shape and prop cover, by drawing the scene on no backdrop."""
    bare = dataclasses.replace(scene, backdrop=np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8))
    seen = (bare.frame(time_s) > 0).any(-1)
    rows, columns = grid
    return seen.reshape(rows, SIZE_PX // rows, columns, SIZE_PX // columns).mean((1, 3))


@pytest.mark.slow
def test_the_winning_patch_is_on_the_shape_far_more_often_than_by_chance():
    """Patches of this network look around (attention), so that not every one is on it."""
    recognizer = Recognizer.load(shipped_bundle())
    grid = recognizer.manifest.patch_grid
    hits, chances = [], []
    for number in range(CLIPS):
        rng = np.random.default_rng([7, number])
        scene = Scene.draw(unseen_actions()[number % 24], rng, hard=False)
        times = rng.uniform(0, 2) + np.arange(SAMPLING.frames) / SAMPLING.rate_fps
        frames = np.stack([scene.frame(t) for t in times])
        states = recognizer.scorer.encode(frames, features=True)
        window = FrameRing.of(states, times.tolist())
        found = recognizer.scorer.recognize("drawn", window, explained=True)
        assert found.explanation is not None
        for reason in found.explanation.frames:
            cover = shape_on_patches(scene, reason.time_s, grid)
            if cover.max() > 0.05:
                hits.append(cover[reason.patch] > 0.05)
                chances.append((cover > 0.05).mean())
    # 59 % of 550 frames, where a patch at random would be on it in 27 %.
    assert len(hits) > 500
    assert np.mean(hits) > 1.5 * np.mean(chances)
