"""A ready bundle from a hub: only its own files come, and only as the manifest lists them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.fetch.cli import main
from stzsar.runtime.fetch.options import FetchOptions

from .conftest import COMMIT

# huggingface_hub comes with tokenizers, too, in a version without httpx2.
pytest.importorskip("httpx2", reason="pip install '.[fetch]'")

ADDRESS = "hub:us/shapes@v1"
TARGET = Path("runs/us-shapes/bundle-fp32")


@pytest.fixture
def its_hub(hub):
    """A hub with the shipped bundle, and with files that no bundle has."""
    hub.files = {path.name: path.read_bytes() for path in shipped_bundle().iterdir()}
    hub.files |= {"engines/frame.engine": b"code", "setup.py": b"raise", "model.pkl": b"\x80"}
    return hub


def rewritten(hub, **changes):
    """Change the manifest that the hub serves."""
    manifest = json.loads(hub.files["manifest.json"])
    hub.files["manifest.json"] = json.dumps({**manifest, **changes}).encode()


def asked(hub):
    return {path.split("/resolve/")[1].partition("/")[2] for _, path, *_ in hub.requests}


def test_a_ready_bundle_is_the_one_that_was_pushed_and_nothing_else(fetch_in, its_hub, tmp_path):
    ended = fetch_in(ADDRESS)

    assert ended.returncode == 0, ended.stderr
    assert f"{ADDRESS} at the commit {COMMIT}" in ended.stderr
    folder = tmp_path / TARGET
    assert Bundle.open(folder).manifest == Bundle.open(shipped_bundle()).manifest
    names = {path.name for path in folder.iterdir()}
    assert names == asked(its_hub) == {path.name for path in shipped_bundle().iterdir()}
    # The name may lead to another commit meanwhile: all but the manifest is asked of this one.
    later = [path for _, path, *_ in its_hub.requests if f"/resolve/{COMMIT}/" not in path]
    assert {path.rpartition("/")[2] for path in later} == {"manifest.json"}
    assert not [path for path in (tmp_path / "hf").rglob("*") if path.is_file()]


def test_a_bundle_needs_no_card(fetch_in, its_hub, tmp_path):
    del its_hub.files["README.md"]
    assert fetch_in(ADDRESS, "--output", "here").returncode == 0
    assert not (tmp_path / "here" / "README.md").exists()


def test_a_file_that_is_not_the_manifests_is_refused(fetch_in, its_hub, tmp_path):
    its_hub.files["window.onnx"] = its_hub.files["window.onnx"][:-1] + b"x"

    ended = fetch_in(ADDRESS)

    assert ended.returncode == 2
    assert "Cannot fetch hub:us/shapes@v1: what arrived has the sha256" in ended.stderr
    assert not (tmp_path / TARGET).exists()


@pytest.mark.parametrize(
    "name", ["engines/frame.engine", "setup.py", "model.pkl", "../../up", "README.md"]
)
def test_a_manifest_cannot_ask_for_other_files(fetch_in, its_hub, tmp_path, name):
    files = json.loads(its_hub.files["manifest.json"])["files"]
    rewritten(its_hub, files={**files, name: "0" * 64})

    ended = fetch_in(ADDRESS)

    assert ended.returncode == 2
    assert f"its manifest lists '{name}', which no bundle has" in ended.stderr
    assert asked(its_hub) == {"manifest.json"}


def test_a_manifest_that_is_too_large_is_not_downloaded(fetch_in, its_hub):
    its_hub.files["manifest.json"] = bytes(2**20 + 1)

    ended = fetch_in(ADDRESS)

    assert ended.returncode == 2
    assert "manifest.json has 1048577 bytes" in ended.stderr
    assert not its_hub.downloads()


def test_weights_for_research_need_consent(fetch_in, its_hub):
    name = "Apple Machine Learning Research Model License Agreement"
    manifest = json.loads(its_hub.files["manifest.json"])
    rewritten(its_hub, weights={**manifest["weights"], "licence": name})

    refused = fetch_in(ADDRESS)
    before = asked(its_hub)
    accepted = fetch_in(ADDRESS, "--accept-licence")

    assert refused.returncode == 2
    assert "for research only: read it at https://" in refused.stderr
    assert before == {"manifest.json"}
    assert accepted.returncode == 0, accepted.stderr


def test_what_is_no_bundle_is_one_sentence(fetch_in, its_hub):
    del its_hub.files["manifest.json"]
    ended = fetch_in(ADDRESS)
    assert ended.returncode == 2
    assert "has no such file or revision (status 404). Check the name" in ended.stderr


@pytest.mark.parametrize(
    "address", ["hub:", "hub:name", "hub:a/b/c", "hub:../b", "hub:a/b@", "hub:a/b@../x", "hub:a/ b"]
)
def test_addresses_are_checked(address):
    with pytest.raises(StzsarError, match="is no bundle on the hub: write hub:owner/name@revision"):
        FetchOptions(backbone=address)


@pytest.mark.parametrize("option", ["--fp16", "--labels=a,b", "--revision=main"])
def test_options_that_make_a_bundle_are_refused(option):
    result = CliRunner().invoke(main, [ADDRESS, option])
    assert result.exit_code == 2
    assert "has no effect on hub:us/shapes@v1" in result.stderr
