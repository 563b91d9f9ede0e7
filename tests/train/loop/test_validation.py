"""Clips that are classified while training goes on."""

import json
import re
import shutil

import pytest
from click.testing import CliRunner

from stzsar.runtime.errors import LabelError, SourceError
from stzsar.runtime.labels.labels import Label
from stzsar.train.cli import main
from stzsar.train.config import TrainConfig
from stzsar.train.data.dataset import ClipRequest
from stzsar.train.loop.validation import validation_clips


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, write_noise):
    """clips/ and others/, with two classes each, of noise."""
    monkeypatch.chdir(tmp_path)
    for name in ("clips/HulaHoop", "clips/archery", "others/ApplyEyeMakeup", "others/strange"):
        write_noise(tmp_path / name / "a.avi")


def clips(**options):
    known = (Label("Apply eye make-up", "", ("a brush of the training",)),)
    found = validation_clips(TrainConfig(data="clips", **options), known, size_px=32)
    assert found is not None
    return found


def test_without_a_folder_nothing_is_validated():
    assert validation_clips(TrainConfig(), (), size_px=32) is None


def test_classes_have_the_words_that_stzsar_eval_would_give_them(tmp_path):
    found = clips(validate="others", frames=4, attributes=True)
    assert [label.name for label in found.labels] == ["Apply eye make-up", "strange"]
    assert found.labels[0].attributes == ("a brush of the training",)
    assert found.labels[1].attributes == ("strange",)
    shipped = clips(validate="clips", frames=4, attributes=True)
    assert len(shipped.labels[1].attributes) == 8
    plain = clips(validate="clips", frames=4, attributes=False)
    assert plain.labels[1].attributes == ("hula hoop",)


def test_a_file_gives_other_words(tmp_path):
    (tmp_path / "labels.json").write_text(
        '[{"label": "Strange", "attributes": ["noise"]}, {"label": "ApplyEyeMakeup"}]'
    )
    found = clips(validate="others", validate_labels="labels.json")
    assert found.labels[1] == Label("Strange", "Strange", ("noise",))
    (tmp_path / "labels.json").write_text('[{"label": "strange"}]')
    with pytest.raises(LabelError, match=r"labels\.json lacks 1 of 2 classes"):
        clips(validate="others", validate_labels="labels.json")


def test_words_are_typed_too(tmp_path):
    found = clips(validate="others", validate_labels="Strange, apply eye makeup")
    assert [label.name for label in found.labels] == ["apply eye makeup", "Strange"]
    with pytest.raises(LabelError, match="--validate-labels lacks 1 of 2 classes"):
        clips(validate="others", validate_labels="strange,")
    with pytest.raises(LabelError, match="There is no file 'strange' for --validate-labels"):
        clips(validate="others", validate_labels="strange")


def test_the_frames_are_the_same_at_every_look():
    found = clips(validate="others", frames=4)
    first, second = (found[ClipRequest(0, draw)].frames for draw in (0, 5))
    assert first.equal(second)


def test_a_folder_that_is_not_there_is_one_sentence():
    with pytest.raises(SourceError, match="gone is neither a folder"):
        clips(validate="gone")


pytestmark = pytest.mark.usefixtures("tiny_network")

RUN = ["--data", "clips", "--backbone", "small", "--batch", "2", "--workers", "0"]


def test_a_run_says_what_the_network_is_worth(tmp_path):
    result = CliRunner().invoke(
        main, [*RUN, "--steps", "5", "--validate", "others", "--validate-every", "2"]
    )
    assert result.exit_code == 0, result.output
    (run,) = (tmp_path / "runs").iterdir()
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    validated = [row for row in rows if "validation_top1" in row]
    assert [row["step"] for row in validated] == [1, 3, 4]
    assert all(row["validation_top5"] == 1.0 for row in validated)
    accuracy = json.loads((run / "accuracy.json").read_text())
    assert accuracy["validation"]["top1"] == validated[-1]["validation_top1"]
    assert accuracy["validation"]["candidates"] == 2
    assert "validation" in result.output
    again = CliRunner().invoke(main, ["--resume", str(run)])
    assert again.exit_code == 0, again.output


def test_what_gives_no_frames_is_left_out_and_counted(tmp_path):
    (tmp_path / "others/strange/b.avi").write_bytes(b"no video")
    result = CliRunner().invoke(
        main, [*RUN, "--steps", "2", "--validate", "others", "--output", "run"]
    )
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "run/accuracy.json").read_text())["validation"]
    assert (found["clips"], found["left_out"]) == (2, 1)
    assert "Of 3 validation clips 1 gave no frames" in " ".join(result.output.split())
    broken = (tmp_path / "run/broken.txt").read_text()
    assert broken.startswith("others/strange/b.avi\t")
    assert broken.endswith("\tleft out of the validation\n")


def test_a_validation_of_which_nothing_can_be_read_is_one_sentence(tmp_path):
    for file in (tmp_path / "others").glob("*/*"):
        file.write_bytes(b"no video")
    with pytest.raises(SourceError, match="None of the 2 clips of --validate others gives frames"):
        clips(validate="others")


def test_two_spellings_of_a_class_are_refused_by_name(tmp_path):
    shutil.copytree(tmp_path / "others/strange", tmp_path / "others/Strange_")
    with pytest.raises(LabelError, match="'Strange_' and 'strange', which are the same name"):
        clips(validate="others")


def test_labels_and_files_that_do_not_fit_are_allowed_on_request(tmp_path, capsys):
    (tmp_path / "labels.txt").write_text("strange\napply eye makeup\nbowling\n")
    (tmp_path / "list.csv").write_text(
        "others/strange/a.avi,strange\nothers/ApplyEyeMakeup/a.avi,apply eye makeup\n"
        "others/strange/gone.avi,strange\n"
    )
    fitting = {"validate": "list.csv", "validate_labels": "labels.txt"}
    with pytest.raises(SourceError, match=r"of which 1 is not there, the first is \S*gone\.avi"):
        clips(**fitting)
    with pytest.raises(LabelError, match=r"is 'bowling'.* or accept it with --allow-missing"):
        clips(validate="others", validate_labels="labels.txt")
    found = clips(**fitting, allow_missing=True)
    assert [label.name for label in found.labels] == ["apply eye makeup", "strange"]
    assert len(found) == 2
    assert "1 of 3 are missing, the first is" in capsys.readouterr().err


def test_the_best_validation_is_kept_beside_the_last(tmp_path, monkeypatch):
    """Accuracies are given, since those of a tiny network are all alike."""
    from stzsar.models.checkpoint import find_checkpoint, load_checkpoint
    from stzsar.train.loop import trainer
    from stzsar.train.loop.accuracy import HitRates

    top1 = iter([0.2, 0.6, 0.6, 0.4, 0.5])
    monkeypatch.setattr(
        trainer, "evaluate", lambda *_, **__: HitRates(next(top1), 1.0, clips=2, candidates=2)
    )
    options = ["--steps", "4", "--validate", "others", "--validate-every", "1", "--keep-best"]
    result = CliRunner().invoke(main, [*RUN, *options, "--output", "run"])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "The best checkpoint, step 2 with top-1 60.0%, is run/checkpoints/best." in said
    best, last = (
        load_checkpoint(tmp_path / "run/checkpoints" / n)[0] for n in ("best", "step-000004")
    )
    assert (best.step, last.step) == (2, 4)
    assert find_checkpoint(tmp_path / "run").name == "step-000004"
    result = CliRunner().invoke(main, ["--resume", "run"])
    assert "The best checkpoint, step 2 with top-1 60.0%" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "option", [["--validate-every", "2"], ["--validate-labels", "x.json"], ["--keep-best"]]
)
def test_an_option_without_a_validation_is_an_error(option):
    result = CliRunner().invoke(main, [*RUN, *option])
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert option[0] in said
    assert re.search("requires? --validate", said)
