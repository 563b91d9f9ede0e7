"""Files that earlier versions wrote are kept, one of each format, and read.

Old code wrote them: none is made by the code of today. What bundles and recordings give is tested
beside their readers.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from stzsar.models import checkpoint
from stzsar.models.checkpoint import load_checkpoint
from stzsar.models.interaction import Bank
from stzsar.runtime.bundle import manifest
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.decisions import calibration
from stzsar.runtime.decisions.calibration import Calibration
from stzsar.runtime.events import schema
from stzsar.runtime.events.questions import ChangeOptions, FindOptions, find, get, keep
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.recordings import file_format
from stzsar.runtime.recordings.replay import Replay

DATA = Path(__file__).parents[1] / "data"
NOW = {
    "bundle": manifest.FORMAT_VERSION,
    "recording": file_format.VERSION,
    "checkpoint": checkpoint.FORMAT_VERSION,
    "calibration": calibration.CALIBRATION_VERSION,
    "events": len(schema.MIGRATIONS),
}
STORES = sorted(DATA.glob("events-format-*"))


@pytest.mark.parametrize("kind", NOW)
def test_a_file_of_each_earlier_format_is_kept(kind):
    kept = {path.stem for path in DATA.glob(f"{kind}-format-*")}
    assert kept == {f"{kind}-format-{number}" for number in range(1, NOW[kind])}


def test_a_bundle_a_recording_and_a_calibration_of_an_earlier_format_are_read():
    assert {
        Bundle.open(folder).manifest.format_version
        for folder in DATA.glob("bundle-format-*")
        if folder.is_dir()
    } == {manifest.FORMAT_VERSION}
    for file in DATA.glob("recording-format-*.rec"):
        assert list(Replay(file, Bundle.open(DATA / "bundle-format-3")))
    for file in DATA.glob("calibration-format-*.json"):
        assert Calibration.read(file).thresholds


def test_a_checkpoint_of_format_1_gives_the_scores_that_it_gave():
    found, network = load_checkpoint(DATA / "checkpoint-format-1")
    words = torch.linspace(-1, 1, 2 * 2 * 16).reshape(2, 2, 16).sin()
    words = torch.nn.functional.normalize(words, dim=-1)
    bank = Bank(words[:, 0], words, torch.ones(2, 2, dtype=torch.bool))
    video = (torch.arange(4 * 16 * 16 * 3) % 251).reshape(1, 4, 16, 16, 3).to(torch.uint8)

    with torch.no_grad():
        logits = network.eval()(video, bank)

    expected = json.loads((DATA / "checkpoint-format-1.json").read_text())["logits"]
    np.testing.assert_allclose(logits[0], expected, rtol=1e-4)
    assert found.labels == (Label("swing (bat)", "swing", ("bat", "ball")), Label("run"))
    assert (found.step, found.seen_bias) == (7, 0.5)


@pytest.mark.parametrize("old", STORES, ids=lambda folder: folder.name)
def test_an_event_store_of_each_version_is_brought_up_to_date(old, tmp_path):
    version = int(old.name[-1])
    folder = tmp_path / "events"
    shutil.copytree(old, folder)

    first, second = sorted(find(FindOptions(folder=folder)), key=lambda event: event.id)
    keep(ChangeOptions(folder=folder, ids=[2]))

    assert (first.source, first.label, first.start_s, first.end_s) == ("hall", "archery", 1.0, 2.5)
    assert (folder / (first.still or "")).read_bytes()[:2] == b"\xff\xd8"
    assert second.region == ("door" if version >= 2 else None)
    assert second.priority == ("urgent" if version >= 3 else None)
    assert get(folder, 2).kept
