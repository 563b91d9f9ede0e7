"""The model card: what people read about a bundle, and nothing but people."""

import shutil

import pytest
import yaml

from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.errors import BundleError
from stzsar.runtime.fetch.card import CARD, card, write_card
from stzsar.runtime.fetch.catalogue import OURS


@pytest.fixture
def copied(tmp_path):
    return shutil.copytree(shipped_bundle(), tmp_path / "copied")


def test_the_shipped_bundle_has_the_card_that_would_be_written_now():
    labels = len(Bundle.open(shipped_bundle()).bank.labels)
    assert (shipped_bundle() / CARD).read_text() == card(shipped_bundle(), labels, OURS)


def test_a_card_says_what_is_in_the_bundle(copied):
    text = (copied / CARD).read_text()
    head = yaml.safe_load(text.split("---")[1])
    bundle = Bundle.open(copied)
    manifest = bundle.manifest
    assert head == {
        "license": "apache-2.0",
        "library_name": "stzsar",
        "pipeline_tag": "zero-shot-video-classification",
        "tags": ["action-recognition", "onnx"],
    }
    assert manifest.seen
    assert f"γ, is {manifest.seen.bias:g}" in text
    assert all(f"    {label}\n" in text for label in manifest.seen.labels)
    assert all(f"| {name} |" in text and sha256 in text for name, sha256 in manifest.files.items())
    assert "Compared with torch on 64 windows" in text
    assert "| end to end.scores | 8.9e-07 |" in text


def test_a_bundle_without_a_card_or_with_an_edited_one_is_as_good(copied):
    (copied / CARD).write_text("Ours.")
    edited = Bundle.open(copied)
    (copied / CARD).unlink()
    assert Bundle.open(copied).manifest == edited.manifest
    assert CARD not in edited.manifest.files


def test_a_filled_bundle_says_that_nothing_was_compared(copied):
    bundle = Bundle.open(copied)
    (copied / "parity.json").unlink()
    # As a fetched bundle's manifest: it lists no report.
    text = (copied / "manifest.json").read_text().splitlines(keepends=True)
    kept = [line for line in text if '"parity.json"' not in line]
    (copied / "manifest.json").write_text("".join(kept))

    write_card(copied, bundle.bank)

    assert "No parity was measured" in (copied / CARD).read_text()
    assert "Their licence is not known to stzsar." in (copied / CARD).read_text()


def test_a_broken_report_is_one_sentence(copied):
    (copied / "parity.json").write_text("[]")
    with pytest.raises(BundleError, match=r"Cannot read .*parity.json .*export the bundle again"):
        write_card(copied, Bundle.open(shipped_bundle()).bank)
