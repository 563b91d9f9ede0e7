"""The command itself: it learns, survives a kill, and answers mistakes in one sentence."""

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from stzsar.runtime.terminal.watchdog import exit_code
from stzsar.train.cli import main
from stzsar.train.config import TrainConfig
from stzsar.train.loop import run_folder
from stzsar.train.loop.run_folder import RunFolder

SMALL_RUN = ["--batch", "6", "--steps", "26", "--checkpoint-every", "3", "--warmup-steps", "2"]
pytestmark = pytest.mark.usefixtures("tiny_network")


def losses(run: Path) -> list[tuple[int, float]]:
    """The step and loss of every complete line of a run's metrics."""
    lines = (run / "metrics.jsonl").read_text().split("\n")[:-1]
    return [(row["step"], row["loss"]) for row in map(json.loads, lines)]


@pytest.fixture(scope="module")
def start(tiny_cli):
    """Starts stzsar-train in a process of its own."""

    def start(*options: str | Path, stderr: int | None = None) -> "subprocess.Popen[bytes]":
        # One thread: the sums of two threads need not have one order. PYTHONPATH as the tests have.
        path = os.pathsep.join(sys.path)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        command = [sys.executable, str(tiny_cli), *map(str, options)]
        return subprocess.Popen(command, env=environment, stderr=stderr)

    return start


@pytest.fixture(scope="module")
def whole(start, tmp_path_factory):
    """A run that nobody stopped."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert start(*SMALL_RUN, "--output", run).wait() == 0
    return run


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda how: how.name
)
def test_a_stopped_run_goes_on_with_the_losses_of_one_that_was_not(tmp_path, start, whole, how):
    killed = tmp_path / "killed"
    process = start(*SMALL_RUN, "--output", killed, stderr=subprocess.PIPE)
    metrics = killed / "metrics.jsonl"
    while not (metrics.exists() and len(losses(killed)) >= 5):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.002)
    process.send_signal(how)
    _, printed = process.communicate()
    assert process.returncode == (-how if how == signal.SIGKILL else exit_code(how))
    if how != signal.SIGKILL:
        step = len(losses(killed))
        sentence = f"Step {step} of 26 is saved. To go on: stzsar-train --resume {killed}"
        assert sentence in " ".join(printed.decode().split())
    assert len(losses(killed)) < 26
    assert start("--resume", killed).wait() == 0
    assert losses(killed) == losses(whole)
    assert len(losses(killed)) == 26


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def train(*options: str):
    return CliRunner().invoke(
        main, [*options, "--workers", "0"] if "--resume" not in options else options
    )


def test_a_run_leaves_what_it_promises(tmp_path):
    result = train("--batch", "4", "--steps", "3", "--checkpoint-every", "1")
    assert result.exit_code == 0, result.output
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("moving-shapes-")
    assert TrainConfig.load(run).steps == 3
    assert len(losses(run)) == 3
    assert set(json.loads((run / "accuracy.json").read_text())) == {
        f"{setting}, {test}"
        for setting in ("plain", "hard")
        for kind in ("seen", "unseen")
        for test in (f"{kind} classes", f"{kind} among all classes")
    }
    assert result.stdout.count("harmonic mean of these two") == 2
    assert list((run / "tensorboard").iterdir())
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == ["step-000002", "step-000003"]


@pytest.fixture
def clips(tmp_path, write_noise):
    """clips/HulaHoop/a.avi and clips/archery/a.avi, of noise."""
    for name in ("HulaHoop", "archery"):
        write_noise(tmp_path / "clips" / name / "a.avi")
    return tmp_path / "clips"


OVER_FILES = ["--data", "clips", "--backbone", "small", "--steps", "2", "--batch", "2"]


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


def test_a_run_goes_on_with_its_own_clips_alone(tmp_path, clips):
    assert train(*OVER_FILES, "--output", "run").exit_code == 0
    record = Path("run/clips.sha256")
    was = record.read_text()
    assert was.endswith("  2 clips\n")
    (tmp_path / "elsewhere").mkdir()
    moved = clips.rename(tmp_path / "elsewhere/clips")
    (tmp_path / "clips").symlink_to(moved)
    assert train("--resume", "run").exit_code == 0  # where they lie does not count
    (clips / "archery/a.avi").rename(clips / "archery/b.avi")
    result = train("--resume", "run")
    assert result.exit_code == 2
    said = "run started with 2 clips, which differ from the 2 that are there now: restore them"
    assert said in " ".join(result.output.split())
    record.unlink()  # as of a run that began before there was the file
    assert train("--resume", "run").exit_code == 0
    assert record.read_text() != was


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
    ("options", "sentence"),
    [
        (["--data", "nowhere"], "neither a folder"),
        (["--data", "."], "holds no videos"),
        (["--steps", "0"], "'--steps': 0 is not in the range"),
        (["--steps", "20", "--warmup-steps", "20"], "--warmup-steps 20 does not end within 20"),
        (["--data", ".", "--warmup-steps", "5000"], "does not end within 5000 steps"),
        (["--frames", "16"], "leave out --frames"),
        (["--lists", "x"], "leave out --lists"),
        (["--shots", "4"], "leave out --shots"),
        (["--augment"], "leave out --augment"),
        (["--no-augment"], "leave out --augment"),
        (["--flip", "0"], "leave out --flip"),
        (["--allow-missing"], "leave out --allow-missing"),
        (["--no-attributes"], "leave out --attributes"),
        (["--precision", "fp16", "--device", "cpu"], "requires a GPU"),
        (["--device", "nonsense"], "cannot be used"),
        (["--resume"], "no run under runs/"),
        (["--resume", "elsewhere"], "is not a run of stzsar-train"),
        (["--resume", "elsewhere", "--seed", "3"], "leave out --seed"),
        (["--resume", "elsewhere", "--rate", "3"], "leave out --rate,"),
        (["--resume", "elsewhere", "--no-augment"], "leave out --augment,"),
        (["--resume", "elsewhere", "--output", "run"], "leave out --output,"),
        (["--batch", "1"], "leaves one clip a part"),
        (["--backbone", "ViT-B-32", "--pretrained", "none"], "64 px"),
        (["--pretrained", "openai"], "--pretrained and --tokenizer require a --backbone"),
        (["--interaction", "mean", "--patch-path", "value"], "--patch-path has no effect"),
        (["--interaction", "off", "--patch-path", "block"], "with --interaction mean or off"),
        (["--tokenizer", "tokenizer.json"], "--tokenizer require a --backbone"),
        (["--data", ".", "--setting", "hard"], "--setting applies to MovingShapes only"),
        (["--data", ".", "--split", "1"], "--split and --classes require --lists"),
        (["--data", ".", "--classes", "x.csv"], "--classes require --lists"),
        (["--data", ".", "--lists", ".", "--classes", "x.csv"], "--classes applies to one list"),
        (["--data", ".", "--lists", "x.csv", "--split", "1"], "--split applies to a folder"),
        (["--data", ".", "--lists", "x.csv"], "Cannot read x.csv"),
        (["--data", ".", "--lists", "."], "holds no lists of training clips"),
        (["--data", ".", "--no-augment", "--flip", "0"], "--flip has no effect with --no-augment"),
        (["--data", ".", "--grey", "1.5"], "is not in the range"),
        (["--data", "gone.csv"], "Cannot read gone.csv"),
        (["--seed", "-1"], "is not in the range"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(options, sentence):
    result = train(*options)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert not Path("runs").exists()


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


def test_a_refused_run_leaves_no_folder(tmp_path):
    train("--precision", "fp16", "--device", "cpu", "--output", "run")
    assert not (tmp_path / "run").exists()


def test_a_run_is_resumed_from_within_its_folder(tmp_path, monkeypatch):
    assert train("--batch", "4", "--steps", "1", "--output", "run").exit_code == 0
    monkeypatch.chdir(tmp_path / "run")
    assert train("--resume", ".").exit_code == 0


def test_the_newest_run_goes_on_also_where_only_an_older_one_has_a_checkpoint(tmp_path):
    assert train("--batch", "4", "--steps", "1", "--output", "runs/old").exit_code == 0
    config = dataclasses.replace(TrainConfig.load(Path("runs/old")), steps=2)
    new = tmp_path / "runs/new"
    new.mkdir()
    config.save(new)
    os.utime(new / "config.json", (2e9, 2e9))
    result = train("--resume")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "runs/new has no checkpoint yet: it starts from the beginning." in said
    assert len(losses(new)) == 2
    # What was interpolated has no configuration, and is no run however new it is.
    shutil.copytree(new / "checkpoints", tmp_path / "runs/mixed/checkpoints")
    os.utime(tmp_path / "runs/old/metrics.jsonl", (2.1e9, 2.1e9))
    assert "The run is runs/old." in " ".join(train("--resume").output.split())


def test_the_last_step_is_the_newest_whatever_its_date(tmp_path):
    assert train("--batch", "4", "--steps", "2", "--checkpoint-every", "1", "--output", "run")
    first, last = sorted((tmp_path / "run/checkpoints").iterdir())
    os.utime(last / "checkpoint.json", (0, 0))
    assert RunFolder(tmp_path / "run").newest == last
    assert first.exists()


def test_a_folder_with_something_in_it_is_not_written_over(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").write_text("x")
    result = train("--output", "run")
    assert result.exit_code == 2
    assert "is not empty" in result.output


def cut(data):
    return data[: len(data) // 2]


def zeros_within(data):
    return data[:9000] + bytes(64) + data[9064:]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("model.safetensors", cut),
        ("model.safetensors", zeros_within),
        ("training.safetensors", cut),
        ("training.safetensors", zeros_within),
        ("checkpoint.json", lambda data: b""),
    ],
)
def test_a_run_whose_last_checkpoint_is_corrupt_resumes_from_the_one_before(tmp_path, file, damage):
    options = ["--batch", "4", "--steps", "3", "--checkpoint-every", "1", "--output", "run"]
    assert train(*options).exit_code == 0
    whole = losses(Path("run"))
    last = tmp_path / "run/checkpoints/step-000003"
    (last / file).write_bytes(damage((last / file).read_bytes()))
    result = train("--resume", "run")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "Resuming from the checkpoint before it, run/checkpoints/step-000002." in said
    assert losses(Path("run")) == whole
    assert train("--resume", "run").exit_code == 0
    for name in ("step-000002", "step-000003"):
        path = tmp_path / "run/checkpoints" / name / "model.safetensors"
        path.write_bytes(cut(path.read_bytes()))
    result = train("--resume", "run")
    assert result.exit_code == 2
    assert "step-000003/model.safetensors is not a whole safetensors file" in result.output


def test_a_full_disk_is_one_sentence_and_the_run_goes_on(tmp_path, monkeypatch):
    def full(_folder, checkpoint, _network):
        if checkpoint.step == 2:
            raise OSError(errno.ENOSPC, "No space left on device")  # of a write, without a name

    options = ["--batch", "4", "--steps", "3", "--checkpoint-every", "1", "--output", "run"]
    with monkeypatch.context() as patched:
        save = run_folder.save_checkpoint
        patched.setattr(
            run_folder,
            "save_checkpoint",
            lambda *arguments: (full(*arguments), save(*arguments)),
        )
        result = train(*options)
    assert result.exit_code == 2
    assert "Cannot write into run: No space left on device. Make room" in result.output
    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["step-000001"]
    assert train("--resume", "run").exit_code == 0
    assert [step for step, _ in losses(Path("run"))] == [0, 1, 2]


def test_two_processes_do_not_train_one_run(start, tmp_path):
    holder = start(*SMALL_RUN, "--steps", "2000", "--output", "run")
    while not (tmp_path / "run/metrics.jsonl").exists():
        assert holder.poll() is None
        time.sleep(0.01)
    result = train("--resume", "run")
    assert result.exit_code == 2
    assert "Another process is training run" in result.output
    holder.kill()
    holder.wait()
    steps = len(losses(Path("run")))
    config = TrainConfig.load(Path("run"))
    dataclasses.replace(config, steps=steps + 3).save(Path("run"))
    assert train("--resume", "run").exit_code == 0


def test_a_run_is_resumed_from_another_folder_and_with_its_clips_moved(
    clips, tmp_path, monkeypatch
):
    (clips / "archery" / "b.avi").write_bytes((clips / "archery" / "a.avi").read_bytes())
    options = [*OVER_FILES, "--steps", "1", "--shots", "1", "--output", "run"]
    assert train(*options).exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert train("--resume", "../run").exit_code == 0
    clips.rename(tmp_path / "moved")
    result = train("--resume", "../run")
    assert result.exit_code == 2
    assert "clips" in result.output
    result = train("--resume", "../run", "--data", "../moved")
    assert result.exit_code == 0, result.output
    assert train("--resume", "../run").exit_code == 0  # the run knows the place now
    assert str(tmp_path / "moved") in (tmp_path / "run/few-shot.csv").read_text()


def test_a_run_is_resumed_without_the_weights_that_it_started_from(backbones, tmp_path, clips):
    import torch

    torch.save(backbones.make_source("tiny-ViT").state_dict(), "clip.pt")
    over_clip = ["--backbone", "tiny-ViT", "--pretrained", "clip.pt", "--frames", "2"]
    result = train("--data", "clips", *over_clip, "--steps", "1", "--batch", "2", "--output", "run")
    assert result.exit_code == 0, result.output
    Path("clip.pt").unlink()
    dataclasses.replace(TrainConfig.load(Path("run")), steps=2).save(Path("run"))
    result = train("--resume", "run")
    assert result.exit_code == 0, result.output
    assert [step for step, _ in losses(Path("run"))] == [0, 1]


def test_workers_without_room_are_refused_before_there_is_a_run(tmp_path, monkeypatch):
    free = types.SimpleNamespace(f_bavail=64, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _path: free)
    short = ["--steps", "1", "--batch", "2", "--output", "run"]
    result = CliRunner().invoke(main, [*short, "--workers", "1"])
    assert result.exit_code == 2
    assert "0.2 MiB free" in result.output
    assert not Path("run").exists()
    result = CliRunner().invoke(main, short)
    assert result.exit_code == 0, result.output
    assert " ".join(result.output.split()).count("so no worker fits") == 1
    # On a machine with less memory than the one of before.
    dataclasses.replace(TrainConfig.load(Path("run")), workers=1).save(Path("run"))
    assert CliRunner().invoke(main, ["--resume", "run"]).exit_code == 2
    assert CliRunner().invoke(main, ["--resume", "run", "--workers", "0"]).exit_code == 0


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--data", "clips"], "The run started without --data"),
        (["--labels", "labels.json"], "The run started without --labels"),
        (["--validate", "clips"], "The run started without --validate"),
    ],
)
def test_what_a_run_did_not_start_with_is_not_taken_by_resume(tmp_path, option, sentence):
    TrainConfig().save(tmp_path)
    result = train("--resume", ".", *option)
    assert result.exit_code == 2
    assert sentence in result.output


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


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--from", "nowhere"], "nowhere is neither a checkpoint nor a run with one"),
        (["--from", "first", "--no-temporal"], "--temporal has no effect with --from"),
        (["--from", "first", "--backbone", "small"], "--backbone has no effect with --from"),
        (["--from", "first", "--data", "clips", "--frames", "20"], "more than the 16 of the"),
    ],
)
def test_what_cannot_be_trained_further_is_one_sentence(clips, options, sentence):
    assert train("--steps", "1", "--batch", "2", "--output", "first").exit_code == 0
    result = train(*options)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())


def test_workers_end_with_a_process_that_is_killed(start, tmp_path):
    process = start(*SMALL_RUN, "--steps", "2000", "--workers", "2", "--output", "run")
    while not (tmp_path / "run/metrics.jsonl").exists() or not losses(Path("run")):
        assert process.poll() is None
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    process.kill()
    process.wait()
    _, left = psutil.wait_procs(workers, timeout=2)  # PyTorch's own watchdog takes five
    assert not left
