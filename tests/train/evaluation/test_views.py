"""Clips in time and crops in space, and files that are not as they should be."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from stzsar.runtime.errors import SourceError, StzsarError
from stzsar.runtime.preprocessing.pixels import fit_frame
from stzsar.runtime.preprocessing.sampling import segment_indices
from stzsar.runtime.sources.clips import read_clip
from stzsar.train.evaluation.options import EvalOptions
from stzsar.train.evaluation.protocols import plan
from stzsar.train.evaluation.scoring import ViewSpec, check_files, run_contests
from stzsar.train.evaluation.views import VIEWS

VIEW = ViewSpec(frames=4, size_px=16)


@pytest.fixture
def numbered(tmp_path):
    """32 frames whose grey is 7 times their number, 96 x 32 px, left third 90 brighter."""
    path = tmp_path / "numbered.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (96, 32))
    for index in range(32):
        picture = np.full((32, 96, 3), 5 * index, np.uint8)
        picture[:, :32] += 90
        writer.write(picture)
    writer.release()
    return path


def numbers(images):
    return np.rint(images[..., 8, 8, 0] / 5).astype(int).tolist()


def read(path, **views):
    return ViewSpec(**{"frames": 4, "size_px": 16, **views}).read(path)


def test_one_view_is_the_clip_that_the_runtime_reads(numbered):
    views = read(numbered)
    assert (views.images_vthwc[0] == read_clip(numbered, frames=4, size_px=16).images_thwc).all()
    assert views.images_vthwc.shape == (1, 4, 16, 16, 3)


def test_clips_lie_at_evenly_spread_places_of_the_segments(numbered):
    views = read(numbered, clips=2)
    assert numbers(views.images_vthwc) == [[2, 10, 18, 26], [6, 14, 22, 30]]


def test_crops_lie_left_in_the_centre_and_right(numbered):
    views = read(numbered, clips=2, crops=3)
    assert views.images_vthwc.shape == (6, 4, 16, 16, 3)
    bright = views.images_vthwc[..., 0].mean((1, 2, 3)) - views.images_vthwc[2, ..., 0].mean()
    assert bright[:3] == pytest.approx([90, 0, 0], abs=3)
    assert (views.images_vthwc[4] != views.images_vthwc[1]).any()


def test_places_outside_are_mistakes():
    with pytest.raises(ValueError, match="cannot fit"):
        fit_frame(np.zeros((4, 4, 3), np.uint8), 4, place=1.5)
    with pytest.raises(ValueError, match="cannot choose"):
        segment_indices(8, 4, offset=1.0)


def test_the_views_of_bike_and_mote_take_the_first_frame_of_each_segment(numbered):
    assert numbers(read(numbered, view="mote").images_vthwc) == [[0, 8, 16, 24]]
    two = read(numbered, view="mote", clips=2)
    assert numbers(two.images_vthwc) == [[0, 8, 16, 24], [7, 15, 23, 31]]


# What the families' own code chose and cut, see tests/data/foreign/views.json.
RECORDED = json.loads((Path(__file__).parents[2] / "data" / "foreign" / "views.json").read_text())


@pytest.mark.parametrize("view", RECORDED["indices"])
def test_a_family_s_frames_are_those_of_its_code(view):
    for case in RECORDED["indices"][view]:
        chosen = VIEWS[view].choose(case["count"], case["frames"], case["clips"])
        assert chosen == case["chosen"], case


@pytest.mark.parametrize("view", RECORDED["pixels"])
def test_a_family_s_pixels_are_those_of_its_code(view):
    """To the value, on every 40th pixel of each row and column."""
    for case in RECORDED["pixels"][view]:
        height, width = case["height"], case["width"]
        noise = np.random.default_rng([height, width]).integers(0, 256, (height, width, 3))
        crops = VIEWS[view].fit(noise.astype(np.uint8), case["size_px"], case["crops"])
        assert crops.shape == (case["crops"], case["size_px"], case["size_px"], 3)
        assert crops[:, 5::40, 5::40].tolist() == case["seen"], case["height"]


@pytest.mark.parametrize(
    ("view", "views", "said"),
    [
        ("actionclip", {"clips": 2}, "--view actionclip has no --clips above 1"),
        ("actionclip", {"crops": 3}, "--view actionclip has no --crops above 1"),
        ("vifi-clip", {"clips": 4}, "--view vifi-clip has no --clips above 1"),
        ("bikes", {}, "There is no view 'bikes'"),
    ],
)
def test_views_that_a_family_does_not_have_are_refused(view, views, said, tmp_path):
    with pytest.raises(StzsarError, match=said):
        EvalOptions(model=tmp_path, data=tmp_path, view=view, **views)


def test_a_strip_does_not_become_gigabytes():
    strip = np.zeros((1, 200_000, 3), np.uint8)
    for view in ("bike", "vifi-clip"):
        with pytest.raises(SourceError, match="200000x1 px is too long and thin"):
            VIEWS[view].fit(strip, 224, 1)


class Constant:
    """Prefers the second class in the first view and, more, the first one in the others."""

    device = "nowhere"
    no_voting: str | None = None

    def __init__(self):
        self.shapes = []

    def score(self, images_vthwc):
        from stzsar.train.evaluation.model import ClipScores

        self.shapes.append(images_vthwc.shape)
        logits = np.zeros((len(images_vthwc), 4))
        logits[0, 1] = 1.0
        logits[1:, 0] = 2.0
        return ClipScores(logits, None)


def test_the_scores_of_views_are_averaged(data):
    made = plan("plain", data)
    one, three = Constant(), Constant()
    (single,) = run_contests(one, made.clips, made.contests, VIEW).results
    views = ViewSpec(frames=4, size_px=16, clips=1, crops=3)
    (several,) = run_contests(three, made.clips, made.contests, views).results
    assert set(single.head.predicted) == {1}
    assert set(several.head.predicted) == {0}
    assert one.shapes[0][:2] == (1, 4)
    assert three.shapes[0][:2] == (3, 4)


def test_each_clip_is_scored_once_however_many_contests_it_is_in(data):
    made = plan("halves", data, None)
    model = Constant()
    run_contests(model, made.clips, made.contests, VIEW)
    wanted = {place for contest in made.contests for place in contest.clips}
    assert len(model.shapes) == len(wanted) == 12


def test_the_result_does_not_depend_on_the_number_of_readers(data, by_grey):
    made = plan("plain", data)
    model = by_grey(np.random.default_rng(0).normal(size=(12, 4)))
    results = [
        run_contests(model, made.clips, made.contests, VIEW, readers=readers).results[0]
        for readers in (1, 5)
    ]
    assert results[0].clips == results[1].clips
    assert (results[0].head.rank == results[1].head.rank).all()


def test_broken_files_are_told_before_the_work_and_counted(data):
    for name in ("HulaHoop", "YoYo"):
        (data / name / f"v_{name}_g01_c01.avi").write_bytes(b"no video")
    made = plan("plain", data)
    with pytest.raises(SourceError, match=r"Cannot read 2 of 12 clips.*v_HulaHoop_g01_c01"):
        check_files(made.clips.clips, readers=2)


def test_broken_files_are_left_out_of_the_figures_if_that_is_allowed(data, by_grey):
    (data / "YoYo" / "v_YoYo_g01_c01.avi").write_bytes(b"no video")
    made = plan("plain", data)
    right = by_grey(np.eye(4)[[2, 2, 2, 1, 1, 1, 3, 3, 3, 0, 0, 0]])
    with pytest.raises(SourceError, match="v_YoYo_g01_c01"):
        run_contests(right, made.clips, made.contests, VIEW)
    outcome = run_contests(right, made.clips, made.contests, VIEW, allow_broken=True)
    (result,) = outcome.results
    assert len(outcome.broken) == 1
    assert len(result.clips) == 11
    assert (result.head.rank == 0).all()
