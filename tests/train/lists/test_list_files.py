"""One list of clips, in each form that people have."""

import pytest

from stzsar.runtime.errors import LabelError, SourceError
from stzsar.train.lists.list_files import read_list_file

KINETICS = """label,youtube_id,time_start,time_end,split
abseiling,0wR5jVB-WPk,417,427,train
passing American football (in game),-2S6rB_5gXw,3,13,train
"""


def write(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    return tmp_path / name


def labels_and_files(path, classes=None):
    return [(clip.label, clip.file) for clip in read_list_file(path, classes)]


def test_the_csv_of_kinetics_names_ten_seconds_of_a_recording(tmp_path):
    clips = read_list_file(write(tmp_path, "kinetics-400_train.csv", KINETICS))
    assert [(clip.label, clip.file, clip.others) for clip in clips] == [
        ("abseiling", "0wR5jVB-WPk_000417_000427", ("0wR5jVB-WPk",)),
        ("passing american football (in game)", "-2S6rB_5gXw_000003_000013", ("-2S6rB_5gXw",)),
    ]


def test_of_a_csv_of_all_parts_the_training_part_is_taken(tmp_path):
    table = write(tmp_path, "all.csv", KINETICS + "abseiling,abcdefghijk,1,11,val\n")
    assert len(read_list_file(table)) == 2
    no_parts = KINETICS.replace(",train", ",")
    assert len(read_list_file(write(tmp_path, "no_parts.csv", no_parts))) == 2


def test_a_list_of_test_clips_alone_is_one_sentence(tmp_path):
    only_val = KINETICS.replace("train", "val").replace("split", "split,is_cc").replace(
        ",val", ",val,0"
    )  # fmt: skip
    said = r"val\.csv lists no training clips: its column split says 'val'\. Take the list"
    with pytest.raises(SourceError, match=said):
        read_list_file(write(tmp_path, "val.csv", only_val))


def test_a_label_of_a_raised_figure_is_a_word(tmp_path):
    assert labels_and_files(write(tmp_path, "words.csv", "a.mp4,²\n")) == [("²", "a.mp4")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("youtube_id,time_start,time_end,split\nabc,1,11,test\n", "has no column label"),
        (KINETICS + "bowling,abc,1\n", "'bowling,abc,1': it lacks columns"),
        (KINETICS + "bowling,abc,one,11,train\n", "its times are not seconds"),
        (KINETICS + "bowling,abc,inf,11,train\n", "its times are not seconds"),
        ("label,youtube_id,time_start,time_end,split\n", "names no clips"),
        ("path,label\na.mp4\n", "every row is path,label"),
        ("", "names no clips"),
        (f"path,label\na.mp4,{'x' * 200_000}\n", "is not a CSV: field larger than"),
    ],
)
def test_a_wrong_csv_is_one_sentence(tmp_path, content, sentence):
    with pytest.raises(SourceError, match=sentence):
        read_list_file(write(tmp_path, "list.csv", content))


def test_lists_of_papers_have_numbers_that_a_class_file_names(tmp_path):
    classes = write(tmp_path, "k160_labels.csv", "id,name\n0,acting in play\n1,adjusting glasses\n")
    bare = write(tmp_path, "bike.txt", "-aNccq2jvUA_000055_000065.mp4 0\n0bk_zXtqOTQ.mp4 1\n")
    in_part = write(tmp_path, "vificlip.txt", "train/-aNccq2jvUA.mp4 0\ntrain/0bk_zXtqOTQ.mp4 1\n")
    assert labels_and_files(bare, classes) == [
        ("acting in play", "-aNccq2jvUA_000055_000065.mp4"),
        ("adjusting glasses", "0bk_zXtqOTQ.mp4"),
    ]
    assert [label for label, _ in labels_and_files(in_part, classes)] == [
        "acting in play",
        "adjusting glasses",
    ]


def test_the_class_file_beside_a_list_is_taken_with_its_own_numbers(tmp_path):
    write(tmp_path, "classInd.txt", "1 ApplyEyeMakeup\n2 YoYo\n")
    ucf = write(tmp_path, "trainlist01.txt", "YoYo/v_YoYo_g01_c01.avi 2\n")
    assert labels_and_files(ucf) == [("yo yo", "v_YoYo_g01_c01.avi")]


def test_without_a_class_file_folders_are_the_classes(tmp_path):
    listed = write(tmp_path, "train.txt", "brush_hair/a np1_2 408 0\nriding a bike/b.mp4 29 1\n")
    assert labels_and_files(listed) == [("brush hair", "a np1_2"), ("riding a bike", "b.mp4")]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("a.mp4 0\n", "calls its classes by numbers, such as 0 of 'a.mp4': write their names into"),
        ("train/a.mp4 0\ntrain/b.mp4 1\n", "such as 1 of 'train/b.mp4'"),
        ("run/a.mp4 0\nwalk/b.mp4 0\n", "such as 0 of 'walk/b.mp4'"),
        ("a.mp4\n", "'a.mp4' that names no class"),
    ],
)
def test_a_list_that_does_not_tell_its_classes_is_one_sentence(tmp_path, lines, sentence):
    with pytest.raises(LabelError, match=sentence):
        read_list_file(write(tmp_path, "list.txt", lines))


def test_a_number_that_the_class_file_lacks_is_named(tmp_path):
    classes = write(tmp_path, "names.csv", "id,name\n0,run\n")
    with pytest.raises(LabelError, match=r"a clip of class 7, which .*names\.csv does not have"):
        read_list_file(write(tmp_path, "list.txt", "a.mp4 7\n"), classes)


@pytest.mark.parametrize(("name", "content"), [("k.csv", KINETICS), ("l.txt", "run/a.mp4\n")])
def test_a_class_file_that_names_nothing_is_refused(tmp_path, name, content):
    with pytest.raises(LabelError, match="leave"):
        read_list_file(write(tmp_path, name, content), write(tmp_path, "names.csv", "0,run\n"))


def test_a_csv_of_paths_may_have_words_or_numbers(tmp_path):
    classes = write(tmp_path, "names.csv", "id,name\n0,run\n1,HulaHoop\n")
    numbers = write(tmp_path, "numbers.csv", "a.mp4,1\n")
    words = write(tmp_path, "words.csv", "path,label\nx/a.mp4,HulaHoop\n")
    assert labels_and_files(numbers, classes) == labels_and_files(words) == [("hula hoop", "a.mp4")]


def test_other_encodings_are_one_sentence(tmp_path):
    (tmp_path / "list.txt").write_bytes("café/a.mp4\n".encode("latin-1"))
    with pytest.raises(SourceError, match="is not UTF-8 text"):
        read_list_file(tmp_path / "list.txt")
    with pytest.raises(SourceError, match="Cannot read"):
        read_list_file(tmp_path / "gone.txt")
