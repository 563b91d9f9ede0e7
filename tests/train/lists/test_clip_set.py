"""The clips of a folder or CSV, and those of a list. No clip is opened here."""

import pytest

from stzsar.runtime.errors import LabelError, SourceError
from stzsar.train.lists.clip_set import find_clips, find_listed_clips
from stzsar.train.lists.split_files import read_split_files


@pytest.fixture
def put(tmp_path):
    def put_files(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"a video")
        return tmp_path

    return put_files


def test_a_folder_of_classes_is_read(put):
    data = put("apply_eye_makeup/1.avi", "HulaHoop/0.avi", "HulaHoop/1.MP4", "HulaHoop/notes.txt")
    found = find_clips(data)
    assert [clip.label for clip in found.clips] == ["hula hoop"] * 2 + ["apply eye makeup"]
    assert found.classes == ("apply eye makeup", "hula hoop")
    assert found.rows == (1, 1, 0)
    assert (found.missing, found.empty, found.named) == ((), (), 3)


def test_a_csv_is_read_with_paths_beside_it(put):
    csv = put("HulaHoop/0.avi", "apply_eye_makeup/1.avi") / "list.csv"
    csv.write_text("path,label\nHulaHoop/0.avi,HulaHoop\napply_eye_makeup/1.avi,apply eye makeup\n")
    assert [clip.label for clip in find_clips(csv).clips] == ["hula hoop", "apply eye makeup"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("HulaHoop/0.avi\n", "every row is path,label"),
        ("path,label\n", "names no clips"),
        ("", "names no clips"),
    ],
)
def test_a_wrong_csv_is_one_sentence(put, content, sentence):
    csv = put("HulaHoop/0.avi") / "list.csv"
    csv.write_text(content)
    with pytest.raises(SourceError, match=sentence):
        find_clips(csv)


def test_data_without_clips_is_one_sentence(tmp_path):
    with pytest.raises(SourceError, match="holds no videos"):
        find_clips(tmp_path)
    with pytest.raises(SourceError, match="neither a folder"):
        find_clips(tmp_path / "gone")


def test_two_spellings_of_one_class_are_refused_by_name(put):
    data = put("YoYo/1.avi", "yo_yo/2.avi")
    with pytest.raises(LabelError, match="names 'YoYo' and 'yo_yo', which are the same name"):
        find_clips(data)
    (data / "list.csv").write_text("YoYo/1.avi,YoYo\nyo_yo/2.avi,yo-yo\n")
    with pytest.raises(LabelError, match=r"list\.csv names 'YoYo' and 'yo-yo'"):
        find_clips(data / "list.csv")


def test_classes_of_other_scripts_and_of_symbols_stay_apart(put):
    names = ["बोलना", "बेलना", "गाना", "C", "C++", "👍", "👎", "--"]
    found = find_clips(put(*(f"{name}/1.mp4" for name in names)))
    assert found.classes == tuple(sorted(name.lower() for name in names))
    assert len(set(found.rows)) == len(names)


def test_a_choice_of_classes_leaves_the_others_out(put):
    found = find_clips(put("run/1.mp4", "walk/2.mp4", "jump/3.mp4")).among(("Walk", "swim", "run"))
    assert [clip.label for clip in found.clips] == ["run", "Walk"]
    assert found.rows == (2, 0)
    assert (found.classes, found.empty, found.others) == (
        ("Walk", "swim", "run"), ("swim",), ("jump",)
    )  # fmt: skip


@pytest.fixture
def lists(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "testlist01.txt").write_text("YoYo/v_1.avi\nArchery/v_2.avi\n")
    return read_split_files(folder)


@pytest.mark.parametrize(
    "names",
    [
        ("v_1.mp4", "v_2.mkv"),
        ("yo_yo/v_1.avi", "archery/V_2.avi"),
        ("test/YoYo/v_1.avi", "test/Archery/v_2.avi"),
    ],
)
def test_a_test_finds_listed_clips_in_the_layouts_of_training(put, lists, tmp_path, names):
    data = put(*(f"data/{name}" for name in names)) / "data"
    found = find_listed_clips(data, lists.named, lists.classes, keep_unlisted=True)
    assert {(clip.path.name[2], clip.label) for clip in found.clips} == {
        ("1", "yo yo"), ("2", "archery")
    }  # fmt: skip
    assert found.places(lists.tests[1]) == (0, 1)
    assert (found.missing, found.others) == ((), ())


def test_unlisted_clips_of_listed_classes_are_kept_on_request(put, lists):
    data = put("data/YoYo/v_1.avi", "data/YoYo/v_9.avi", "data/Archery/v_2.avi") / "data"
    kept = find_listed_clips(data, lists.named, lists.classes, keep_unlisted=True)
    assert [clip.path.name for clip in kept.clips] == ["v_1.avi", "v_2.avi", "v_9.avi"]
    assert len(find_listed_clips(data, lists.named, lists.classes).clips) == 2


def test_classes_that_the_list_does_not_have_are_named(put, lists):
    data = put("data/YoYo/v_1.avi", "data/Archer/v_2.avi", "data/flat.avi") / "data"
    found = find_listed_clips(data, lists.named, lists.classes)
    assert found.others == ("archer",)
