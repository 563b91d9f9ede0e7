"""Real clips in twelve codecs, where they are at hand: shared/clips beside the repository."""

import csv
import json
from pathlib import Path

import cv2
import pytest

from stzsar.runtime.video import pyav

CLIPS = Path(__file__).parents[2].parent / "shared" / "clips"
AV1 = "derived__av1__ShavingBeard__mohammed_elkomy__v_ShavingBeard_g24_c02.mkv"
# What cannot be opened or decoded, and what is cut or damaged but has frames.
WITHOUT_FRAMES = {
    "derived__nomoov__abseiling__bryanyzhu__abseiling_k400.mp4",
    "Zulko__result.webm",
    "hanrui1sensetime__dance.mp4",
}
DAMAGED = {
    "derived__truncated40__LongJump__mohammed_elkomy__v_LongJump_g15_c03.avi",
    "derived__halfdata__using_segway__bjuncek__SOX5yA1l24A.mp4",
    "derived__bitflips__HammerThrow__mohammed_elkomy__v_HammerThrow_g23_c05.avi",
    "dmlc__corrupted.mp4",
}


@pytest.fixture(scope="module")
def clips() -> Path:
    if not (CLIPS / "manifest.csv").is_file():
        pytest.skip(f"no real clips at {CLIPS}")
    return CLIPS


@pytest.mark.live
@pytest.mark.parametrize("mode", [[], ["--whole"]])
def test_each_readable_clip_gives_results_and_each_broken_one_a_sentence(
    clips, run_cli, bundle, mode
):
    with (clips / "manifest.csv").open(newline="", encoding="utf-8") as file:
        listed = {row["file"] for row in csv.DictReader(file)}

    result = run_cli("--bundle", bundle, "--source", clips, *mode)

    # PyAV decodes AV1, and some builds of OpenCV do.
    has_av1 = pyav.load_av() or cv2.VideoCapture(str(clips / AV1)).grab()
    mute = WITHOUT_FRAMES if has_av1 else WITHOUT_FRAMES | {AV1}
    messages = [json.loads(line) for line in result.stdout.splitlines()]
    documents = [message for message in messages if message["type"] == "result"]
    found = {Path(document["source"]).name for document in documents}
    assert listed - found == mute & listed
    assert not found & mute
    assert all(document["window"][0] <= document["window"][1] for document in documents)
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    named = {name for name in mute | DAMAGED if any(name in line for line in errors)}
    assert named == mute | DAMAGED
    assert len(errors) == len(named) + 1  # no false alarm, and the count at the end
    assert result.exit_code == 2
