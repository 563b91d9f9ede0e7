"""The worker's side of the protocol, and the workers whose library is here, as real processes."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from stzsar.benchmarks.peers.environments import variables
from stzsar.benchmarks.peers.materials import SCRIPTS
from stzsar.benchmarks.peers.process import Worker, WorkerError
from stzsar.benchmarks.peers.workers.serving import Spec, read_clips
from stzsar.runtime.bundle.bundle import shipped_bundle

SAMPLE = str(shipped_bundle().parent / "sample.mp4")
LABELS = ["archery", "bowling", "swimming"]
TINY = """
import sys
sys.path.insert(0, {scripts!r})
from serving import serve

class Tiny:
    versions = {{"tiny": "1.0"}}
    precision = "fp32"

    def reset(self):
        self.seen = 0

    def push(self, frame):
        print("a library prints")
        self.seen += 1
        assert frame.dtype == "uint8" and frame.shape == (256, 256, 3)
        return str(self.seen) if self.seen >= 4 else None

def load(spec):
    {load}
    return Tiny()

serve(load)
"""


def write_spec(folder: Path, **others) -> Path:
    spec = Spec(
        clips=[SAMPLE],
        labels=LABELS,
        frames=4,
        threads=1,
        backbone="none",
        folder=str(folder),
        bundle="bundle",
    )
    path = folder / "spec.json"
    path.write_text(json.dumps(asdict(spec) | others))
    return path


@pytest.fixture
def start(tmp_path):
    workers = []

    def start(*words: str, own: bool = False) -> Worker:
        environment = variables("own" if own else "torch")
        worker = Worker([sys.executable, *words], tmp_path / "log", environment=environment)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.close()


def tiny(folder: Path, load: str = "pass") -> str:
    path = folder / "tiny.py"
    path.write_text(TINY.format(scripts=str(SCRIPTS), load=load))
    return str(path)


def test_a_worker_answers_each_command_with_one_line_whatever_a_library_prints(start, tmp_path):
    worker = start(tiny(tmp_path), str(write_spec(tmp_path)))
    ready = worker.ask("load", wait_s=60)
    assert (ready["versions"], ready["precision"]) == ({"tiny": "1.0"}, "fp32")
    assert ready["load_s"] > 0
    assert ready["frames_mib"] == 80 * 256 * 256 * 3 / 2**20  # twenty seconds at four a second
    # The first window is the warm-up's; each decision takes one frame more.
    answer = worker.ask("run 3", wait_s=60)
    assert (len(answer["ms"]), answer["label"]) == (3, "7")
    assert worker.ask("run 1", wait_s=60)["label"] == "8"
    assert worker.rss_mib() > 1


def test_after_the_last_frame_the_clip_begins_again_with_a_full_window(start, tmp_path):
    worker = start(tiny(tmp_path), str(write_spec(tmp_path)))
    worker.ask("load", wait_s=60)
    assert worker.ask("run 76", wait_s=60)["label"] == "80"
    assert worker.ask("run 1", wait_s=60)["label"] == "4"


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        ("import no_such_thing", f"The package no_such_thing is not installed in {sys.prefix}."),
        ("raise ValueError('no weights')", "ValueError: no weights"),
    ],
)
def test_a_worker_that_cannot_load_says_why(start, tmp_path, load, reason):
    worker = start(tiny(tmp_path, load), str(write_spec(tmp_path)))
    with pytest.raises(WorkerError) as error:
        worker.ask("load", wait_s=60)
    assert str(error.value) == reason


def test_a_clip_of_too_few_frames_is_refused(tmp_path):
    spec = json.loads(write_spec(tmp_path, frames=480).read_text())
    with pytest.raises(ValueError, match="more than 480 frames"):
        read_clips(Spec(**spec))


def test_frames_of_a_short_clip_are_closer(tmp_path):
    spec = json.loads(write_spec(tmp_path, frames=64).read_text())
    clip = read_clips(Spec(**spec))[0]
    assert len(clip) == 160  # every third frame of 480: at every sixth there would be 80


def test_streaming_and_whole_windows_of_this_project_decide_alike(start, tmp_path):
    (tmp_path / "bundle").symlink_to(shipped_bundle())
    spec = str(write_spec(tmp_path, frames=8))
    found = {}
    for mode in ("streaming", "windows"):
        worker = start("-m", "stzsar.benchmarks.peers.workers.own", spec, mode, own=True)
        assert "onnxruntime" in worker.ask("load", wait_s=120)["versions"]
        found[mode] = [worker.ask("run 5", wait_s=60)["label"] for _ in range(4)]
    assert found["streaming"] == found["windows"]
    assert len(set(found["windows"])) > 1


def test_an_encoder_in_onnx_decides_by_the_mean_of_its_frames(start, tmp_path):
    onnx = pytest.importorskip("onnx")
    folder = tmp_path / "tower"
    folder.mkdir()
    frames = onnx.helper.make_tensor_value_info("images", 1, [4, 3, 8, 8])
    means = onnx.helper.make_tensor_value_info("embeddings", 1, [4, 3])
    node = onnx.helper.make_node("ReduceMean", ["images"], ["embeddings"], axes=[2, 3], keepdims=0)
    graph = onnx.helper.make_graph([node], "tower", [frames], [means])
    opset = [onnx.helper.make_opsetid("", 13)]
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "tower.onnx"
    )
    pixels = {"size_px": 8, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
    (folder / "pixels.json").write_text(json.dumps(pixels))
    # The texts are red, green and blue; the clip's frames, read here, say which is the right one.
    np.save(folder / "texts.npy", np.eye(3, dtype=np.float32))
    spec = write_spec(tmp_path)
    window = read_clips(Spec(**json.loads(spec.read_text())))[0][1:5]
    colours = np.stack([frame.mean((0, 1))[::-1] for frame in window])
    colours /= np.linalg.norm(colours, axis=-1, keepdims=True)
    worker = start(str(SCRIPTS / "graph.py"), str(spec), "onnxruntime")
    assert worker.ask("load", wait_s=60)["precision"] == "fp32"
    assert worker.ask("run 1", wait_s=60)["label"] == LABELS[int(colours.mean(0).argmax())]


def test_the_peers_scripts_know_nothing_of_this_project():
    for path in SCRIPTS.glob("*.py"):
        if path.stem not in {"own", "__init__"}:
            text = path.read_text()
            assert "from ." not in text, path
            assert "import stzsar" not in text, path
