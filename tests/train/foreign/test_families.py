"""Each family against numbers of its authors' own code, and as a bundle that streams."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from stzsar.models.checkpoint import load_checkpoint
from stzsar.models.config import VisionConfig
from stzsar.models.label_texts import embed_labels, to_tensors
from stzsar.runtime.labels.labels import as_labels
from stzsar.train.foreign.cli import main

TOLERANCE = 1e-5


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def imported(tmp_path, *words):
    folder = tmp_path / "checkpoint"
    result = run(*words, "--output", folder)
    assert result.exit_code == 0, result.output
    return folder, result.output


def close(found, expected, *, tolerance=TOLERANCE):
    """Compare numbers relative to the largest of them."""
    expected = np.asarray(expected)
    found = found.detach().numpy().reshape(expected.shape)
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def compare(folder, seeded, record, labels, logits="logits"):
    """Compare frame features, text embeddings and logits with those of the record."""
    checkpoint, network = load_checkpoint(folder)
    network.eval()
    frames = seeded.frames(**record["frames"])
    bank = to_tensors(embed_labels(network, labels))
    with torch.no_grad():
        found = network.visual(frames).frame, network(frames[None], bank)
    if logits == "logits":
        close(found[0], record["features"])
    close(found[1], record[logits])
    return checkpoint, bank


@pytest.mark.parametrize("family", ["vifi-clip", "maxi"])
def test_vifi_clip_and_maxi_give_their_authors_numbers(family, seeded, foreign, original, tmp_path):
    record = seeded.record(family)
    folder, said = imported(tmp_path, family, foreign(family), "--with", original, "--mix", "1")
    checkpoint, bank = compare(folder, seeded, record, as_labels(record["classes"]))
    close(bank.class_embeddings, record["text"])
    assert checkpoint.model.prompts == ("a photo of a {}.",)
    assert checkpoint.sampling.frames == {"vifi-clip": 32, "maxi": 16}[family]
    assert "--view vifi-clip" in said
    assert "prompt_learner.complete_text_embeddings" in said
    assert "optimizer, lr_scheduler, max_accuracy, epoch" in said


def test_maxi_is_mixed_with_clip_as_its_authors_do(seeded, foreign, original, tmp_path):
    record = seeded.record("maxi")
    folder, said = imported(tmp_path, "maxi", foreign("maxi"), "--with", original)
    compare(folder, seeded, record, as_labels(record["classes"]), "mixed_logits")
    assert "Mixing 0.8 of its weights with 0.2 of" in said


def descriptors(folder, record):
    paths = [folder / "seen.json", folder / "done.json", folder / "classes.csv"]
    paths[0].write_text(json.dumps(record["seen"]))
    paths[1].write_text(json.dumps(record["done"]))
    rows = [f"{number},{name}" for number, name in enumerate(record["classes"])]
    paths[2].write_text("\n".join(["id,name", *rows]) + "\n")
    return paths


@pytest.mark.parametrize(("mix", "logits"), [(["--mix", "1"], "logits"), ([], "mixed_logits")])
def test_ost_matches_descriptors_as_its_authors_do(
    mix, logits, seeded, foreign, original, tmp_path
):
    record = seeded.record("ost")
    seen, done, classes = descriptors(tmp_path, record)
    folder, said = imported(
        tmp_path, foreign("ost"), "--with", original, *mix, "--descriptors", seen, done,
        "--classes", classes,
    )  # fmt: skip
    assert "is of OST, by its keys" in said
    checkpoint, _ = load_checkpoint(folder)
    assert [label.name for label in checkpoint.labels] == record["classes"]
    _, bank = compare(folder, seeded, record, checkpoint.labels, logits)
    if logits == "logits":
        close(bank.attribute_embeddings, record["text"])


@pytest.mark.parametrize("family", ["open-clip", "transformers"])
def test_containers_of_clip_give_their_own_numbers(family, seeded, foreign, tmp_path):
    record = seeded.record(family)
    folder, _ = imported(tmp_path, foreign(family))
    checkpoint, bank = compare(folder, seeded, record, as_labels(record["classes"]))
    close(bank.class_embeddings, record["text"])
    assert isinstance(checkpoint.model.vision, VisionConfig)
    assert checkpoint.model.vision.heads == {"open-clip": 2, "transformers": 4}[family]


def test_a_familys_own_choices_can_be_replaced(foreign, tmp_path):
    folder, _ = imported(
        tmp_path, "open-clip", foreign("open-clip"), "--frames", 4, "--rate", 2,
        "--prompt", "{}", "--prompt", "a video of {}", "--activation", "quick_gelu",
    )  # fmt: skip
    checkpoint, _ = load_checkpoint(folder)
    assert (checkpoint.sampling.frames, checkpoint.sampling.rate_fps) == (4, 2)
    assert checkpoint.model.prompts == ("{}", "a video of {}")
    assert checkpoint.model.text.activation == "quick_gelu"
    assert "already exists" in run(foreign("open-clip"), "--output", folder).output


@pytest.mark.parametrize("family", ["vifi-clip", pytest.param("ost", marks=pytest.mark.slow)])
def test_bundles_stream_as_whole_windows(
    family, seeded, streaming, foreign, original, tmp_path, traced_once
):
    folder, _ = imported(tmp_path, family, foreign(family), "--with", original)
    video = seeded.frames(6, 32, 4)
    streaming.check_streaming(folder, tmp_path / "bundle", video, 4)


@pytest.mark.parametrize(
    ("family", "tuned"),
    [
        pytest.param("maxi", True, marks=pytest.mark.slow),  # ViFi-CLIP's network, mixed weights
        ("open-clip", False),
        ("transformers", False),
    ],
)
def test_bundles_of_maxi_and_of_containers_stream_as_whole_windows(
    family, tuned, seeded, streaming, foreign, original, tmp_path, traced_once
):
    words = ["--with", original] if tuned else []
    folder, _ = imported(tmp_path, family, foreign(family), *words, "--frames", 4)
    streaming.check_streaming(folder, tmp_path / "bundle", seeded.frames(6, 32, 4), 4)


@pytest.mark.parametrize("family", ["vifi-clip", "ost"])
def test_an_imported_checkpoint_trains_further_and_is_tested_beside_its_family(
    family, foreign, original, tmp_path, write_noise, monkeypatch
):
    from stzsar.train.cli import main as train
    from stzsar.train.evaluation.cli import main as evaluate

    monkeypatch.chdir(tmp_path)
    for name in ("archery", "hula hoop"):
        write_noise(tmp_path / "clips" / name / "a.avi", frames=4)
    folder, _ = imported(tmp_path, family, foreign(family), "--with", original, "--frames", 2)
    steps = ["--steps", "1", "--batch", "2", "--frames", "2", "--warmup-steps", "0"]
    result = CliRunner().invoke(
        train, ["--from", str(folder), "--data", "clips", "--workers", "0", *steps]
    )
    assert result.exit_code == 0, result.output
    tested = ["--data", "clips", "--view", "vifi-clip", "--beside", family]
    result = CliRunner().invoke(evaluate, [str(folder), *tested])
    assert result.exit_code == 0, result.output
    assert "to be run" in result.output
