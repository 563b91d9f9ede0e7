"""The whole command with a small network: from a hub or a file to a bundle that a run finds."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="the weights are made with open_clip")
pytest.importorskip("huggingface_hub", reason="pip install '.[fetch]'")

from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.fetch import FetchOptions, catalogue, cli, fetch, pipeline, skeletons
from stzsar.runtime.fetch.catalogue import CATALOGUE, FILE, Weights, find_weights
from stzsar.runtime.labels.shipped import shipped_labels

MIT, APPLE = CATALOGUE[0].licence, find_weights("MobileCLIP2-S0", None).licence
pytestmark = pytest.mark.live
KINETICS = len(shipped_labels("kinetics-400"))
# stzsar-fetch with other graphs and another catalogue, in a process of its own.
PROGRAM = """
import json, pathlib, sys
from stzsar.runtime.fetch import catalogue, cli, skeletons
graphs, entries, *arguments = sys.argv[1:]
skeletons.FOLDER = pathlib.Path(graphs)
licences = catalogue.CATALOGUE[0].licence, catalogue.find_weights("MobileCLIP2-S0", None).licence
catalogue.CATALOGUE = tuple(
    catalogue.Weights(licence=licences[number], **entry) for number, entry in json.loads(entries)
)
catalogue.DEFAULT_BACKBONE = "tiny-ViT-77"
sys.argv[1:] = arguments
cli.main(prog_name="stzsar-fetch")
"""


@pytest.fixture(scope="module")
def tiny(backbones, tmp_path_factory):
    """A small ViT that reads CLIP's tokens: the folder of its graphs, and its weights."""
    from safetensors.torch import save_file

    from stzsar.export.skeletons import random_weights, write_skeleton, write_tokenizer
    from stzsar.models.tokenizer import CLIP_CONTEXT, CLIP_VOCABULARY

    folder = tmp_path_factory.mktemp("tiny")
    config = json.loads(json.dumps(backbones.CONFIGS["tiny-ViT"]))
    config["text_cfg"] |= {"vocab_size": CLIP_VOCABULARY, "context_length": CLIP_CONTEXT}
    for name in ("configs", "graphs"):
        (folder / name).mkdir()
    backbones.register(folder / "configs", {"tiny-ViT-77": config})
    write_tokenizer(folder / "graphs")
    write_skeleton("tiny-ViT-77", folder / "graphs")
    weights = folder / FILE
    save_file(random_weights("tiny-ViT-77", seed=2), weights)
    return folder / "graphs", weights


@pytest.fixture
def entry(tiny):
    """What the catalogue says of these weights."""
    sha256 = hashlib.sha256(tiny[1].read_bytes()).hexdigest()
    return {"backbone": "tiny-ViT-77", "tag": "tests", "repo": "us/tiny", "sha256": sha256}


@pytest.fixture
def own(tiny, entry, tmp_path, monkeypatch):
    """Use the graphs and the catalogue in this process; return a copy of the file."""
    monkeypatch.setattr(skeletons, "FOLDER", tiny[0])
    monkeypatch.setattr(catalogue, "CATALOGUE", (Weights(licence=MIT, **entry),))
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "copied.safetensors"
    copy.write_bytes(tiny[1].read_bytes())
    return copy


@pytest.fixture
def its_hub(tiny, make_hub):
    """A hub that serves the weights."""
    return make_hub(tiny[1].read_bytes())


@pytest.fixture
def run(tiny, entry, hub_environment, its_hub, tmp_path):
    """Run the command in an empty folder, against a hub with the weights."""

    def start(*arguments, licence=0, **fields):
        entries = json.dumps([[licence, {**entry, "revision": its_hub.commit, **fields}]])
        environment = {**hub_environment, "HF_ENDPOINT": its_hub.url, "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tiny[0]), entries, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=200,
        )

    return start


def write_labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("archery\nwaving a hand\n")
    return path


def test_a_bundle_from_the_hub_is_found_by_a_run_and_says_where_it_comes_from(
    run, its_hub, entry, tmp_path, red_video, monkeypatch, run_cli
):
    ended = run("--labels", write_labels(tmp_path))

    assert ended.returncode == 0, ended.stderr
    said = ended.stderr
    assert said.index("The licence of tiny-ViT-77 (tests): MIT") < said.index("Wrote the bundle")
    folder = tmp_path / "runs/tiny-ViT-77-tests/bundle-fp32"
    weights = Bundle.open(folder).manifest.weights
    assert weights.source == "tiny-ViT-77 (tests)"
    assert (weights.licence, weights.url) == ("MIT", "https://huggingface.co/us/tiny")
    assert (weights.revision, weights.sha256) == (its_hub.commit, entry["sha256"])

    monkeypatch.chdir(tmp_path)
    result = run_cli("--source", red_video, "--whole", "--labels", tmp_path / "labels.txt")
    assert result.exit_code == 0, result.output
    assert "runs/tiny-ViT-77-tests/bundle-fp32" in result.stderr


def test_the_licence_comes_before_any_request(run, its_hub):
    ended = run(licence=1)

    assert ended.returncode == 2
    assert f"The licence of tiny-ViT-77 (tests): {APPLE.name}, {APPLE.url}" in ended.stderr
    assert "for research only: read it, and add --accept-licence" in ended.stderr
    assert not its_hub.requests


def test_weights_for_research_are_fetched_once_the_licence_is_accepted(run, tmp_path):
    ended = run("--accept-licence", "--labels", write_labels(tmp_path), licence=1)

    assert ended.returncode == 0, ended.stderr
    card = (tmp_path / "runs/tiny-ViT-77-tests/bundle-fp32/README.md").read_text()
    assert "license: other\nlicense_name: apple-amlr\nlicense_link: https://github.com/" in card
    assert f"is licensed under the {APPLE.name}." in card


def test_another_revision_is_taken_at_the_hubs_word_and_recorded(run, its_hub, tmp_path):
    pins = {"revision": "f" * 40, "sha256": "f" * 64}
    labels = write_labels(tmp_path)

    ended = run("--revision", "main", "--labels", labels, **pins)

    assert ended.returncode == 0, ended.stderr
    assert f"Took the commit {its_hub.commit}, which stzsar does not pin." in ended.stderr
    manifest = Bundle.open(tmp_path / "runs/tiny-ViT-77-tests/bundle-fp32").manifest
    assert manifest.weights.revision == its_hub.commit


def test_the_command_that_a_failed_download_names_works(run, its_hub, own, tmp_path):
    its_hub.status = 503
    failed = run("--labels", write_labels(tmp_path))
    command = failed.stderr.split("run: stzsar-fetch ")[1].split()
    (tmp_path / FILE).write_bytes(own.read_bytes())

    ended = run(*command, "--labels", tmp_path / "labels.txt")

    assert failed.returncode == 2
    assert ended.returncode == 0, ended.stderr
    assert len(its_hub.requests) == 1


def test_a_file_is_known_by_its_hash(own, entry, tmp_path):
    folder = fetch(FetchOptions(weights=own, labels=write_labels(tmp_path)))

    assert folder == Path("runs/tiny-ViT-77-tests/bundle-fp32")
    weights = Bundle.open(folder).manifest.weights
    assert (weights.licence, weights.sha256) == ("MIT", entry["sha256"])


def test_a_file_that_is_not_what_it_is_called_is_refused(own, tmp_path):
    with own.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    options = FetchOptions(backbone="tiny-ViT-77", pretrained="tests", weights=own)

    with pytest.raises(StzsarError, match="is not the file of tiny-ViT-77"):
        fetch(options)

    plain = dataclasses.replace(options, pretrained=None, labels=write_labels(tmp_path))
    folder = fetch(plain)
    assert folder == Path("runs/tiny-ViT-77-copied/bundle-fp32")
    assert Bundle.open(folder).manifest.weights.licence == ""
    assert "Their licence is not known to stzsar." in (folder / "README.md").read_text()


def test_an_unknown_file_needs_its_backbone(own):
    own.write_bytes(b"something else")
    with pytest.raises(StzsarError, match="name its backbone"):
        fetch(FetchOptions(weights=own))


@pytest.mark.parametrize("missing", ["none.safetensors", "."])
def test_a_file_that_cannot_be_read_is_named(own, missing):
    with pytest.raises(StzsarError, match="Cannot read the weights"):
        fetch(FetchOptions(backbone="tiny-ViT-77", weights=Path(missing)))


def test_half_precision_and_a_folder_of_ones_own(own, tmp_path):
    options = FetchOptions(
        weights=own, labels=write_labels(tmp_path), precision="fp16", output=tmp_path / "half"
    )
    assert Bundle.open(fetch(options)).manifest.precision == "fp16"


def test_a_gpu_makes_it_fp16_unless_fp32_is_asked_for(own, tmp_path, monkeypatch, capsys):
    from stzsar.runtime.engines import opening

    monkeypatch.setattr(opening, "gpu_in_use", lambda: "Orin")
    options = FetchOptions(weights=own, labels=write_labels(tmp_path))

    assert fetch(options).name == "bundle-fp16"
    assert "Taking fp16, since Orin runs it faster" in capsys.readouterr().err
    assert fetch(dataclasses.replace(options, precision="fp32")).name == "bundle-fp32"


def test_the_default_labels_are_those_of_kinetics_with_attributes(own, monkeypatch):
    monkeypatch.setattr(pipeline, "default_labels", lambda: shipped_names(3))
    labels = Bundle.open(fetch(FetchOptions(weights=own))).bank.labels
    assert len(labels) == 3
    assert all(len(label.attributes) > 1 for label in labels)


def shipped_names(count):
    from stzsar.runtime.labels.shipped import default_labels

    labels = default_labels()
    assert len(labels) == KINETICS
    return labels[:count]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(own, small_disk, tmp_path):
    (small_disk / "filler").write_bytes(bytes(14 * 2**20))
    options = FetchOptions(
        weights=own, labels=write_labels(tmp_path), output=small_disk / "runs" / "bundle"
    )

    with pytest.raises(
        StzsarError, match=r"Cannot write the bundle \S+bundle: No space left .*Make"
    ):
        fetch(options)

    assert list((small_disk / "runs").iterdir()) == []


def test_the_card_shows_the_command_the_sizes_and_the_origin(own, entry, tmp_path):
    folder = fetch(FetchOptions(weights=own, labels=write_labels(tmp_path)))

    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense: mit\n")
    assert "stzsar-run --bundle bundle-fp32 --camera" in card
    assert "| frame.onnx | 0." in card
    assert entry["sha256"] in card


def test_without_huggingface_hub_the_extra_is_named(own, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(StzsarError, match=r"pip install '\.\[cpu,fetch\]'"):
        fetch(FetchOptions(backbone="tiny-ViT-77"))
    fetch(FetchOptions(weights=own, labels=write_labels(tmp_path)))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["RN50"], "does not know the backbone 'RN50'"),
        (["ViT-B-32", "--pretrained", "x"], "does not know the weights 'x' of ViT-B-32"),
        (["--pretrained", "openai"], "--pretrained openai needs the backbone"),
        (["--revision", "main", "--weights", "x"], "--revision has no effect with --weights"),
        (["--revision", "../../x"], "is no revision"),
        (["MobileCLIP2-S0"], "--accept-licence"),
        (["ViT-B-32", "--labels", "none.txt"], "none.txt"),
    ],
    ids=" ".join,
)
def test_mistakes_are_one_sentence(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.main, arguments)

    assert result.exit_code == 2, result.output
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert sentence in error
    assert error.endswith(".")


@pytest.mark.slow
def test_a_real_network_takes_less_memory_than_twice_its_weights(hub_environment, tmp_path):
    """Of a process that does nothing but fetch, with numbers that numpy draws for weights."""
    backbone = "MobileCLIP2-S0"
    weights = tmp_path / "weights.safetensors"
    write_random_weights(weights, skeletons.read_skeleton(backbone, "fp32").tensors)
    program = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from stzsar.runtime.fetch import FetchOptions, fetch\n"
        "weights, labels = map(Path, sys.argv[2:])\n"
        "fetch(FetchOptions(backbone=sys.argv[1], weights=weights, labels=labels))\n"
        # getrusage would count what the process that started this one had.
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, backbone, str(weights), str(write_labels(tmp_path))],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=hub_environment,
        timeout=500,
    )

    assert ended.returncode == 0, ended.stderr
    assert 1024 * int(ended.stdout) < 2 * weights.stat().st_size


def write_random_weights(path, shapes):
    """Write tensors that are small enough for a network of many layers."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    tensors = {
        name: np.asarray(np.abs(rng.standard_normal(shape, np.float32)) / 20, np.float32)
        for name, shape in shapes.items()
    }
    save_file(tensors, path)
