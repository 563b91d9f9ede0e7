"""The training part of data sets in the forms in which people have them. No clip is opened here."""

from dataclasses import replace
from pathlib import Path

import pytest

from stzsar.runtime.errors import LabelError, SourceError
from stzsar.train.lists.training_clips import ClipChoice, find_training_clips

CLASSES = ("HulaHoop", "YoYo")


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"a video")
    return folder


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, lines in files.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def ucf(tmp_path):
    """UCF-101 of two classes with three clips each; clip n is tested in split n."""
    names = [f"{name}/v_{name}_g01_c0{number}.avi" for name in CLASSES for number in (1, 2, 3)]
    lists = {"classInd": [f"{row + 1} {name}" for row, name in enumerate(CLASSES)]}
    for number in (1, 2, 3):
        of_test = [name for name in names if f"_c0{number}" in name]
        lists[f"testlist0{number}"] = of_test
        lists[f"trainlist0{number}"] = [f"{name} 1" for name in names if name not in of_test]
    put(tmp_path / "UCF-101", *names)
    return ClipChoice(
        data=tmp_path / "UCF-101", lists=write(tmp_path / "ucfTrainTestlist", **lists)
    )


def found_names(choice):
    return [(file.label, file.path.name) for file in find_training_clips(choice).files]


def test_of_official_lists_the_training_part_of_a_split_is_taken(ucf):
    first = found_names(ucf)
    assert first == found_names(replace(ucf, split=1))
    assert first == [
        (label, f"v_{name}_g01_c0{number}.avi")
        for label, name in (("hula hoop", "HulaHoop"), ("yo yo", "YoYo"))
        for number in (2, 3)
    ]
    assert {name[-6:-4] for _, name in found_names(replace(ucf, split=3))} == {"01", "02"}
    assert str(find_training_clips(ucf)) == "4 clips of 2 classes, split 1"


def test_training_and_test_clips_of_a_split_have_none_in_common(ucf):
    from stzsar.train.evaluation.protocols import plan

    made = plan("splits", ucf.data, ucf.lists, split=2)
    (contest,) = made.contests
    tested = {made.clips.clips[place].path for place in contest.clips}
    trained = {file.path for file in find_training_clips(replace(ucf, split=2)).files}
    assert tested | trained == set(ucf.data.glob("*/*"))
    assert not tested & trained


def test_a_split_that_the_lists_lack_is_one_sentence(ucf):
    with pytest.raises(SourceError, match=r"training clips of split 4: there are 1, 2, 3\."):
        find_training_clips(replace(ucf, split=4))


def test_a_folder_without_training_lists_is_one_sentence(ucf):
    for path in ucf.lists.glob("train*"):
        path.unlink()
    with pytest.raises(SourceError, match="holds no lists of training clips"):
        find_training_clips(ucf)


def test_of_hmdb_ones_train_and_neither_twos_nor_zeros(tmp_path):
    put(tmp_path / "hmdb", "brush_hair/a_#1.avi", "brush_hair/b.avi", "wave/c.avi", "wave/d.avi")
    lists = write(
        tmp_path / "splits",
        brush_hair_test_split1=["a_#1.avi 1 ", "b.avi 2 "],
        wave_test_split1=["c.avi 0 ", "d.avi 1 "],
    )
    choice = ClipChoice(data=tmp_path / "hmdb", lists=lists)
    assert found_names(choice) == [("brush hair", "a_#1.avi"), ("wave", "d.avi")]


KINETICS = """label,youtube_id,time_start,time_end,split
riding a bike,AAAAAAAAAAA,1,11,train
bowling,BBBBBBBBBBB,20,30,train
bowling,AAAAAAAAAAA,40,50,train
"""


@pytest.mark.parametrize(
    "names",
    [
        ["AAAAAAAAAAA_000001_000011.mp4", "BBBBBBBBBBB_000020_000030.mp4",
         "AAAAAAAAAAA_000040_000050.mp4"],
        ["riding a bike/AAAAAAAAAAA_000001_000011.mp4", "bowling/BBBBBBBBBBB_000020_000030.mkv",
         "bowling/AAAAAAAAAAA_000040_000050.mp4"],
        ["train/riding_a_bike/AAAAAAAAAAA.mp4", "train/bowling/BBBBBBBBBBB.mp4",
         "train/bowling/AAAAAAAAAAA.mp4"],
    ],
    ids=["flat, with times", "class folders, with times", "class folders, without"],
)  # fmt: skip
def test_kinetics_is_found_however_its_files_are_called(tmp_path, names):
    (tmp_path / "kinetics-400_train.csv").write_text(KINETICS)
    put(tmp_path / "k400", *names)
    choice = ClipChoice(data=tmp_path / "k400", lists=tmp_path / "kinetics-400_train.csv")
    found = find_training_clips(choice).files
    assert [file.path.relative_to(tmp_path / "k400").as_posix() for file in found] == names
    assert [file.label for file in found] == ["riding a bike", "bowling", "bowling"]


def test_a_recording_in_the_folder_of_another_class_is_not_taken_for_the_clip(tmp_path):
    (tmp_path / "train.csv").write_text(KINETICS)
    put(tmp_path / "k400", "riding a bike/AAAAAAAAAAA.mp4", "bowling/BBBBBBBBBBB.mp4")
    choice = ClipChoice(data=tmp_path / "k400", lists=tmp_path / "train.csv", allow_missing=True)
    found = find_training_clips(choice)
    assert found.missing == ("bowling/AAAAAAAAAAA_000040_000050 of train.csv",)


def test_missing_clips_are_one_sentence_and_allowed_on_request(ucf, tmp_path):
    for name in ("HulaHoop/v_HulaHoop_g01_c02.avi", "YoYo/v_YoYo_g01_c03.avi"):
        (ucf.data / name).unlink()
    with pytest.raises(SourceError) as error:
        find_training_clips(ucf)
    assert str(error.value) == (
        f"{ucf.lists} names 4 clips, of which 2 are not in {ucf.data}, the first are HulaHoop/"
        "v_HulaHoop_g01_c02.avi of trainlist01.txt and YoYo/v_YoYo_g01_c03.avi of "
        "trainlist01.txt: add them, or go on without them with --allow-missing."
    )
    found = find_training_clips(replace(ucf, allow_missing=True))
    assert str(found).startswith("2 clips of 2 classes, split 1; 2 of 4 are missing, the first")
    found.record(tmp_path)
    assert (tmp_path / "missing.txt").read_text().splitlines() == [
        "HulaHoop/v_HulaHoop_g01_c02.avi of trainlist01.txt",
        "YoYo/v_YoYo_g01_c03.avi of trainlist01.txt",
    ]


def test_of_many_missing_clips_the_first_three_are_named(tmp_path):
    put(tmp_path, "run/a.mp4")
    table = tmp_path / "list.csv"
    table.write_text("run/a.mp4,run\n" + "".join(f"{n}.mp4,run\n" for n in range(5)))
    said = r"of which 5 are not there, the first are \S*0\.mp4, \S*1\.mp4 and \S*2\.mp4: add"
    with pytest.raises(SourceError, match=said):
        find_training_clips(ClipChoice(data=table))


def test_lists_of_other_data_are_one_sentence(ucf, tmp_path):
    put(tmp_path / "other", "run/a.mp4")
    with pytest.raises(SourceError, match="names 4 clips, of which 4 are not in"):
        find_training_clips(replace(ucf, data=tmp_path / "other"))
    with pytest.raises(SourceError, match="None of the 4 clips"):
        find_training_clips(replace(ucf, data=tmp_path / "other", allow_missing=True))
    with pytest.raises(SourceError, match="holds no videos"):
        find_training_clips(replace(ucf, data=put(tmp_path / "texts", "a/notes.txt")))


def test_a_class_without_clips_is_one_sentence_and_allowed_on_request(tmp_path):
    put(tmp_path / "data", "run/a.mp4", "walk/b.mp4")
    put(tmp_path / "data", "LongJump/still_packed.rar")
    (tmp_path / "data" / ".cache").mkdir()
    choice = ClipChoice(data=tmp_path / "data")
    with pytest.raises(
        SourceError, match=r"1 of 3 classes have no clip in .* the first is 'long jump'"
    ):
        find_training_clips(choice)
    found = find_training_clips(replace(choice, allow_missing=True))
    assert found.classes == ("run", "walk")
    assert str(found).endswith("; 1 class has none, the first is 'long jump'")


def test_a_class_of_official_lists_without_training_clips_is_told(ucf):
    with (ucf.lists / "classInd.txt").open("a") as file:
        file.write("3 Archery\n")
    with pytest.raises(SourceError, match="the first is 'archery'"):
        find_training_clips(ucf)


def test_a_csv_of_paths_is_read_and_its_missing_files_are_told(tmp_path):
    put(tmp_path, "HulaHoop/1.avi", "run/2.avi")
    table = tmp_path / "list.csv"
    table.write_text("path,label\nHulaHoop/1.avi,HulaHoop\nrun/2.avi,run\ngone.avi,yo yo\n")
    with pytest.raises(SourceError, match=r"names 3 clips, of which 1 is not there"):
        find_training_clips(ClipChoice(data=table))
    found = find_training_clips(ClipChoice(data=table, allow_missing=True))
    assert found.classes == ("hula hoop", "run")
    assert found.empty == ("yo yo",)
    assert found.missing == (str(tmp_path / "gone.avi"),)


def test_two_folders_of_one_class_are_refused_by_name(tmp_path):
    put(tmp_path, "YoYo/1.avi", "yo_yo/2.avi", "run/3.avi")
    with pytest.raises(LabelError, match="'YoYo' and 'yo_yo', which are the same name: keep one"):
        find_training_clips(ClipChoice(data=tmp_path))


@pytest.fixture
def many(tmp_path):
    return put(tmp_path / "many", *(f"{c}/{n}.mp4" for c in ("run", "walk") for n in range(20)))


def shots(data, count, seed=0, **options):
    choice = ClipChoice(data=data, shots=count, seed=seed, **options)
    return {(file.label, file.path.stem) for file in find_training_clips(choice).files}


@pytest.mark.parametrize("count", [1, 2, 4, 8, 16])
def test_so_many_clips_of_each_class_are_chosen(many, count):
    chosen = shots(many, count)
    assert [sum(label == name for label, _ in chosen) for name in ("run", "walk")] == [count] * 2


def test_the_seed_alone_decides_which(many, tmp_path):
    chosen = shots(many, 4)
    assert chosen == shots(many, 4)
    assert len({frozenset(shots(many, 4, seed)) for seed in range(5)}) == 5
    assert {name for label, name in chosen if label == "run"} != {
        name for label, name in chosen if label == "walk"
    }
    # Elsewhere, as other files, and listed the other way round.
    rows = [f"{p.with_suffix('.avi').name},{p.parent.name}" for p in sorted(many.glob("run/*"))]
    rows += ["other/1.avi,jump", "other/2.avi,jump"]
    put(tmp_path / "flat", *(row.split(",")[0] for row in rows))
    table = tmp_path / "flat" / "list.csv"
    table.write_text("path,label\n" + "\n".join(reversed(rows)) + "\n")
    again = {(label, name) for label, name in shots(table, 4, allow_missing=True) if label == "run"}
    assert again == {(label, name) for label, name in chosen if label == "run"}


def test_fewer_shots_are_among_more(many):
    assert shots(many, 2) < shots(many, 4) < shots(many, 8)


def test_a_class_with_fewer_clips_than_shots_is_one_sentence(many):
    for path in list(many.glob("walk/*"))[3:]:
        path.unlink()
    with pytest.raises(SourceError, match="1 of 2 classes have fewer than 8 clips, the first is "
                                          "'walk' with 3: take fewer --shots"):  # fmt: skip
        shots(many, 8)
    assert len(shots(many, 8, allow_missing=True)) == 8 + 3


def test_the_chosen_few_are_recorded_as_data_for_another_run(many, tmp_path):
    choice = ClipChoice(data=many, shots=2)
    found = find_training_clips(choice)
    assert str(found) == "4 clips of 2 classes, 2 of each"
    found.record(tmp_path)
    again = find_training_clips(ClipChoice(data=tmp_path / "few-shot.csv"))
    assert again.files == found.files
    find_training_clips(choice).record(tmp_path)  # as a resumed run does
    Path(found.files[0].path).unlink()
    with pytest.raises(SourceError, match="not the ones that this run began with"):
        find_training_clips(choice).record(tmp_path)


def test_shots_are_taken_from_the_training_part(ucf):
    found = find_training_clips(replace(ucf, split=1, shots=1))
    assert str(found) == "2 clips of 2 classes, 1 of each of split 1"
    assert all("_c01" not in file.path.name for file in found.files)


def test_training_on_one_class_is_refused(tmp_path):
    put(tmp_path / "data", "run/a.mp4", "run/b.mp4")
    with pytest.raises(SourceError, match=r"All 2 clips of .* are of one class, 'run': give clips"):
        find_training_clips(ClipChoice(data=tmp_path / "data"))
    (tmp_path / "list.txt").write_text("run/a.mp4\nwalk/b.mp4\n")
    choice = ClipChoice(data=tmp_path / "data", lists=tmp_path / "list.txt", allow_missing=True)
    with pytest.raises(SourceError, match=r"All 1 clips of .* are of one class"):
        find_training_clips(choice)
