"""The command stzsar-eval, on checkpoints and bundles."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.train.evaluation.checkpoint_model import CheckpointModel
from stzsar.train.evaluation.scoring import ViewSpec


def predictions(path):
    document = json.loads(path.read_text())
    keys = ("clip", "contest", "generalised", "head", "head_rank", "voting", "voting_rank")
    return [[row[key] for key in keys] for row in document["predictions"]]


def test_a_bundle_is_tested_without_torch(drawn_videos, tmp_path):
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from stzsar.train.evaluation.cli import main; main(sys.argv[1:])"
    )
    report = tmp_path / "report.json"
    command = [sys.executable, "-c", script, str(shipped_bundle()), "--data", str(drawn_videos)]
    done = subprocess.run(
        [*command, "--json", str(report)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "all" in done.stdout.split()
    assert json.loads(report.read_text())["kind"] == "bundle"


def test_moving_shapes_is_drawn_in_the_setting_that_is_asked_for(evaluate, tmp_path, monkeypatch):
    monkeypatch.setattr("stzsar.train.evaluation.drawn.TEST_CLIPS_PER_CLASS", 2)
    drawn = (shipped_bundle(), "--data", "moving-shapes")
    found = {}
    for name, options in {
        "plain": (),
        "untrimmed": ("--setting", "untrimmed"),
        "shorter": ("--setting", "untrimmed", "--action-share", 0.2, "--cuts", 1),
    }.items():
        report = tmp_path / f"{name}.json"
        result = evaluate(*drawn, *options, "--json", report)
        assert result.exit_code == 0, result.output
        found[name] = json.loads(report.read_text())
    (row,) = found["plain"]["contests"]
    assert row["name"] == "unseen, plain"
    assert row["head"]["clips"] == 48
    assert row["head"]["top1"] > 0.8
    top1 = {name: report["contests"][0]["head"]["top1"] for name, report in found.items()}
    assert top1["shorter"] < top1["plain"]
    scores = [[row["head"] for row in report["predictions"]] for report in found.values()]
    assert scores[1] != scores[2]

    refused = evaluate(*drawn, "--setting", "untrimmed", "--action-share", 0.7)
    assert refused.exit_code == 2
    assert "give a share from 0.2 to 0.6" in refused.stderr


def test_the_report_holds_everything(evaluate, drawn_videos, tmp_path):
    report, picture = tmp_path / "report.json", tmp_path / "confusions.png"
    seen = tmp_path / "seen.txt"
    seen.write_text("jumping\narchery\n")
    result = evaluate(
        *(shipped_bundle(), "--data", drawn_videos, "--json", report, "--plot", picture),
        *("--seen", seen, "--clips", 2, "--crops", 3, "--per-class"),
    )
    assert result.exit_code == 0, result.output
    for words in ("top-1", "voting", "harmonic", "worst confusions", "hula hoop"):
        assert words in result.stdout
    found = json.loads(report.read_text())
    assert (found["clips"], found["crops"], found["protocol"]) == (2, 3, "plain")
    assert (found["missing"], found["broken"], found["damaged"]) == ([], [], [])
    assert found["knows"] == "moving shapes and not people"
    (row,) = found["contests"]
    assert row["head"]["clips"] == row["voting"]["clips"] == 12
    assert sum(map(sum, found["confusion_matrix"])) == 12
    assert [each["name"] for each in found["classes"]] == [
        "apply lipstick",
        "archery",
        "hula hoop",
        "yo yo",
    ]
    wider, balanced = found["generalised"]["head"]
    assert wider["candidates"] == balanced["candidates"] == 5
    assert (wider["bias"], balanced["bias"]) == (0, found["seen_bias"])
    assert len(found["predictions"]) == 24
    right = sum(row["head"] == row["label"] for row in found["predictions"][:12])
    assert row["head"]["top1"] == right / 12
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_the_same_command_gives_the_same_report(evaluate, drawn_videos, ucf_lists, tmp_path):
    reports = [tmp_path / name for name in ("one.json", "two.json")]
    for report in reports:
        arguments = (shipped_bundle(), "--data", drawn_videos, "--protocol", "halves")
        result = evaluate(*arguments, "--lists", ucf_lists, "--seed", 3, "--json", report)
        assert result.exit_code == 0, result.output
    assert reports[0].read_text() == reports[1].read_text()
    assert len(json.loads(reports[0].read_text())["contests"]) == 10


def test_missing_and_broken_clips_are_counted_and_named(evaluate, data, tmp_path):
    (data / "YoYo" / "v_YoYo_g01_c01.avi").write_bytes(b"no video")
    rows = [f"{path},{path.parent.name}" for path in sorted(data.glob("*/*"))]
    table = tmp_path / "list.csv"
    table.write_text("\n".join([*rows, "gone.avi,YoYo"]) + "\n")
    report = tmp_path / "report.json"
    result = evaluate(
        shipped_bundle(), "--data", table, "--allow-missing", "--json", report, "--readers", 3
    )
    assert result.exit_code == 0, result.output
    assert "1 missing, 1 broken. The first:" in result.stderr
    found = json.loads(report.read_text())
    assert len(found["missing"]) == len(found["broken"]) == 1
    assert found["contests"][0]["head"]["clips"] == 11


def test_an_old_bundle_says_that_its_frames_cannot_vote(evaluate, root, drawn_videos, tmp_path):
    report, labels = tmp_path / "report.json", tmp_path / "labels.txt"
    bundle = root / "tests" / "data" / "bundle-format-2"
    stored = json.loads((bundle / "manifest.json").read_text())
    assert "features" not in stored
    names = _names_of(bundle)
    for number, path in enumerate(sorted(drawn_videos.glob("*/*"))[: len(names)]):
        target = tmp_path / "data" / names[number] / "clip.avi"
        target.parent.mkdir(parents=True)
        shutil.copy(path, target)
    labels.write_text("\n".join(names) + "\n")
    result = evaluate(bundle, "--data", tmp_path / "data", "--labels", labels, "--json", report)
    assert result.exit_code == 0, result.output
    assert json.loads(report.read_text())["labels"] == str(labels)
    assert "No frame voting: the bundle" in result.stderr
    assert "voting" not in result.stdout
    assert json.loads(report.read_text())["contests"][0]["voting"] is None


def _names_of(bundle):
    from stzsar.runtime.bundle.bundle import Bundle

    return Bundle.open(bundle).bank.names


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--seed", "1"), "--seed works with --protocol halves only"),
        (("--device", "cpu"), "--device works with checkpoints only"),
        (("--json", "nowhere/report.json"), "there is no folder nowhere"),
        (("--plot", "confusions.txt"), "--plot writes .png, .pdf, .svg"),
        (("--protocol", "splits"), "--protocol splits needs --lists"),
        (("--split", "1"), "--split works with --protocol splits only"),
    ],
)
def test_an_option_that_would_do_nothing_is_one_sentence(
    refusal, drawn_videos, arguments, sentence
):
    assert sentence in refusal(shipped_bundle(), "--data", drawn_videos, *arguments)


def test_labels_that_lack_a_class_are_one_sentence(refusal, drawn_videos, tmp_path):
    labels = tmp_path / "labels.json"
    rows = [{"label": name, "attributes": ["x"]} for name in ("archery", "hula hop", "yo-yo")]
    labels.write_text(json.dumps(rows))
    found = refusal(shipped_bundle(), "--data", drawn_videos, "--labels", labels)
    assert "lacks 2 of 4 classes, the first is 'apply lipstick'" in found
    labels.write_text(json.dumps([*rows, {"label": "apply lipstick"}]))
    found = refusal(shipped_bundle(), "--data", drawn_videos, "--labels", labels)
    assert "lacks 1 of 4 classes, the first is 'hula hoop' (nearest: 'hula hop')" in found
    found = refusal(shipped_bundle(), "--data", drawn_videos, "--labels", "archery,yo-yo")
    assert "--labels lacks 2 of 4 classes" in found
    for option in ("--labels", "--seen"):
        found = refusal(shipped_bundle(), "--data", drawn_videos, option, "archery")
        assert f"There is no file 'archery' for {option}" in found


def test_labels_are_typed_too(evaluate, drawn_videos, tmp_path):
    report = tmp_path / "report.json"
    typed = "archery,hula hoop,yo yo,apply lipstick"
    result = evaluate(
        *(
            shipped_bundle(),
            "--data",
            drawn_videos,
            "--labels",
            typed,
            "--seen",
            "jumping, archery",
        ),
        *("--json", report),
    )
    assert result.exit_code == 0, result.output
    found = json.loads(report.read_text())
    assert (found["labels"], found["seen"]) == (typed.split(","), ["jumping", "archery"])
    assert found["generalised"]["head"][0]["candidates"] == 5


def test_labels_of_no_class_are_one_sentence(evaluate, refusal, drawn_videos, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("archery\nhula hoop\nyo yo\napply lipstick\narchers\n")
    found = refusal(shipped_bundle(), "--data", drawn_videos, "--labels", labels)
    assert "has 1 labels that are no class of the data" in found
    assert "'archers' (nearest: 'archery')" in found
    arguments = ("--data", drawn_videos, "--labels", labels, "--allow-missing")
    assert evaluate(shipped_bundle(), *arguments).exit_code == 0


def test_two_labels_of_one_class_are_one_sentence(refusal, drawn_videos, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("archery\nhula hoop\nyo yo\nyo-yo\napply lipstick\n")
    found = refusal(shipped_bundle(), "--data", drawn_videos, "--labels", labels)
    assert "names 'yo yo' and 'yo-yo', which are the same name" in found


def test_training_classes_that_are_all_classes_are_one_sentence(refusal, drawn_videos, tmp_path):
    seen = tmp_path / "seen.txt"
    seen.write_text("archery\nhula hoop\nyo yo\napply lipstick\n")
    found = refusal(shipped_bundle(), "--data", drawn_videos, "--seen", seen)
    assert "which leaves none unseen" in found


def test_views_and_prompts_reach_the_scores_and_the_report(evaluate, both, drawn_videos, tmp_path):
    checkpoint, bundle = both()
    report = tmp_path / "report.json"
    options = ("--view", "bike", "--crops", 3, "--prompts", "clip-kinetics")
    result = evaluate(checkpoint, "--data", drawn_videos, *options, "--json", report)
    assert result.exit_code == 0, result.output
    facts = json.loads(report.read_text())
    assert (facts["view"], len(facts["prompts"])) == ("bike", 28)

    clip = next(drawn_videos.glob("*/*"))
    scores = []
    for view, prompts in (("stzsar", None), ("mote", None), ("stzsar", ("{}",))):
        model = CheckpointModel(checkpoint, "cpu", prompts)
        images = ViewSpec(4, 32, view=view).read(clip).images_vthwc
        scores.append(model.with_labels(model.labels).score(images).head_vc)
    assert np.abs(scores[1] - scores[0]).max() > 1e-3
    assert np.abs(scores[2] - scores[0]).max() > 1e-3

    refused = evaluate(bundle, "--data", drawn_videos, "--prompts", "bike")
    assert refused.exit_code == 2
    assert "--prompts works with checkpoints only" in refused.stderr


def test_the_mean_of_softmaxes_is_told_and_needs_a_checkpoint_of_several_prompts(
    evaluate, refusal, both, drawn_videos, tmp_path
):
    checkpoint, bundle = both()
    report = tmp_path / "report.json"
    options = ("--data", drawn_videos, "--prompt-mean", "softmaxes")
    several = ("--prompts", "actionclip", "--json", report)
    result = evaluate(checkpoint, *options, *several)
    assert result.exit_code == 0, result.output
    assert json.loads(report.read_text())["prompt_mean"] == "softmaxes"
    assert "softmaxes works with checkpoints only" in refusal(bundle, *options)
    assert "needs several prompts, and" in refusal(checkpoint, *options)


def test_what_is_neither_bundle_nor_checkpoint_is_one_sentence(refusal, drawn_videos, tmp_path):
    found = refusal(tmp_path, "--data", drawn_videos)
    assert "is neither a bundle nor a checkpoint nor a run with one" in found


def test_a_checkpoint_of_another_architecture_is_one_sentence(
    refusal, both, drawn_videos, tmp_path
):
    checkpoint, _ = both()
    shutil.copytree(checkpoint, tmp_path / "other")
    path = tmp_path / "other" / "checkpoint.json"
    document = json.loads(path.read_text())
    document["model"]["vision"]["layers"] = 3
    path.write_text(json.dumps(document))
    found = refusal(tmp_path / "other", "--data", drawn_videos)
    assert "belongs to another architecture" in found
    assert "--engine and --threads work with bundles only" in refusal(
        checkpoint, "--data", drawn_videos, "--threads", 1
    )


@pytest.mark.parametrize("temporal", [False, True])
def test_checkpoint_and_bundle_agree_to_the_clip(evaluate, both, data, ucf_lists, temporal):
    checkpoint, bundle = both(temporal=temporal)
    reports = []
    for model in (checkpoint, bundle):
        reports.append(data.parent / f"{model.name}.json")
        arguments = ("--data", data, "--protocol", "splits", "--lists", ucf_lists)
        views = ("--clips", 2, "--crops", 3, "--json", reports[-1])
        result = evaluate(model, *arguments, *views)
        assert result.exit_code == 0, result.output
    assert predictions(reports[0]) == predictions(reports[1])
    assert len(predictions(reports[0])) == 12


LABELS = {
    "none": None,
    "names": ["hula hoop", "archery", "yo-yo", "apply lipstick"],
    "spelled": ["HULA_HOOP", "Archery", "YoYo", "ApplyLipstick"],
    "own": [
        {"label": "HulaHoop", "attributes": ["a red hoop", "a waist"]},
        {"label": "archery", "attributes": ["a bow", "a target"]},
        {"label": "yo yo", "text": "a toy", "attributes": ["a hand"]},
        {"label": "apply lipstick", "attributes": ["lips", "a mirror"]},
    ],
    "some": [
        {"label": "Hula-Hoop"},
        {"label": "Archery", "attributes": ["a bow", "a target"]},
        {"label": "YO YO", "text": "a toy"},
        {"label": "apply lipstick"},
    ],
}


def test_checkpoint_and_bundle_agree_whatever_the_labels_are(
    evaluate, both, data, tmp_path, monkeypatch
):
    """The same logits to rounding, and so the same prediction of every clip."""
    from stzsar.train.evaluation import evaluate as command
    from stzsar.train.evaluation.scoring import run_contests

    logits: list[np.ndarray] = []

    class Recorded:
        def __init__(self, classifier):
            self._classifier = classifier
            self.device, self.no_voting = classifier.device, classifier.no_voting

        def score(self, images_vthwc):
            scores = self._classifier.score(images_vthwc)
            logits.append(scores.head_vc)
            return scores

    monkeypatch.setattr(
        command, "run_contests", lambda it, *rest, **more: run_contests(Recorded(it), *rest, **more)
    )
    found = {}
    for name, labels in LABELS.items():
        path, report = tmp_path / f"{name}.json", tmp_path / "report.json"
        path.write_text(json.dumps(labels))
        chosen = ("--labels", path) if labels else ()
        for plain in ((), ("--no-attributes",)):
            of_models = []
            for model in both():
                logits.clear()
                result = evaluate(model, "--data", data, *chosen, *plain, "--json", report)
                assert result.exit_code == 0, result.output
                of_models.append((np.concatenate(logits), predictions(report)))
            (scores, clips), (same_scores, same_clips) = of_models
            np.testing.assert_allclose(scores, same_scores, atol=2e-4)
            assert clips == same_clips
            found[name, bool(plain)] = scores

    def equal(one, other):
        return np.allclose(found[one], found[other], atol=2e-4)

    assert equal(("names", False), ("none", False)), "a name means what the model means"
    assert equal(("spelled", False), ("none", False)), "in any spelling"
    for name in ("none", "names", "some"):
        assert not equal((name, True), (name, False)), "--no-attributes is obeyed"
    assert equal(("own", True), ("own", False)), "a file's own attributes stay"


def test_the_demo_checkpoint_and_its_bundle_agree_to_the_clip(root, evaluate, tmp_path):
    from click.testing import CliRunner

    from stzsar.train.data.sample import main as sample

    run = root / "runs" / "shipped"
    if not list(run.glob("checkpoints/*/checkpoint.json")):
        pytest.skip(f"no run of the demo at {run}: make shipped-bundle")
    clips = tmp_path / "clips"
    assert CliRunner().invoke(sample, ["clips", str(clips), "--unseen"]).exit_code == 0
    reports = [tmp_path / "checkpoint.json", tmp_path / "bundle.json"]
    for model, report in zip((run, shipped_bundle()), reports, strict=True):
        labels = ("--labels", run / "labels.json")
        result = evaluate(model, "--data", clips, *labels, "--json", report)
        assert result.exit_code == 0, result.output
    assert predictions(reports[0]) == predictions(reports[1])
    (row,) = json.loads(reports[0].read_text())["contests"]
    assert row["head"]["top1"] > 0.6


def test_real_clips_are_tested_with_the_classes_of_their_manifest(shared_clips, evaluate, tmp_path):
    with (shared_clips / "manifest.csv").open(newline="", encoding="utf-8") as file:
        manifest = [row for row in csv.DictReader(file) if row["dataset"] == "UCF101"]
    table, report = tmp_path / "clips.csv", tmp_path / "report.json"
    rows = [f"{shared_clips / row['file']},{row['label']}" for row in manifest]
    table.write_text("path,label\n" + "\n".join(rows) + "\n")
    result = evaluate(
        shipped_bundle(), "--data", table, "--json", report, "--allow-missing", "--threads", 1
    )
    assert result.exit_code == 0, result.output
    found = json.loads(report.read_text())
    assert found["contests"][0]["head"]["clips"] + len(found["broken"]) == len(rows)
    assert found["contests"][0]["candidates"] == len({row["label"] for row in manifest})
    assert found["contests"][0]["head"]["clips"] > 40
