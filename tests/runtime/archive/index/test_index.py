"""What indexing writes: the same rows, however the work was cut."""

import os

import lancedb
import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.runtime.archive.store.archive import Archive
from stzsar.runtime.archive.store.columns import columns_of
from stzsar.runtime.archive.store.schema import FORMAT
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.command.archive.cli import main
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.recordings.file_format import FRAMES, read_records, unpacked_frames
from stzsar.runtime.recordings.records import FLAGS, TIMES


def plain(table):
    """Rows without the names that say how the work was cut, or where the file lay."""
    return table.drop_columns(["stretch", "video", "stream"])


def test_rows_do_not_depend_on_the_length_of_a_stretch(bundle, colourful, indexed, rows, tmp_path):
    video = colourful()
    for stretch_s in (3.0, 7.0, 600.0):
        indexed(tmp_path / f"{stretch_s}", video, bundle=bundle, stretch_s=stretch_s)
    cut, other, whole = (plain(rows(tmp_path / f"{name}")) for name in (3.0, 7.0, 600.0))
    assert whole.num_rows == 80
    assert cut.equals(whole)
    assert other.equals(whole)


def test_rows_are_those_of_a_recording(indexed, rows, root, run_cli, tmp_path):
    sample, bundle = root / "runtime/shipped/sample.mp4", shipped_bundle()
    recording = tmp_path / "sample.rec"
    recorded = run_cli(
        sample, "--bundle", bundle, "--record", recording, "--record-features",
        "--record-patches", 8, "--quiet",
    )  # fmt: skip
    assert recorded.exit_code == 0, recorded.output
    indexed(tmp_path / "archive", sample, bundle=bundle, stretch_s=5.0)
    found = rows(tmp_path / "archive")
    batches = [unpacked_frames(data)[1] for kind, data in read_records(recording) if kind == FRAMES]
    kept = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    assert found.num_rows == len(kept[TIMES]) > 0
    for name in (TIMES, FLAGS):
        np.testing.assert_array_equal(found[name].to_numpy(), kept[name])
    for name, column in columns_of(Bundle.open(bundle).manifest).items():
        ours = found[column].combine_chunks().flatten().to_numpy()
        theirs = kept[name].astype(np.float16).reshape(-1)
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


def test_a_second_run_commits_nothing(bundle, colourful, indexed, tmp_path):
    videos, archive = [colourful("a.avi"), colourful("b.avi", seed=1)], tmp_path / "archive"
    first = indexed(archive, *videos, bundle=bundle, stretch_s=5.0)
    assert [(one.outcome, one.stretches) for one in first] == [("indexed", 4)] * 2
    before = versions(archive)
    assert indexed(archive, *videos, bundle=bundle) == []
    assert versions(archive) == before


def test_a_moved_video_is_known_by_its_content(bundle, colourful, indexed, rows, tmp_path):
    video, archive = colourful(), tmp_path / "archive"
    indexed(archive, video, bundle=bundle, stretch_s=5.0)
    before = rows(archive)
    (again,) = indexed(archive, video.rename(tmp_path / "moved.avi"), bundle=bundle)
    assert (again.outcome, again.stretches) == ("there", 0)
    assert rows(archive).equals(before)


def test_processes_write_the_same_rows(bundle, colourful, indexed, rows, tmp_path):
    videos = [colourful(f"{seed}.avi", 10, seed=seed) for seed in range(4)]
    indexed(tmp_path / "one", *videos, bundle=bundle, stretch_s=3.0)
    indexed(tmp_path / "two", *videos, bundle=bundle, stretch_s=3.0, workers=2)
    assert rows(tmp_path / "two").equals(rows(tmp_path / "one"))


def test_a_broken_and_a_lost_video_are_rows_with_their_errors(
    bundle, colourful, indexed, rows, cut, orphans, tmp_path
):
    good, bad, archive = colourful("good.avi"), tmp_path / "bad.mp4", tmp_path / "archive"
    bad.write_bytes(b"no video at all")
    lost = tmp_path / "lost.avi"
    lost.symlink_to(tmp_path / "nowhere")
    found = {one.path: one for one in indexed_folder(indexed, archive, bundle, good, bad, lost)}
    assert found[str(good)].outcome == "indexed"
    assert found[str(bad)].outcome == found[str(lost)].outcome == "broken"
    kept = {one.path: one for one in Archive(archive).videos()}
    assert kept[str(good)].state == "whole"
    for path in (bad, lost):
        assert kept[str(path)].state == "broken"
        assert kept[str(path)].error.endswith(".")
    assert set(rows(archive)["stream"].to_pylist()) == {str(good)}
    assert orphans(archive) == []


def indexed_folder(indexed, archive, bundle, *videos):
    """Index files of a folder, which need not be there any more."""
    assert len({video.parent for video in videos}) == 1
    return indexed(archive, videos[0].parent, bundle=bundle, stretch_s=5.0)


def test_a_video_that_grows_while_it_is_read_is_indexed_again_when_whole(
    bundle, colourful, indexed, rows, tmp_path, monkeypatch
):
    video, archive = colourful(seconds=20), tmp_path / "archive"
    put = Archive.put

    def grow(self, stretch, table, error=""):
        done = put(self, stretch, table, error)
        os.utime(video, (1, 1))  # as a copy that goes on
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "put", grow)
        (done,) = indexed(archive, video, bundle=bundle, stretch_s=5.0)
    assert (done.outcome, done.stretches) == ("changed", 1)
    assert [one.state for one in Archive(archive).videos()] == ["changed"]
    (done,) = indexed(archive, video, bundle=bundle)
    assert (done.outcome, done.stretches) == ("indexed", 3)
    assert [one.state for one in Archive(archive).videos()] == ["whole"]
    indexed(tmp_path / "whole", video, bundle=bundle, stretch_s=5.0)
    assert rows(archive).equals(rows(tmp_path / "whole"))


@pytest.mark.parametrize(
    ("option", "value"), [("rate_fps", 2.0), ("stretch_s", 9.0), ("patches", 3)]
)
def test_another_sampling_is_refused(option, value, bundle, colourful, indexed, tmp_path):
    video, archive = colourful(seconds=5), tmp_path / "archive"
    indexed(archive, video, bundle=bundle, rate_fps=4.0, stretch_s=5.0, patches=2)
    with pytest.raises(StzsarError, match=r"was begun with --\w+ [245], not [239]: .*\.$"):
        indexed(archive, video, bundle=bundle, **{option: value})


def test_a_newer_format_is_refused(bundle, colourful, indexed, tmp_path):
    video, archive = colourful(seconds=5), tmp_path / "archive"
    indexed(archive, video, bundle=bundle)
    lancedb.connect(archive).open_table("bundles").update(values={"format": FORMAT + 1})
    with pytest.raises(StzsarError, match=r"has format 2 and this stzsar knows 1: upgrade"):
        indexed(archive, video, bundle=bundle)


def test_a_folder_of_something_else_stays_as_it_is(bundle, colourful, indexed, tmp_path):
    video, other = colourful(seconds=5), tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("Dear Ms Ada")
    with pytest.raises(StzsarError, match=r"is a file or a folder of something else"):
        indexed(other, video, bundle=bundle)
    assert [path.name for path in other.iterdir()] == ["letter.txt"]


def test_the_command_says_what_it_costs_and_which_videos_are_broken(bundle, colourful, tmp_path):
    colourful("good.avi", 5)
    (tmp_path / "bad.mp4").write_bytes(b"no video at all")
    arguments = ["index", tmp_path, "--archive", tmp_path / "archive", "--bundle", bundle]
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 2
    assert "A camera for a day, at 4 frames a second" in done.stderr
    assert "1 of 2 videos are in" in done.stderr
    assert "1 of 2 videos cannot be indexed" in done.stderr


@pytest.mark.slow
def test_ray_writes_the_same_rows(bundle, colourful, indexed, rows, tmp_path):
    pytest.importorskip("ray")
    videos = [colourful(f"{seed}.avi", 10, seed=seed) for seed in range(3)]
    indexed(tmp_path / "one", *videos, bundle=bundle, stretch_s=3.0)
    done = indexed(tmp_path / "ray", *videos, bundle=bundle, stretch_s=3.0, workers=2, ray="local")
    assert [one.outcome for one in done] == ["indexed"] * 3
    assert rows(tmp_path / "ray").equals(rows(tmp_path / "one"))


def versions(archive):
    """How often each table was written."""
    database = lancedb.connect(archive)
    return {name: database.open_table(name).version for name in ("frames", "stretches", "videos")}
