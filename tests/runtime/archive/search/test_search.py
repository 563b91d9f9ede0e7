"""Searches: the scores of a replay to the digit, what may be found, and what is refused."""

import numpy as np
import pytest

from stzsar.runtime.archive.search import finding
from stzsar.runtime.archive.search.questions import SearchOptions, search
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.recordings.replay import Replay

SHAPES = ["white ring jumping", "blue circle falling", "red heart moving left"]
MONDAY = 1_790_000_000.0


@pytest.fixture
def colours(bundle):
    return Bundle.open(bundle)


def seen(colour, count):
    """Frames of one colour, as the tiny bundle has them."""
    bgr = {"red": (0, 0, 1), "green": (0, 1, 0), "blue": (1, 0, 0)}[colour]
    row = np.asarray(bgr, np.float32) + 1e-3
    plain = np.tile(row, (count, 1))
    return {
        "colour": plain / np.linalg.norm(plain, axis=1, keepdims=True),
        "frame_embedding": plain,
        "patch_embeddings": np.repeat(plain[:, None], 4, 1),
    }


def shown(*parts):
    frames = [seen(colour, count) for colour, count in parts]
    return {name: np.concatenate([one[name] for one in frames]) for name in frames[0]}


@pytest.mark.parametrize("which", ["colours", "shipped"])
def test_scores_are_those_of_a_replay_to_the_last_bit(
    which, bundle, new_archive, recorded, random_frames, tmp_path
):
    """Across borders of stretches and over a break; all windows, as each is found or merged."""
    used = Bundle.open(bundle if which == "colours" else shipped_bundle())
    labels = ["red", "yellow", "blue"] if which == "colours" else SHAPES
    streams = {f"{name}.mp4": random_frames(used, 75, 4, seed=at) for at, name in enumerate("ab")}
    archive = new_archive(used, stretch=10)
    for stream, values in streams.items():
        archive.add(stream, values, breaks=(0, 33))
    recording = recorded(tmp_path / "same.rec", used, streams, breaks=(0, 33))
    replayed = {
        (one.source, one.end_s): one.top[0] for one in Replay(recording, used, labels, top_k=1)
    }

    found = search(SearchOptions(archive=archive.folder, labels=labels, bundle=used.path, top=1000))

    assert found.complete
    assert len(found.moments) > 8
    for moment in found.moments:
        best = replayed[moment.stream, moment.peak_s]
        assert (moment.label, moment.peak, moment.similarity) == (
            best.label, best.score, best.similarity
        )  # fmt: skip
        for end_s, score in moment.windows:
            assert replayed[moment.stream, end_s].score == score


def test_candidates_give_the_same_scores_as_all_windows(
    colours, new_archive, random_frames, monkeypatch
):
    archive = new_archive(colours, stretch=10)
    for seed in range(3):
        archive.add(f"{seed}.mp4", random_frames(colours, 120, 4, seed=seed))
    options = SearchOptions(
        archive=archive.folder, labels=["red", "green"], bundle=colours.path, top=5
    )
    complete = search(options)
    monkeypatch.setattr(finding, "ALL_WINDOWS", 0)
    monkeypatch.setattr(finding, "MOST_WINDOWS", 150)
    near = search(options)
    assert not near.complete
    assert near.windows < complete.windows
    assert near.moments[0] == complete.moments[0]
    scores = {(m.stream, at): score for m in complete.moments for at, score in m.windows}
    shared = [
        (score, scores[m.stream, at])
        for m in near.moments
        for at, score in m.windows
        if (m.stream, at) in scores
    ]
    assert shared
    assert all(ours == theirs for ours, theirs in shared)


def test_a_moment_has_its_start_its_end_and_its_peak(colours, new_archive):
    archive = new_archive(colours, stretch=7)
    archive.add("hall", shown(("green", 20), ("red", 12), ("green", 20)), clock=MONDAY)
    found = search(
        SearchOptions(archive=archive.folder, labels=["red"], ignore=["green"], bundle=colours.path)
    )
    (moment,) = found.moments
    # Frames 20 to 31 at four a second; a window of four shows red where half of it does.
    assert 4.0 <= moment.start_s <= 5.0
    assert 7.75 <= moment.end_s <= 8.5
    assert 5.75 <= moment.peak_s <= 7.75
    assert moment.peak_clock == MONDAY + moment.peak_s
    assert moment.start_clock == pytest.approx(MONDAY + moment.start_s)
    assert moment.windows[0][0] <= moment.peak_s <= moment.windows[-1][0]


def test_a_long_moment_is_followed_to_its_ends(colours, new_archive, monkeypatch):
    archive = new_archive(colours, stretch=9)
    archive.add("hall", shown(("green", 50), ("red", 60), ("green", 50)), clock=MONDAY)
    monkeypatch.setattr(finding, "ALL_WINDOWS", 0)
    monkeypatch.setattr(finding, "MOST_WINDOWS", 8)
    monkeypatch.setattr(finding, "CANDIDATES", 2)
    found = search(
        SearchOptions(
            archive=archive.folder, labels=["red"], ignore=["green"], bundle=colours.path, top=1
        )
    )
    (moment,) = found.moments
    assert moment.start_s <= 12.5
    assert moment.end_s >= 27.25
    assert found.windows < 120


def test_a_short_file_has_its_one_window(colours, new_archive, recorded, tmp_path):
    archive = new_archive(colours)
    archive.add("short.mp4", seen("red", 2))
    recording = recorded(tmp_path / "a.rec", colours, {"short.mp4": seen("red", 2)})
    labels = ["red", "yellow"]
    (theirs,) = Replay(recording, colours, labels)
    (moment,) = search(
        SearchOptions(archive=archive.folder, labels=labels, bundle=colours.path)
    ).moments
    assert (moment.peak, moment.end_s) == (theirs.top[0].score, theirs.end_s)


def test_what_is_not_committed_is_not_found(colours, new_archive):
    archive = new_archive(colours)
    archive.add("a.mp4", seen("green", 20))
    archive.add("b.mp4", seen("red", 20), committed=False)
    archive.add("a.mp4", seen("red", 20), committed=False)
    found = search(SearchOptions(archive=archive.folder, labels=["red"], bundle=colours.path))
    assert found.frames == 20
    assert {moment.stream for moment in found.moments} == {"a.mp4"}
    assert all(moment.similarity < 0.1 for moment in found.moments)


def test_streams_and_times_bound_a_search(colours, new_archive):
    archive = new_archive(colours)
    archive.add("hall", seen("red", 40), clock=MONDAY)
    archive.add("yard", seen("red", 40), clock=MONDAY)
    archive.add("a.mp4", seen("red", 40))

    def where(**condition):
        options = SearchOptions(
            archive=archive.folder, labels=["red"], bundle=colours.path, **condition
        )
        return search(options)

    assert where().counts("stream") == {"a.mp4": 1, "hall": 1, "yard": 1}
    assert {one.stream for one in where(streams=["yard"]).moments} == {"yard"}
    late = where(since=MONDAY + 5, until=MONDAY + 7).moments
    assert {one.stream for one in late} == {"hall", "yard"}
    assert all(MONDAY + 5 <= (one.peak_clock or 0) < MONDAY + 7 for one in late)
    assert where(since=MONDAY + 100).moments == ()
    assert "not known" in where().counts("hour")


def test_frames_of_another_bundle_are_never_searched(
    colours, mute_bundle, own_bundle, new_archive, rewrite_manifest, write_window_graph
):
    write_window_graph(own_bundle / "window.onnx", 30.0)
    rewrite_manifest(own_bundle)
    other = Bundle.open(own_bundle)
    archive = new_archive(colours)
    archive.add("a.mp4", seen("green", 20))
    archive.use(other)
    archive.add("b.mp4", seen("red", 20))
    found = search(SearchOptions(archive=archive.folder, labels=["red"], bundle=colours.path))
    assert (found.frames, found.other_frames) == (20, 20)
    assert {moment.stream for moment in found.moments} == {"a.mp4"}
    found = search(SearchOptions(archive=archive.folder, labels=["red"], bundle=other.path))
    assert {moment.stream for moment in found.moments} == {"b.mp4"}


def test_more_of_a_moment_of_the_archive_and_of_a_clip(colours, new_archive, draw_video, tmp_path):
    archive = new_archive(colours)
    archive.add("hall", shown(("green", 20), ("red", 8), ("green", 20)), clock=MONDAY)
    archive.add("yard", shown(("blue", 20), ("red", 8), ("blue", 20)), clock=MONDAY)
    clip = draw_video(tmp_path / "red.avi", ["red"] * 8)
    for like, best in (("hall@6.75", {"yard"}), (str(clip), {"hall", "yard"})):
        found = search(SearchOptions(archive=archive.folder, like=like, bundle=colours.path, top=2))
        near = [one for one in found.moments if one.similarity > 0.95]
        assert {one.stream for one in near} == best
        assert all(5 <= one.peak_s <= 7 for one in near)


def test_what_cannot_be_asked_is_one_sentence(colours, new_archive, tmp_path):
    archive = new_archive(colours)
    archive.add("hall", seen("red", 20), clock=MONDAY)

    def refused(match, **options):
        given = {"archive": archive.folder, "bundle": colours.path, **options}
        with pytest.raises(StzsarError, match=match) as caught:
            search(SearchOptions(**given))
        assert str(caught.value).endswith(".")
        assert str(caught.value).count("\n") == 0

    refused("Nothing is asked for")
    refused("has no stream 'attic': it has 'hall'", labels=["red"], streams=["attic"])
    refused("up to 256 actions and got 10000", labels=[f"label {at}" for at in range(10_000)])
    refused("no effect with --like", labels=["red"], like="hall@3")
    refused("neither a file nor a moment", like="nothing.mp4")
    refused("no window of 4 frames of 'hall' that ends at 99", like="hall@99")
    refused("has no frames of the bundle", labels=["red"], bundle=shipped_bundle())
    refused("no archive", labels=["red"], archive=tmp_path / "nowhere")
    (tmp_path / "no.mp4").write_bytes(b"no video")
    refused("no.mp4", like=str(tmp_path / "no.mp4"))
    refused("lacks the table", labels=["red"], archive=tmp_path)
    refused("is not after", labels=["red"], since=5.0, until=4.0)


def test_a_stretch_that_two_wrote_is_searched_once(colours, new_archive):
    archive = new_archive(colours, stretch=20)
    archive.add("a.mp4", seen("red", 20))
    archive.add("a.mp4", seen("green", 20))
    archive.database.open_table("stretches").update(where="true", values={"attempt": "a.mp4/0"})
    found = search(SearchOptions(archive=archive.folder, labels=["red"], bundle=colours.path))
    assert found.frames == 20
