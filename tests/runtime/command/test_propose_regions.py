"""Regions that are proposed: where something moves, and nowhere else; to be pasted, not applied."""

import cv2
import numpy as np
import pytest

from stzsar.runtime.shapes.scenes import Scene, unseen_actions
from stzsar.runtime.sources.moving import MotionMap
from stzsar.runtime.sources.streams_file import read_streams

SIZE_WH = 640, 360
# Left, top and side of what moves, in pixels.
PLACES = ((60, 200, 90), (430, 40, 80))


class Camera:
    """A wide, noisy picture that stands still, with small scenes of MovingShapes in it."""

    def __init__(self, places=PLACES, *, noise=3.0):
        self.rng = np.random.default_rng(0)
        self.still = cv2.resize(
            self.rng.integers(40, 200, (9, 16, 3)).astype(np.uint8), SIZE_WH
        ).astype(np.float32)
        self.places, self.noise = places, noise
        self.scenes = [
            Scene.draw(action, np.random.default_rng(number), hard=False)
            for number, action in enumerate(unseen_actions()[:: 24 // max(1, len(places))])
        ]

    def picture(self, time_s, *, light=0.0):
        image = self.still + light
        for (left, top, side), scene in zip(self.places, self.scenes, strict=False):
            image[top : top + side, left : left + side] = cv2.resize(
                scene.frame(time_s), (side, side)
            )
        image = image + self.rng.normal(0, self.noise, image.shape)
        return np.clip(image, 0, 255).astype(np.uint8)


def watched(camera, *, seconds=12, light=lambda time_s: 0.0):
    motion = MotionMap()
    for number in range(5 * seconds):
        motion.add(camera.picture(number / 5, light=light(number / 5)))
    return motion


def pixels(region):
    top, left, bottom, right = region.area.bounds(SIZE_WH[1], SIZE_WH[0])
    return left, top, right, bottom


def test_a_region_is_around_each_thing_that_moves_and_square():
    proposals = watched(Camera()).proposals()
    assert len(proposals) == 2
    for left, top, side in PLACES:
        (found,) = (
            one
            for one in proposals
            if pixels(one.region)[0] <= left + side / 2 <= pixels(one.region)[2]
        )
        x0, y0, x1, y1 = pixels(found.region)
        assert x0 <= left + 0.25 * side
        assert x1 >= left + 0.75 * side
        assert y0 <= top + 0.25 * side
        assert y1 >= top + 0.75 * side
        assert x1 - x0 == pytest.approx(y1 - y0, abs=3)
        assert x1 - x0 < 2 * side
        assert found.moving > 0.5
    assert [one.region.name for one in proposals] == ["motion 1", "motion 2"]
    assert proposals[0].moving >= proposals[1].moving


def test_nothing_is_proposed_where_nothing_moves_but_noise_and_light():
    assert watched(Camera(())).proposals() == []
    flash = watched(Camera(()), light=lambda time_s: 60.0 * (int(time_s) % 2)).proposals()
    assert flash == []


def test_a_picture_of_one_column_takes_no_more_memory_than_others():
    motion = MotionMap()
    for level in (0, 255, 0):
        column = np.zeros((4000, 1, 3), np.uint8)
        column[1000:1400] = level
        motion.add(column)
    assert motion.heat().shape == (768, 192)
    assert motion.pictures == 2


def test_what_moves_everywhere_is_no_region():
    motion, rng = MotionMap(), np.random.default_rng(0)
    still = rng.integers(0, 255, (SIZE_WH[1] // 4, SIZE_WH[0] // 4, 3)).astype(np.uint8)
    for number in range(40):  # a camera that pans
        motion.add(cv2.resize(np.roll(still, 5 * number, axis=1), SIZE_WH))
    assert motion.proposals() == []


def test_a_long_film_needs_no_more_memory(monkeypatch):
    monkeypatch.setattr("stzsar.runtime.sources.moving.MOST_MASKS", 16)
    motion = watched(Camera(), seconds=40)
    assert len(motion._masks) <= 16
    assert motion.pictures == 199
    assert all(one.moving > 0.5 for one in motion.proposals())


@pytest.fixture
def film(tmp_path):
    camera = Camera()
    path = tmp_path / "hall.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, SIZE_WH)
    for number in range(60):
        writer.write(camera.picture(number / 5))
    writer.release()
    return path


def test_the_tables_can_be_pasted_below_a_stream_and_the_picture_shows_them(
    run_cli, bundle, film, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = run_cli("--source", film, "--regions", "auto")
    assert result.exit_code == 0, result.stderr
    assert "2 regions in regions.toml, drawn in regions.png" in result.stderr
    tables = (tmp_path / "regions.toml").read_text()
    (tmp_path / "streams.toml").write_text(
        '[[stream]]\nname = "hall"\nsource = "hall.avi"\n' + tables
    )
    specs = read_streams(tmp_path / "streams.toml")
    assert [spec.name for spec in specs] == ["hall/motion 1", "hall/motion 2"]
    picture = cv2.imread(str(tmp_path / "regions.png"))
    assert picture is not None
    assert picture.shape[1::-1] == SIZE_WH
    for spec in specs:
        assert spec.region
        left, top, right, _ = pixels(spec.region)
        side = picture[top : top + 4, left + 10 : right - 10].astype(int)
        assert (side[:, :, 1] - side[:, :, 2]).max(axis=0).mean() > 40  # its upper side is green

    result = run_cli("--source", film, "--regions", "auto", "--quiet")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "regions-2.toml").exists()  # what people may have edited stays
    run = run_cli("--bundle", bundle, "--streams", tmp_path / "streams.toml")
    assert run.exit_code == 0, run.stderr
    assert '"region": "motion 2"' in run.stdout


def test_a_mask_hides_motion_and_several_sources_have_a_file_each(run_cli, film, tmp_path):
    (tmp_path / "streams.toml").write_text(
        '[[stream]]\nname = "hall"\nsource = "hall.avi"\nmask = [[0, 0, 0.5, 1]]\n'
        '[[stream]]\nname = "door"\nsource = "hall.avi"\ntiles = [2, 1]\n'
    )
    result = run_cli(
        "--streams", tmp_path / "streams.toml", "--regions", "auto", "--output", tmp_path / "out"
    )
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "door.png", "door.toml", "hall.png", "hall.toml"
    ]  # fmt: skip
    assert (tmp_path / "out" / "hall.toml").read_text().count("[[stream.region]]") == 1
    assert (tmp_path / "out" / "door.toml").read_text().count("[[stream.region]]") == 2


def test_a_live_source_is_watched_for_a_while(run_cli, tmp_path):
    result = run_cli(
        "test://moving-shapes", "--regions", "auto", "--seconds", 2, "--output", tmp_path / "a.toml"
    )
    assert result.exit_code == 0, result.stderr
    assert "watching 2 s" in result.stderr
    assert "regions auto" in (tmp_path / "a.toml").read_text()


def test_nothing_else_goes_with_it(run_cli, film, assert_refused):
    result = run_cli("--source", film, "--regions", "auto", "--threshold", 0.5)
    assert result.exit_code == 2
    assert "--regions auto recognises nothing" in result.stderr
    assert_refused(run_cli("--source", "gone.avi", "--regions", "auto"), "gone.avi")
