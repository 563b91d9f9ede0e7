"""The official files, as people have them."""

import pytest

from stzsar.runtime.errors import LabelError, SourceError
from stzsar.train.lists.class_lists import read_class_splits, read_classes, read_unseen_classes
from stzsar.train.lists.clip import clip_key
from stzsar.train.lists.split_files import read_split_files


def write(folder, **files):
    for name, content in files.items():
        (folder / f"{name}.txt").write_text(content)
    return folder


def test_a_clip_is_known_by_its_name_without_the_suffix_of_a_video():
    assert clip_key("YoYo", "v_1.avi") == clip_key("yo yo", "v_1.mp4") == clip_key("yoyo", "V_1")
    assert clip_key("a", "v.1") != clip_key("a", "v.2")


def test_the_files_of_ucf_are_read(tmp_path):
    write(
        tmp_path,
        classInd="1 YoYo\n2 Archery\n",
        testlist01="YoYo/v_YoYo_g01_c01.avi\r\n",
        trainlist01="Archery/v_Archery_g02_c01.avi 2\n",
        testlist02="Archery/v_Archery_g02_c01.avi\n",
        trainlist02="YoYo/v_YoYo_g01_c01.avi 1\n",
    )
    lists = read_split_files(tmp_path)
    assert lists.classes == ("yo yo", "archery")
    assert [[clip.label for clip in lists.tests[n]] for n in (1, 2)] == [["yo yo"], ["archery"]]
    assert len(lists.named) == 2


def test_the_files_of_hmdb_are_read_with_their_ones_and_twos(tmp_path):
    write(
        tmp_path,
        brush_hair_test_split1="a_#1.avi 1 \nb_np1_2.avi 2 \nc.avi 0 \n",
        wave_test_split1="d.avi 2 \n",
        wave_test_split2="d.avi 1 \n",
        brush_hair_test_split2="a_#1.avi 2 \n",
    )
    lists = read_split_files(tmp_path)
    assert lists.classes == ("brush hair", "wave")
    assert [clip.file for clip in lists.tests[1]] == ["b_np1_2.avi", "d.avi"]
    assert [clip.file for clip in lists.tests[2]] == ["a_#1.avi"]
    assert len(lists.named) == 4


def test_the_lists_of_papers_are_read(tmp_path):
    write(
        tmp_path,
        test_split1="brush_hair/a_med_3 438 0\n",
        train_split1="wave/b 29 1\n",
        val_rgb_split_2="wave/b 29 1\n",
    )
    lists = read_split_files(tmp_path)
    assert [clip.file for clip in lists.tests[1]] == ["a_med_3"]
    assert [clip.label for clip in lists.tests[2]] == ["wave"]


def test_a_line_without_a_class_is_one_sentence(tmp_path):
    with pytest.raises(SourceError, match=r"has a line 'v_1\.avi': the form is Class/clip\.avi\."):
        read_split_files(write(tmp_path, testlist01="v_1.avi\n"))


def test_a_folder_without_lists_is_one_sentence(tmp_path):
    with pytest.raises(SourceError, match="holds no lists of test clips"):
        read_split_files(write(tmp_path, notes="nothing\n"))


def test_a_class_that_the_class_list_lacks_is_one_sentence(tmp_path):
    write(tmp_path, classInd="1 YoYo\n", testlist01="Archery/v.avi\n")
    with pytest.raises(LabelError, match=r"testlist01\.txt names a clip of 'archery'"):
        read_split_files(tmp_path)


def test_class_lists_are_read_with_and_without_numbers(tmp_path):
    table = tmp_path / "names.csv"
    table.write_text('id,name\n0,acting in play\n1,"arguing, loudly"\n')
    assert read_classes(table) == ("acting in play", "arguing, loudly")
    write(tmp_path, bare="acting in play\nYoYo\n", twice="yo yo\nYoYo\n", empty="\n")
    assert read_classes(tmp_path / "bare.txt") == ("acting in play", "yo yo")
    with pytest.raises(LabelError, match="names 'yo yo' and 'YoYo', which are the same name"):
        read_classes(tmp_path / "twice.txt")
    with pytest.raises(LabelError, match="names no classes"):
        read_classes(tmp_path / "empty.txt")


def test_the_splits_of_classes_are_told_by_the_number_in_their_name(tmp_path):
    (tmp_path / "k600_zs160_split2.csv").write_text("id,name\n0,b\n")
    (tmp_path / "k160_labels_split1.csv").write_text("id,name\n0,a\n")
    assert read_class_splits(tmp_path) == {1: ("a",), 2: ("b",)}
    (tmp_path / "other_split1.csv").write_text("id,name\n0,c\n")
    with pytest.raises(SourceError, match="two lists of the classes of split 1"):
        read_class_splits(tmp_path)


def test_of_truze_the_part_is_read_that_fits_the_data(tmp_path):
    path = tmp_path / "ZSL.txt"
    path.write_text(
        "##UCF101\n\nTraining (1 classes): Archery.\n\n"
        "Testing (2 classes): Apply Lipstick,\nYoYo.\n"
        "\n##HMDB51\n\nTraining (1 classes): Catch.\n\nTesting (2 classes): Climb Stairs, Wave.\n"
    )
    assert read_unseen_classes(path, ("archery", "yo yo")) == ("apply lipstick", "yo yo")
    assert read_unseen_classes(path, ("wave", "catch")) == ("climb stairs", "wave")
