"""Which clips each protocol tests among which classes, and what comes of made-up scores."""

from pathlib import Path

import numpy as np
import pytest

from stzsar.runtime.errors import LabelError, SourceError, StzsarError
from stzsar.train.evaluation.protocols import everything, halves, plan, with_seen
from stzsar.train.evaluation.report import make_report
from stzsar.train.evaluation.scoring import ViewSpec, run_contests
from stzsar.train.lists.clip import Clip
from stzsar.train.lists.clip_set import ClipSet
from stzsar.train.lists.split_files import read_split_files

VIEW = ViewSpec(frames=4, size_px=16)
# Rows of archery, hula hoop, yo yo, apply lipstick in the order of the class list; by 3 * row +
# number of a clip, which class is said of it.
SAID = [0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 0, 0]


def made_up(said, classes=4):
    """Scores by clip: 1 for the class that is said, less for the others in their order."""
    table = []
    for row in said:
        scores = [-0.1 * column for column in range(classes)]
        scores[row] = 1.0
        table.append(scores)
    return table


def report_of(made, classifier, contests=None, **options):
    outcome = run_contests(classifier, made.clips, contests or made.contests, VIEW)
    names = made.clips.classes
    return make_report(outcome, made.clips, names, plain=len(made.contests), **options)


def test_the_full_protocol_takes_every_clip_and_the_classes_of_the_list(data, ucf_lists, by_grey):
    made = plan("full", data, ucf_lists)
    assert made.clips.classes == ("hula hoop", "archery", "yo yo", "apply lipstick")
    report = report_of(made, by_grey(made_up(SAID), np.asarray(made_up([0] * 12))[:, None]))
    (row,) = report.rows
    assert (row.head.clips, row.candidates) == (12, 4)
    assert row.head.top1 == 8 / 12
    assert row.head.top5 == 1
    assert row.voting
    assert row.voting.top1 == 3 / 12
    assert [found.head for found in report.classes] == [2 / 3, 2 / 3, 1, 1 / 3]
    assert [found.voting for found in report.classes] == [1, 0, 0, 0]
    worst = report.confusions[0]
    assert (worst.truth, worst.taken_for, worst.clips) == ("apply lipstick", "hula hoop", 2)


def test_each_official_split_tests_its_own_clips_among_all_classes(data, ucf_lists, by_grey):
    made = plan("splits", data, ucf_lists)
    report = report_of(made, by_grey(made_up(SAID)))
    # First clips: all right. Second: 0, 1, 2 right. Third: 2 alone.
    assert [row.head.top1 for row in report.rows] == [1, 3 / 4, 1 / 4]
    assert [(row.name, row.head.clips) for row in report.rows] == [
        ("split 1", 4),
        ("split 2", 4),
        ("split 3", 4),
    ]
    assert report.summary["head"].top1.mean == pytest.approx(2 / 3)
    assert report.summary["head"].top1.std == pytest.approx(np.std([1, 0.75, 0.25]))
    assert "voting" not in report.summary


def test_one_split_can_be_tested_alone(data, ucf_lists, by_grey):
    report = report_of(plan("splits", data, ucf_lists, split=2), by_grey(made_up(SAID)))
    assert [(row.name, row.head.top1) for row in report.rows] == [("split 2", 3 / 4)]
    with pytest.raises(StzsarError, match=r"test clips of split 7\. It has 1, 2, 3\."):
        plan("splits", data, ucf_lists, split=7)


def test_a_half_tests_its_own_clips_among_its_own_classes(data, ucf_lists, by_grey):
    made = plan("halves", data, ucf_lists)
    report = report_of(made, by_grey(made_up(SAID)))
    assert len(made.contests) == 10
    for contest, row in zip(made.contests, report.rows, strict=True):
        assert row.candidates == 2
        assert {made.clips.rows[place] for place in contest.clips} == set(contest.candidates)
        # What is said is wrong only if it competes; else the first of the others is ahead.
        right = 0
        for place in contest.clips:
            truth = made.clips.rows[place]
            number = int(made.clips.clips[place].path.stem[-1]) - 1
            said = SAID[3 * truth + number]
            best = said if said in contest.candidates else contest.candidates[0]
            right += best == truth
        assert row.head.top1 == right / 6
    assert report.summary["head"].top1.mean == pytest.approx(
        np.mean([row.head.top1 for row in report.rows])
    )


def test_the_halves_are_those_of_the_literature():
    names = tuple(map(str, range(101)))
    clips = ClipSet(tuple(Clip(Path(name), name) for name in names), names)
    first, *_, last = halves(clips)
    np.random.seed(0)  # how BIKE draws them
    assert first.candidates == tuple(sorted(np.random.permutation(101)[:50]))
    np.random.seed(9)
    assert last.candidates == tuple(sorted(np.random.permutation(101)[:50]))
    assert halves(clips, seed=9)[0].candidates == last.candidates


def test_the_class_splits_of_kinetics_leave_other_classes_out(data, tmp_path, by_grey):
    lists = tmp_path / "k600"
    lists.mkdir()
    for number, names in ((1, ("HulaHoop", "YoYo")), (2, ("YoYo", "archery")), (3, ("YoYo",))):
        rows = [f"{row},{name}" for row, name in enumerate(names)]
        (lists / f"zs_split{number}.csv").write_text("\n".join(["id,name", *rows]) + "\n")
    made = plan("k600-160", data, lists)
    assert made.clips.classes == ("archery", "hula hoop", "yo yo")
    assert made.clips.others == ("apply lipstick",)
    # By grey, of the folders' order: hula hoop twice right; archery once; yo yo never.
    said = [1, 1, 0, 0, 2, 2, 1, 1, 0]
    report = report_of(made, by_grey(made_up(said, 3)))
    # Split 1: hula hoop 2 of 3 and one "archery", which is out, so that the first one wins.
    assert [row.candidates for row in report.rows] == [2, 2, 1]
    assert [row.head.clips for row in report.rows] == [6, 6, 3]
    assert report.rows[0].head.top1 == 3 / 6
    assert report.rows[1].head.top1 == 1 / 6
    assert report.rows[2].head.top1 == 1


def test_the_truly_unseen_classes_compete_among_themselves(data, tmp_path, by_grey):
    unseen = tmp_path / "unseen.txt"
    unseen.write_text("Yo Yo\nArchery\n")
    made = plan("truze", data, unseen)
    (contest,) = made.contests
    assert [made.clips.classes[row] for row in contest.candidates] == ["archery", "yo yo"]
    assert len(contest.clips) == 6


def test_training_classes_that_compete_lower_the_unseen_ones(data, by_grey):
    made = plan("plain", data)
    assert made.clips.classes == ("apply lipstick", "archery", "hula hoop", "yo yo")
    seen = (0, 1)
    (closed,) = made.contests
    # Greys go by the folders' order when drawn: hula hoop, archery, yo yo, apply lipstick.
    said = [2, 2, 0, 1, 1, 1, 1, 3, 1, 0, 0, 3]
    report = report_of(made, by_grey(made_up(said)), [closed, with_seen(closed, seen)], seen=seen)
    (row,) = report.generalised["head"]
    assert row.seen == 5 / 6
    assert row.unseen == 3 / 6
    assert row.harmonic == pytest.approx(2 * (5 / 6) * (1 / 2) / (5 / 6 + 1 / 2))
    assert row.bias == 0
    # All seen at no unseen, then 5/6 at 1/2, then none at 2/3 or 5/6, by how ties break.
    assert row.area == pytest.approx(0.54, abs=0.02)


def test_with_the_bias_that_training_measured_there_is_a_second_row(data, by_grey):
    made = plan("plain", data)
    seen = (0, 1)
    said = [2, 2, 0, 1, 1, 1, 1, 3, 1, 0, 0, 3]
    contests = [*made.contests, with_seen(made.contests[0], seen)]
    outcome = run_contests(by_grey(made_up(said)), made.clips, contests, VIEW)
    report = make_report(
        outcome, made.clips, made.clips.classes, plain=1, seen=seen, seen_bias=1000.0
    )
    plain, balanced = report.generalised["head"]
    assert (plain.bias, balanced.bias) == (0, 1000)
    assert balanced.seen == 0  # nothing leads by so much
    assert balanced.area == plain.area


def test_without_clips_of_training_classes_there_is_no_harmonic_mean(data, by_grey):
    made = plan("plain", data)
    wider = with_seen(everything(made.clips), [4])
    assert wider.candidates == (0, 1, 2, 3, 4)
    outcome = run_contests(
        by_grey(made_up([4] * 6 + [3] * 3 + [0] * 3, 5)),
        made.clips,
        [*made.contests, wider],
        VIEW,
    )
    names = (*made.clips.classes, "jumping")
    report = make_report(outcome, made.clips, names, plain=1, seen=[4])
    (row,) = report.generalised["head"]
    assert (row.seen, row.unseen, row.harmonic) == (None, 1 / 2, None)
    assert report.rows[0].head.top1 == 1 / 2  # where nobody may say jumping, the first class wins
    assert report.matrix.shape == (4, 4)


def test_a_list_that_names_a_missing_clip_is_one_sentence(data, ucf_lists):
    gone = data / "Archery" / "v_Archery_g01_c02.avi"
    gone.unlink()
    with pytest.raises(
        SourceError, match=r"names 12 clips, of which 1 .* first is Archery/v_Archery_g01_c02"
    ):
        plan("splits", data, ucf_lists)
    made = plan("splits", data, ucf_lists, allow_missing=True)
    assert [len(contest.clips) for contest in made.contests] == [4, 3, 4]
    assert made.clips.missing == ("Archery/v_Archery_g01_c02.avi of testlist02.txt",)


def test_a_csv_that_names_a_missing_clip_is_one_sentence(data):
    table = data / "list.csv"
    table.write_text("HulaHoop/v_HulaHoop_g01_c01.avi,HulaHoop\ngone.avi,HulaHoop\n")
    with pytest.raises(SourceError, match=r"names 2 clips, of which 1 is not there, .*gone\.avi"):
        plan("plain", table)
    assert len(plan("plain", table, allow_missing=True).clips.clips) == 1


def test_a_class_without_clips_is_one_sentence(data, ucf_lists):
    classes = ucf_lists / "classInd.txt"
    classes.write_text(classes.read_text() + "\n5 Yodeling\n")
    with pytest.raises(SourceError, match=r"1 of 5 classes have no clip in .*'yodeling'"):
        plan("full", data, ucf_lists)
    assert len(plan("full", data, ucf_lists, allow_missing=True).contests[0].candidates) == 5


def test_data_of_another_data_set_than_the_lists_is_one_sentence(data, ucf_lists, draw_video):
    draw_video(data / "Archer" / "v.avi")
    with pytest.raises(LabelError, match=r"'archer' \(nearest: 'archery'\)"):
        plan("full", data, ucf_lists)


def test_a_list_of_unseen_classes_of_other_data_is_one_sentence(data, tmp_path):
    path = tmp_path / "unseen.txt"
    path.write_text("Archerie\n")
    with pytest.raises(LabelError, match=r"'archerie' \(nearest: 'archery'\)"):
        plan("truze", data, path)


def test_unseen_classes_without_clips_compete_on_request(data, tmp_path, caplog):
    path = tmp_path / "unseen.txt"
    path.write_text("Yo Yo\nArchery\nYodeling\n")
    with pytest.raises(
        LabelError, match=r"names 1 classes that the data does not have, .*'yodeling'"
    ):
        plan("truze", data, path)
    made = plan("truze", data, path, allow_missing=True)
    (contest,) = made.contests
    assert [made.clips.classes[row] for row in contest.candidates] == [
        "archery", "yo yo", "yodeling"
    ]  # fmt: skip
    assert len(contest.clips) == 6
    assert "names 1 classes that" in caplog.text
    path.write_text("Yodeling\n")
    with pytest.raises(StzsarError, match="has no clip of truly unseen"):
        plan("truze", data, path, allow_missing=True)


def test_the_order_of_clips_is_that_of_their_names(data):
    names = [str(clip.path) for clip in plan("plain", data).clips.clips]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("folder", "clips", "tests"),
    [("ucf101", 13_320, (3783, 3734, 3696)), ("hmdb51", 6371, (1530, 1530, 1530))],
)
def test_the_official_lists_give_the_official_numbers(root, tmp_path, folder, clips, tests):
    lists = root.parent / "shared" / "labels" / folder
    if not lists.is_dir():
        pytest.skip(f"no official lists at {lists}")
    table = tmp_path / "data.csv"
    (tmp_path / "clip.avi").touch()
    rows = []
    for clip in read_split_files(lists).named:
        path = tmp_path / "clips" / clip.label / clip.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(tmp_path / "clip.avi")
        rows.append(f"{path},{clip.label}")
    table.write_text("path,label\n" + "\n".join(rows) + "\n")
    made = plan("splits", table, lists)
    assert tuple(len(contest.clips) for contest in made.contests) == tests
    assert len(made.clips.clips) == clips
    assert len(made.clips.classes) == {"ucf101": 101, "hmdb51": 51}[folder]
