"""Training over clips, lists and other backbones, by the command itself."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.train.cli import main
from stzsar.train.config import TrainConfig

from .command import OVER_FILES, losses, train

pytestmark = pytest.mark.usefixtures("tiny_network", "in_tmp_path")


def test_a_broken_clip_is_named_and_another_replaces_it(start, clips):
    """With a worker, out of which an error would be a traceback and the end of the run."""
    (clips / "archery" / "b.mp4").write_bytes(b"no video")
    result = start(*OVER_FILES, "--batch", "3", "--output", "run", stderr=subprocess.PIPE)
    _, heard = result.communicate()
    assert result.returncode == 0, heard
    assert heard.count(b"archery/b.mp4") == 1
    assert b"Of 3 clips 1 gave no frames" in heard
    assert b"Traceback" not in heard
    assert Path("run/broken.txt").read_text().startswith("clips/archery/b.mp4\t")


def test_a_worker_that_is_killed_is_one_sentence_and_the_run_goes_on(clips, monkeypatch):
    from stzsar.train.data.dataset import ClipRequest
    from stzsar.train.data.videos import VideoFiles

    give = VideoFiles.__getitem__

    def end_after_a_step(self: VideoFiles, request: ClipRequest):
        if request.draw == 2:
            while not (metrics.exists() and losses(metrics.parent)):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        return give(self, request)

    metrics = Path("run/metrics.jsonl")
    options = [*OVER_FILES, "--frames", "2", "--no-attributes", "--output", "run", "--workers", "1"]
    with monkeypatch.context() as patched:
        patched.setattr(VideoFiles, "__getitem__", end_after_a_step)
        result = CliRunner().invoke(main, options)
    assert result.exit_code == 2, result.output
    said = " ".join(result.output.split())
    assert "DataLoader worker (pid" in said
    assert ", possibly out of memory: go on with --resume run, or" in said
    assert [path.name for path in Path("run/checkpoints").iterdir()] == ["step-000001"]
    assert train("--resume", "run").exit_code == 0
    assert [step for step, _ in losses(Path("run"))] == [0, 1]


def test_clips_that_are_all_broken_are_one_sentence(clips):
    for file in clips.glob("*/*"):
        file.write_bytes(b"no video")
    result = train(*OVER_FILES, "--output", "run")
    assert result.exit_code == 2
    assert "No clip of 2 gives frames" in result.output
    assert not Path("run").exists()


def test_windows_may_be_longer_than_the_default_of_the_temporal_transformer(clips):
    result = train(*OVER_FILES, "--frames", "20", "--output", "run")
    assert result.exit_code == 0, result.output


def test_training_over_files_takes_their_classes(tmp_path, clips):
    (tmp_path / "labels.json").write_text(
        '[{"label": "hula hoop", "attributes": ["hoop"]}, {"label": "archery"}]'
    )
    result = train(
        "--data", "clips", "--labels", "labels.json", "--backbone", "small", "--steps", "1",
        "--batch", "2", "--frames", "4", "--output", "run",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    from stzsar.models.checkpoint import newest_checkpoint, read_checkpoint

    newest = newest_checkpoint(tmp_path / "run")
    assert newest is not None
    found = read_checkpoint(newest)
    assert [label.name for label in found.labels] == ["hula hoop", "archery"]
    assert found.labels[0].attributes == ("hoop",)
    assert found.sampling.frames == 4


@pytest.mark.parametrize("backbone", ["tiny-MobileCLIP2", "tiny-SigLIP2"])
def test_other_backbones_train_and_their_checkpoints_load(backbones, tmp_path, clips, backbone):
    words = ["--tokenizer", str(backbones.write_tokenizer(tmp_path))] * ("SigLIP2" in backbone)
    result = train(
        "--data", str(clips), "--backbone", backbone, "--pretrained", "none", *words,
        "--steps", "2", "--batch", "2", "--frames", "2", "--output", "run",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    from stzsar.models.checkpoint import load_checkpoint, newest_checkpoint

    newest = newest_checkpoint(tmp_path / "run")
    assert newest is not None
    found, network = load_checkpoint(newest)
    assert found.model.name == backbone
    counted = [v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")]
    assert all(int(count) == 2 for count in counted)
    assert bool(counted) == (backbone == "tiny-MobileCLIP2")


@pytest.mark.usefixtures("backbones")
def test_blocks_with_batch_norm_are_not_computed_twice(clips):
    """What BatchNorm remembers would move twice in a step, towards the same clips."""
    tiny = ["--backbone", "tiny-MobileCLIP2", "--pretrained", "none"]
    result = train("--data", str(clips), *tiny, "--checkpoint-activations", "--output", "run")
    assert result.exit_code == 2
    assert "would update the BatchNorm of tiny-MobileCLIP2 twice" in result.output
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('[{"label": "hula hoop"}]', "lacks 1 of 2 classes, the first is 'archery'"),
        ("HulaHoop\narchery\nbowling\n", "1 labels that are no class of the data"),
        ("HulaHoop\nhula hoop\narchery\n", "which are the same name"),
        ("\xff", "UTF-8"),
    ],
)
def test_labels_of_other_classes_are_one_sentence(tmp_path, clips, content, sentence):
    (tmp_path / "labels.txt").write_bytes(content.encode("latin-1"))
    result = train(*OVER_FILES, "--labels", "labels.txt", "--output", "run")
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
    assert not Path("run").exists()


def labels_of(run):
    from stzsar.models.checkpoint import newest_checkpoint, read_checkpoint

    newest = newest_checkpoint(Path(run))
    assert newest is not None
    return read_checkpoint(newest).labels


@pytest.mark.parametrize(("options", "count"), [([], 8), (["--no-attributes"], 1)])
def test_classes_that_are_known_by_name_are_trained_with_what_ships_for_them(clips, options, count):
    assert train(*OVER_FILES, *options, "--steps", "1", "--output", "run").exit_code == 0
    assert [len(label.attributes) for label in labels_of("run")] == [count, count]


@pytest.fixture
def official(tmp_path, clips):
    """Lists over `clips`, of which one clip is not there."""
    (tmp_path / "lists").mkdir()
    lines = ["HulaHoop/a.avi 1", "archery/a.avi 2", "archery/gone.avi 2"]
    (tmp_path / "lists" / "trainlist02.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "lists"


def test_a_run_over_lists_says_what_is_missing_and_keeps_it(official):
    result = train(*OVER_FILES, "--lists", "lists", "--output", "run")
    assert result.exit_code == 2
    assert "of which 1 is not in clips, the first is archery/gone.avi" in " ".join(
        result.output.split()
    )
    assert not Path("run").exists()
    result = train(*OVER_FILES, "--lists", "lists", "--allow-missing", "--output", "run")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert said.count("2 clips of 2 classes, split 2; 1 of 3 are missing, the first is") == 1
    assert Path("run/missing.txt").read_text() == "archery/gone.avi of trainlist02.txt\n"
    assert TrainConfig.load(Path("run")).allow_missing


def test_a_few_shot_run_records_its_clips_and_takes_them_again(clips):
    (clips / "archery" / "b.avi").write_bytes((clips / "archery" / "a.avi").read_bytes())
    result = train(*OVER_FILES, "--shots", "1", "--output", "run")
    assert result.exit_code == 0, result.output
    assert "2 clips of 2 classes, 1 of each" in " ".join(result.output.split())
    assert len(Path("run/few-shot.csv").read_text().splitlines()) == 3
    assert train("--resume", "run").exit_code == 0
    result = train(*OVER_FILES, "--shots", "2", "--output", "other")
    assert result.exit_code == 2
    assert "'hula hoop' with 1: take fewer --shots" in " ".join(result.output.split())


def test_a_new_run_starts_from_the_weights_of_another(clips, tmp_path):
    from safetensors.torch import load_file

    from stzsar.models.checkpoint import find_checkpoint, read_checkpoint

    assert train(*OVER_FILES, "--projections", "--output", "first").exit_code == 0
    few = ["--data", "clips", "--steps", "1", "--batch", "2", "--learning-rate", "1e-12"]
    result = train("--from", "first", *few, "--output", "second")
    assert result.exit_code == 0, result.output
    weights = [
        load_file(find_checkpoint(tmp_path / run) / "model.safetensors")
        for run in ("first", "second")
    ]
    assert weights[0].keys() == weights[1].keys()
    assert all(abs(value - weights[1][name]).max() < 1e-6 for name, value in weights[0].items())
    config = TrainConfig.load(Path("second"))
    assert (config.backbone, config.projections) == ("small", True)
    assert config.from_checkpoint == str(tmp_path / "first")
    source = read_checkpoint(find_checkpoint(Path("second"))).origin.source
    assert source == "small network, stzsar-train on clips, stzsar-train on clips"
    shutil.rmtree("first")
    assert train("--resume", "second").exit_code == 0
