"""Which of several files a listed path means. No clip is opened here."""

import pytest

from stzsar.runtime.errors import SourceError
from stzsar.train.lists.clip_set import find_listed_clips
from stzsar.train.lists.list_files import read_list_file


@pytest.fixture
def found(tmp_path):
    """Put files below data/, list paths, and return which files are found and what is missing."""

    def find(names, rows, *, form="list.csv"):
        for name in names:
            (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / name).write_bytes(b"a video")
        (tmp_path / form).write_text("\n".join(rows) + "\n")
        listed = read_list_file(tmp_path / form)
        classes = tuple(dict.fromkeys(clip.label for clip in listed))
        made = find_listed_clips(data := tmp_path / "data", listed, classes)
        return [(c.path.relative_to(data).as_posix(), c.label) for c in made.clips], made.missing

    return find


PARTS = ["test/jump/1.mp4", "train/jump/1.mp4", "train/run/2.mp4"]


def test_the_listed_path_tells_training_clips_from_test_clips_of_one_name(found):
    rows = ["train/jump/1.mp4", "train/run/2.mp4"]
    expected = [("train/jump/1.mp4", "jump"), ("train/run/2.mp4", "run")]
    assert found(PARTS, rows, form="list.txt")[0] == expected
    assert found(PARTS, [f"/elsewhere/k400/{row}" for row in rows], form="list.txt")[0] == expected
    assert found(PARTS, ["train/1.mp4,jump", "train/2.avi,run"])[0] == expected


def test_a_test_clip_never_stands_in_for_a_missing_training_clip(found):
    rows = ["train/jump/1.mp4,jump", "train/run/2.mp4,run"]
    files, missing = found(["test/jump/1.mp4", "train/run/2.mp4"], rows)
    assert files == [("train/run/2.mp4", "run")]
    assert missing == ("train/jump/1.mp4 of list.csv",)


def test_folders_that_are_no_classes_tell_clips_of_one_name(found):
    names = ["setA/c1.mp4", "setB/c1.mp4"]
    files, _ = found(names, ["setA/c1.mp4,jump", "setB/c1.mp4,run"])
    assert files == [("setA/c1.mp4", "jump"), ("setB/c1.mp4", "run")]


def test_what_lies_in_a_folder_of_another_name_is_another_clip(found):
    files, missing = found(["run/1.mp4", "jump/2.mp4"], ["jump/1.mp4", "jump/2.mp4"], form="l.txt")
    assert files == [("jump/2.mp4", "jump")]
    assert missing == ("jump/1.mp4 of l.txt",)


def test_the_very_path_comes_before_one_that_only_ends_so(found):
    names = ["jump/1.mp4", "old/jump/1.mp4", "jump/2.MP4", "jump/2.avi"]
    files, _ = found(names, ["jump/1.mp4,jump", "jump/2.avi,jump"])
    assert files == [("jump/1.mp4", "jump"), ("jump/2.avi", "jump")]


def test_clips_without_class_folders_are_found_by_name(found):
    files, _ = found(["1.mp4", "more/2.mp4"], ["jump/1.mp4,jump", "2.mp4,jump"])
    assert files == [("1.mp4", "jump"), ("more/2.mp4", "jump")]


def test_several_files_that_may_be_meant_are_one_sentence(found):
    said = r"jump/1\.mp4 of list\.csv may be .*test/jump/1\.mp4 or .*train/jump/1\.mp4: "
    with pytest.raises(SourceError, match=said):
        found(PARTS, ["jump/1.mp4,jump"])


def test_one_file_of_two_classes_is_one_sentence(found):
    with pytest.raises(SourceError, match=r"names .*1\.mp4 for 'jump' and for 'run': give each"):
        found(["1.mp4"], ["1.mp4,jump", "1.mp4,run"])
