import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.export.cli import main
from stzsar.runtime.bundle.bundle import sha256_of
from stzsar.runtime.bundle.manifest import FORMAT_VERSION
from stzsar.runtime.engines.trt.store import EngineStore

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(main, ["inspect", *map(str, arguments)])


def test_a_bundle_says_what_it_is_from_what_how_exact_and_how_large(run, exported):
    folder, _ = exported(interaction="product", temporal=True)

    result = run(folder)

    assert result.exit_code == 0, result.output
    for words in (
        "sha256 of every file",
        "a test; knows nothing",
        "fp32, ONNX opset 20",
        "4 frames, 4 a second, 1 s",
        "4 with up to 4 attributes: swing (bat), swing (seat), archery",
        "embedded on the device",
        "patch_embeddings, 4 x 4 patches",
        "windows: same best label in 100.0%",
        "frame.onnx",
        "the first run with TensorRT builds them",
        "torch 2.",
    ):
        assert words in result.stdout


def test_the_facts_come_as_json_too(run, exported):
    folder, _ = exported(interaction="product", temporal=True)

    facts = json.loads(run(folder, "--json").stdout)

    assert facts["precision"] == "fp32, ONNX opset 20"
    assert any(line.startswith("frame.onnx ") for line in facts["size"])


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"interaction": "mean", "temporal": False, "patch_path": "value"}, "frame_embedding"),
        ({"interaction": "off", "temporal": True}, "none: its states know no labels"),
    ],
    ids=str,
)
def test_heads_that_take_no_patches_say_so(run, exported, switches, words):
    folder, _ = exported(**switches)
    assert json.loads(run(folder, "--json").stdout)["features"] == words


def test_licence_and_origin_are_shown_where_a_bundle_records_them(run, exported, tmp_path):
    folder, _ = exported(interaction="off")
    assert not {"licence", "origin"} & json.loads(run(folder, "--json").stdout).keys()

    copy = shutil.copytree(folder, tmp_path / "bundle")
    path = copy / "manifest.json"
    document = json.loads(path.read_text())
    document["weights"] |= {"licence": "MIT", "url": "https://hub.example/a", "revision": "abc"}
    path.write_text(json.dumps(document))
    facts = json.loads(run(copy, "--json").stdout)
    assert facts["licence"] == "MIT"
    assert facts["origin"] == ["https://hub.example/a", "revision abc"]


def test_an_older_bundle_says_that_it_has_no_features(run):
    facts = json.loads(run(DATA / "bundle-format-2", "--json").stdout)
    assert facts["features"] == "none: older bundles have none"


def test_without_a_name_it_is_the_bundle_that_stzsar_run_would_take(run):
    assert "moving shapes and not people" in run().stdout


def test_engines_are_listed_with_their_devices(run, make_request, tmp_path, orin_key):
    from stzsar.export.write_bundle import write_bundle

    write_bundle(make_request(interaction="off", text_encoder=False), tmp_path / "bundle")
    EngineStore(tmp_path / "bundle").keep("frame", orin_key, b"an engine")
    (tmp_path / "bundle" / "engines" / "window.engine").write_bytes(b"foreign")

    shown = run(tmp_path / "bundle").stdout

    assert "Orin (compute capability 8.7), tensorrt 10.3.0, up to 512 labels" in shown
    assert "window.engine" in shown
    assert "never used: its key is unreadable" in shown
    assert "none: it has no text encoder" in shown


def test_an_engine_says_whether_it_is_of_the_bundles_graph(run, exported, tmp_path, orin_key):
    folder = shutil.copytree(exported(interaction="product", temporal=True)[0], tmp_path / "copy")
    mine = {"precision": "fp32", "graph": sha256_of(folder / "frame.onnx")}
    store = EngineStore(folder)
    store.keep("frame", dataclasses.replace(orin_key, **mine), b"an engine")
    store.keep("window", dataclasses.replace(orin_key, **mine), b"of the other graph")

    frame, window = json.loads(run(folder, "--json").stdout)["engines"]

    assert "for this frame.onnx; Orin" in frame
    assert frame.startswith("engines/frame.engine")
    assert "never used: for another window.onnx; Orin" in window


def test_an_older_format_is_shown_as_it_lies_on_disk(run, root):
    result = run(root / "tests" / "data" / "bundle-format-1", "--json")

    read = f"1 (read as {FORMAT_VERSION}), unchanged"
    assert json.loads(result.stdout)["format"].startswith(read)


@pytest.mark.parametrize("name", ["frame.onnx", "window.onnx", "text.onnx"])
@pytest.mark.parametrize("junk", [b"", b"junk"])
def test_a_graph_that_is_none_is_one_sentence_whatever_its_hash(
    run, exported, tmp_path, name, junk
):
    copy = shutil.copytree(exported(interaction="product", temporal=True)[0], tmp_path / "copy")
    (copy / name).write_bytes(junk)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][name] = sha256_of(copy / name)
    (copy / "manifest.json").write_text(json.dumps(manifest))

    result = run(copy)

    assert result.exit_code == 2
    assert f"{name} is refused: it " in result.stderr
    assert not result.stdout


def test_a_bundle_that_was_tampered_with_is_one_sentence(run, exported, tmp_path):
    folder, _ = exported(interaction="product", temporal=True)
    shutil.copytree(folder, tmp_path / "copy")
    with (tmp_path / "copy" / "frame.onnx").open("ab") as file:
        file.write(b" ")

    result = run(tmp_path / "copy")

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert "was changed after its export" in result.stderr
    assert not result.stdout


WRONG_SHARE = (
    '{"windows": 1, "differences": {"a": {"relative": 1, "cosine": 1}}, "top1_agreement": 1%s}'
    % ("0" * 400)
)


@pytest.mark.parametrize(
    "nonsense",
    [WRONG_SHARE, "", "[]", "null", "{}", '{"differences": {}}', "[" * 100_000, '{"windows": "x"}'],
)
def test_a_comparison_that_is_none_is_one_sentence(run, exported, tmp_path, nonsense):
    folder, _ = exported(interaction="product", temporal=True)
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "parity.json").write_text(nonsense)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["parity.json"] = sha256_of(copy / "parity.json")
    (copy / "manifest.json").write_text(json.dumps(manifest))

    result = run(copy)

    assert result.exit_code == 2
    assert "is not a parity report" in result.stderr


@pytest.mark.parametrize(
    "changes",
    [{"model": []}, {"model": {"vision": 3}}, {"versions": None}, {"opset": "x"}, {"name": 1}],
)
def test_a_manifest_of_other_types_is_one_sentence(run, exported, tmp_path, changes):
    folder, _ = exported(interaction="product", temporal=True)
    copy = shutil.copytree(folder, tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, **changes}))

    result = run(copy)

    assert result.exit_code == 2
    assert "is not a valid manifest" in result.stderr
