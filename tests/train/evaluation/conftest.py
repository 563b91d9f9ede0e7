"""Small data sets in the forms in which people have them, and a small network in both forms."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.train.evaluation.cli import main
from stzsar.train.evaluation.model import ClipScores

CLASSES = ("HulaHoop", "Archery", "YoYo", "apply_lipstick")


def draw_video(path, grey=40, frames=8, size_wh=(48, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, size_wh)
    for index in range(frames):
        picture = np.full((size_wh[1], size_wh[0], 3), grey, np.uint8)
        picture[:, : size_wh[0] // 4] = 20 * (index % 8)
        writer.write(picture)
    writer.release()
    return path


@pytest.fixture(name="draw_video")
def draw_video_fixture():
    return draw_video


@pytest.fixture(scope="session")
def drawn_videos(tmp_path_factory):
    """Returns a folder of four classes of three clips each, of different greys."""
    folder = tmp_path_factory.mktemp("videos")
    for row, name in enumerate(CLASSES):
        for number in range(3):
            draw_video(folder / name / f"v_{name}_g01_c0{number + 1}.avi", 20 * (3 * row + number))
    return folder


@pytest.fixture
def data(drawn_videos, tmp_path):
    """Returns a copy of that folder, to be changed."""
    for path in drawn_videos.glob("*/*"):
        target = tmp_path / "data" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return tmp_path / "data"


@pytest.fixture
def ucf_lists(data, tmp_path):
    """Returns a folder of UCF-101's files for `data`: clip n of each class is tested in split n."""
    folder = tmp_path / "ucfTrainTestlist"
    folder.mkdir()
    lines = [f"{row + 1} {name}" for row, name in enumerate(CLASSES)]
    (folder / "classInd.txt").write_text("\r\n".join(lines))
    for number in (1, 2, 3):
        names = [f"{path.parent.name}/{path.name}" for path in sorted(data.glob("*/*"))]
        tests = [name for name in names if f"_c0{number}" in name]
        trains = [f"{name} 1" for name in names if name not in tests]
        (folder / f"testlist0{number}.txt").write_text("\r\n".join(tests) + "\r\n")
        (folder / f"trainlist0{number}.txt").write_text("\n".join(trains) + "\n")
    return folder


class ByGrey:
    """Says of a clip what a table says of its grey: a made-up result."""

    device = "nowhere"
    no_voting: str | None = None

    def __init__(self, head, voting=None):
        self._head, self._voting = head, voting

    def score(self, images_vthwc):
        key = round(float(images_vthwc[:, :, :, -2:].mean()) / 20)
        views = np.tile(np.asarray(self._head[key], float), (len(images_vthwc), 1))
        votes = None if self._voting is None else np.asarray(self._voting[key], float)
        return ClipScores(views, votes)


@pytest.fixture
def by_grey():
    return ByGrey


@pytest.fixture
def evaluate():
    """Run stzsar-eval with the given arguments."""

    def run(*arguments):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def refusal(evaluate):
    """Run stzsar-eval, which must fail, and return its one sentence."""

    def run(*arguments):
        result = evaluate(*arguments)
        assert result.exit_code == 2, result.output
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        assert len(lines) == 1, lines
        return lines[0]

    return run


@pytest.fixture(scope="session")
def both(make_network, tmp_path_factory):
    """Returns checkpoint and bundle of a small random network, by whether frames know the window.

    They know three of the four classes, one of them with attributes and one by another text.
    """
    from stzsar.export.write_bundle import BundleRequest, write_bundle
    from stzsar.models.checkpoint import Checkpoint, save_checkpoint
    from stzsar.runtime.bundle.manifest import SamplingSpec, WeightsOrigin
    from stzsar.runtime.labels.labels import Label

    made = {}
    labels = (
        Label("hula hoop", attributes=("hips", "a ring")),
        Label("archery"),
        Label("yo-yo", "a spool on a string"),
    )
    sampling = SamplingSpec(frames=4, rate_fps=4.0)
    origin = WeightsOrigin(source="a test", knows="nothing")

    def make(*, temporal=False) -> tuple[Path, Path]:
        if temporal not in made:
            network = make_network(temporal=temporal)
            folder = tmp_path_factory.mktemp("both")
            (folder / "checkpoint").mkdir()
            checkpoint = Checkpoint(
                model=network.config, labels=labels, sampling=sampling, origin=origin, step=1
            )
            save_checkpoint(folder / "checkpoint", checkpoint, network)
            request = BundleRequest(
                network=network,
                labels=labels,
                sampling=sampling,
                origin=origin,
                precision="fp32",
                text_encoder=True,
            )
            write_bundle(request, folder / "bundle")
            made[temporal] = folder / "checkpoint", folder / "bundle"
        return made[temporal]

    return make
