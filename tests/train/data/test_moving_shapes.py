"""MovingShapes: what it promises about its classes, splits and settings."""

import itertools
from collections import Counter

import cv2
import numpy as np
import pytest
import torch

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.shapes.motions import MOTIONS
from stzsar.runtime.shapes.scenes import (
    SAMPLING,
    THINGS,
    Scene,
    Untrimmed,
    find_action,
    seen_actions,
    unseen_actions,
)
from stzsar.train.data.dataset import ClipRequest
from stzsar.train.data.moving_shapes import MovingShapes, write_video

SPLITS = ("train", "seen-test", "unseen-test")


def clip(dataset, index):
    return dataset[ClipRequest(index, 0)]


def test_every_combination_is_seen_or_unseen_and_never_both():
    seen, unseen = {a.label.name for a in seen_actions()}, {a.label.name for a in unseen_actions()}
    assert not seen & unseen
    assert len(seen | unseen) == len(THINGS) * len(MOTIONS) == 120
    assert len(unseen) >= 20


def test_each_thing_and_each_motion_is_seen_in_training():
    assert {a.thing.name for a in seen_actions()} == {thing.name for thing in THINGS}
    assert {a.motion.name for a in seen_actions()} == {motion.name for motion in MOTIONS}


def test_what_is_easily_mixed_up_is_unseen_together():
    """Else no unseen class would ask for the direction of a motion, or for an attribute."""
    unseen = {(a.thing.name, a.motion.name) for a in unseen_actions()}
    for first, second in zip(MOTIONS[::2], MOTIONS[1::2], strict=True):
        things = [{t for t, motion in unseen if motion == m.name} for m in (first, second)]
        assert things[0] == things[1]
        assert len(things[0]) == 2


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("setting", ["plain", "hard", "untrimmed", "mixed", "all"])
def test_a_clip_is_a_function_of_its_seed_and_index(split, setting):
    first, again = (MovingShapes(split, setting, seed=5) for _ in range(2))
    other = MovingShapes(split, setting, seed=6)
    assert torch.equal(clip(first, 11).frames, clip(again, 11).frames)
    assert not torch.equal(clip(first, 11).frames, clip(other, 11).frames)
    assert not torch.equal(clip(first, 11).frames, clip(first, 12).frames)


def test_the_mixed_setting_begins_plain_and_grows_to_half_hard():
    mixed, plain = MovingShapes("train", "mixed"), MovingShapes("train", "plain")

    def hard_share(draw):
        """A hard clip differs from the plain one of the same seed."""
        pairs = ((mixed[ClipRequest(i, draw)], plain[ClipRequest(i, draw)]) for i in range(60))
        return np.mean([not torch.equal(a.frames, b.frames) for a, b in pairs])

    assert hard_share(0) == hard_share(50_000) == 0
    assert 0.1 < hard_share(75_000) < 0.4 < hard_share(200_000) < 0.65


def test_all_settings_begin_plain_and_grow_to_thirds():
    everything = MovingShapes("train", "all")

    def settings(draw):
        scenes = [everything.drawn(ClipRequest(i, draw)).scene for i in range(300)]
        hard = np.mean([scene.active_s is not None for scene in scenes])
        return hard, np.mean([bool(scene.pauses) for scene in scenes])

    assert settings(50_000) == (0, 0)
    assert settings(100_000) == pytest.approx((1 / 3, 1 / 3), abs=0.06)


def test_the_splits_show_different_clips():
    clips = [clip(MovingShapes(split, "plain"), 3).frames for split in SPLITS]
    assert not torch.equal(clips[0], clips[1])
    assert not torch.equal(clips[1], clips[2])


def test_test_splits_hold_as_many_clips_of_each_class():
    for split in ("seen-test", "unseen-test"):
        dataset = MovingShapes(split)
        counts = Counter(index % len(dataset.labels) for index in range(len(dataset)))
        assert set(counts.values()) == {20}


def test_frames_are_what_the_small_network_takes():
    frames, label = clip(MovingShapes("train", "hard"), 0)
    assert frames.dtype == torch.uint8
    assert frames.shape == (SAMPLING.frames, 64, 64, 3)
    assert label == 0


def test_plain_texts_are_unique_and_hard_ones_share_a_word_for_two_actions():
    plain = [label.text for label in MovingShapes("train", "plain").labels]
    hard = Counter(label.text for label in MovingShapes("train", "hard").labels)
    assert len(set(plain)) == len(plain)
    shared = {text.split()[-1] for text, count in hard.items() if count == 2}
    assert shared == {"swinging", "charging"}


def test_attributes_tell_apart_what_the_hard_names_do_not():
    labels = MovingShapes("train", "hard").labels
    assert len({(label.text, label.attributes) for label in labels}) == len(labels)
    for label in labels:
        assert len(label.attributes) == 8
        assert not set(label.attributes) & {label.name, label.text}


def test_in_the_plain_setting_every_part_of_the_window_moves():
    moving = [m for m in MOTIONS if m.name not in ("blinking",)]
    for motion in moving:
        action = next(a for a in seen_actions() if a.motion == motion)
        scene = Scene.draw(action, np.random.default_rng(1), hard=False)
        frames = [scene.frame(t / SAMPLING.rate_fps) for t in range(SAMPLING.frames)]
        assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(frames))


def test_in_the_hard_setting_the_action_fills_a_part_of_the_window():
    action = find_action("blue circle moving left")
    for seed in range(10):
        scene = Scene.draw(action, np.random.default_rng(seed), hard=True)
        times = np.linspace(0, SAMPLING.window_s, 41)
        still = [
            np.array_equal(scene.frame(a), scene.frame(b)) for a, b in itertools.pairwise(times)
        ]
        assert 0.15 < np.mean(still) < 0.5


@pytest.mark.parametrize("cuts", [1, 2, 3, 4])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_an_untrimmed_window_shows_its_action_for_its_share_between_its_cuts(cuts, share):
    clips = MovingShapes("unseen-test", "untrimmed", untrimmed=Untrimmed((share, share), cuts))
    acts = np.stack([clips.drawn(ClipRequest(number, 0)).acts() for number in range(60)])
    assert acts.mean() == pytest.approx(share, abs=0.11)  # 8 frames, of which the last is early
    assert acts.any(1).all()
    seen_cuts = np.abs(np.diff(acts.astype(int))).sum(1)
    assert seen_cuts.max() == cuts
    assert seen_cuts.mean() > cuts - 0.1
    assert acts[:, 0].any() == (cuts % 2 == 1)


def test_a_pause_shows_another_thing_at_rest_on_another_backdrop():
    clips = MovingShapes("unseen-test", "untrimmed")
    for number in range(10):
        drawn = clips.drawn(ClipRequest(number, 0))
        frames, acts = drawn.frames(), drawn.acts()
        first = frames[~acts][0]
        assert any(np.array_equal(first, frame) for frame in frames[1:])  # at rest
        corners = frames[:, [0, 0, -1, -1], [0, -1, 0, -1]].astype(int)
        assert np.abs(corners[~acts][0] - corners[acts][0]).max() > 9  # grain is within 9
        assert drawn.scene.active_s is None  # the action moves whenever it is in the picture


@pytest.mark.parametrize(
    ("untrimmed", "sentence"),
    [
        ({"share": (0.1, 0.3)}, "cannot fill 0.1 to 0.3 of the time: give a share from 0.2 to 0.6"),
        ({"share": (0.5, 0.4)}, "cannot fill 0.5 to 0.4"),
        ({"cuts": 0}, "cannot be 0 cuts: give 1 to 4"),
        ({"cuts": 5}, "cannot be 5 cuts"),
        ({"cuts": 3, "share": (0.2, 0.2)}, "2 parts of an action of 20%, which could fall between"),
    ],
)
def test_impossible_cuts_are_one_sentence(untrimmed, sentence):
    with pytest.raises(StzsarError, match=sentence):
        clip(MovingShapes("unseen-test", "untrimmed", untrimmed=Untrimmed(**untrimmed)), 0)


def test_distractors_are_other_things_and_only_in_the_hard_setting():
    action = find_action("red heart rising")
    for seed in range(10):
        rng = np.random.default_rng(seed)
        hard = Scene.draw(action, rng, hard=True)
        assert 1 <= len(hard.distractors) <= 2
        assert all(d.thing != action.thing for d in hard.distractors)
        assert not Scene.draw(action, np.random.default_rng(seed), hard=False).distractors


def test_left_and_right_share_their_pictures_and_differ_in_order():
    """Only a network that looks across frames can tell them apart."""
    chance = Scene.draw(
        find_action("red heart moving left"), np.random.default_rng(0), hard=False
    ).chance
    left, right = (find_action(f"red heart moving {side}").motion for side in ("left", "right"))
    xs_left = [left.move(t, chance).x for t in (0.0, 0.1, 0.2)]
    xs_right = [right.move(t, chance).x for t in (0.0, 0.1, 0.2)]
    np.testing.assert_allclose(np.array(xs_left) + np.array(xs_right), 1)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_shows_its_actions_one_after_the_other(tmp_path, suffix):
    path = tmp_path / f"sample{suffix}"
    actions = [find_action("red heart rising"), find_action("blue circle shaking")]
    write_video(path, actions, seconds_each=1.0, fps=12, scale=2)
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    assert len(frames) == 24
    assert frames[0].shape == (128, 128, 3)
    # The reddest pixel of the first half is a heart's, the bluest of the second a circle's.
    red, blue = frames[5].astype(int), frames[20].astype(int)
    assert (red[..., 2] - red[..., 0]).max() > 120
    assert (blue[..., 0] - blue[..., 2]).max() > 120


def test_an_unwritable_video_is_one_sentence(tmp_path):
    with pytest.raises(StzsarError, match="Cannot write"):
        write_video(tmp_path / "no" / "folder.mp4", unseen_actions()[:1], seconds_each=1)


def test_an_unknown_action_is_one_sentence():
    with pytest.raises(StzsarError, match="no action 'cat'"):
        find_action("cat")
