"""Data as people have it: what a Mac and Jupyter leave, links, odd layouts, other headers."""

import cv2
import numpy as np
import pytest

from stzsar.runtime.errors import LabelError, SourceError
from stzsar.runtime.sources.clips import read_clip
from stzsar.train.lists.clip_set import find_clips, find_listed_clips
from stzsar.train.lists.list_files import read_list_file
from stzsar.train.lists.video_tree import read_tree


@pytest.fixture
def put(tmp_path):
    def put_files(*names):
        for name in names:
            (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / name).write_bytes(b"a video")
        return tmp_path / "data"

    return put_files


def found(data, **options):
    return [
        (clip.path.relative_to(data).as_posix(), clip.label)
        for clip in find_clips(data, **options).clips
    ]


LEFT_BEHIND = (
    *("walk/._w1.mp4", "__MACOSX/._w1.mp4", "__MACOSX/walk/w1.mp4", "walk/.w1.mp4.part.mp4"),
    *(".ipynb_checkpoints/w1-checkpoint.mp4", "walk/.ipynb_checkpoints/w1-checkpoint.mp4"),
    *("@eaDir/w1.mp4", "$RECYCLE.BIN/w1.mp4", "lost+found/w1.mp4", "swim.mp4/w1.mp4"),
    "walk/jump.MP4/1.mp4",
)


def test_what_systems_leave_and_folders_called_like_videos_are_no_clips_and_no_classes(
    put, tmp_path
):
    data = put("walk/w1.mp4", "run/r1.mp4", *LEFT_BEHIND)
    assert found(data) == [("run/r1.mp4", "run"), ("walk/w1.mp4", "walk")]
    assert find_clips(data).empty_folders == ()
    (tmp_path / "list.txt").write_text("run/r1.mp4\nwalk/w1.mp4\nwalk/w1-checkpoint.mp4\n")
    listed = find_listed_clips(
        data, read_list_file(tmp_path / "list.txt"), ("run", "walk"), keep_unlisted=True
    )
    assert len(listed.clips) == 2
    assert listed.missing == ("walk/w1-checkpoint.mp4 of list.txt",)
    assert listed.others == ()


def test_linked_folders_and_files_are_followed(put, tmp_path):
    data = put("walk/w1.mp4")
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "r1.mp4").write_bytes(b"a video")
    (data / "run").symlink_to(tmp_path / "disk")
    (data / "walk" / "w2.mp4").symlink_to(tmp_path / "disk" / "r1.mp4")
    assert found(data) == [
        ("run/r1.mp4", "run"), ("walk/w1.mp4", "walk"), ("walk/w2.mp4", "walk")
    ]  # fmt: skip


def test_a_loop_of_links_is_noticed(put, caplog):
    data = put("walk/w1.mp4", "run/r1.mp4")
    (data / "walk" / "again").symlink_to(data)
    (data / "self").symlink_to(data / "self")
    (data / "walk" / "w9.mp4").symlink_to(data / "walk" / "w9.mp4")
    tree = read_tree(data, 9)
    assert [path.name for path in tree.videos] == ["r1.mp4", "w1.mp4"]
    assert "again leads back to a folder above it" in caplog.text


def test_a_link_whose_file_is_gone_is_a_missing_clip(put):
    data = put("walk/w1.mp4", "run/r1.mp4")
    (data / "run" / "r2.mp4").symlink_to(data / "gone.mp4")
    clips = find_clips(data)
    assert clips.missing == (str(data / "run" / "r2.mp4"),)
    assert (len(clips.clips), clips.named) == (2, 3)
    with pytest.raises(SourceError, match=r"names 3 clips, of which 1 is not there, .*r2\.mp4"):
        clips.check_missing(data, data)


def test_flat_clips_beside_folders_of_clips_are_refused_with_counts(put):
    data = put(
        "walk/1.mp4", "run/1.mp4", "run/2.mp4", "a.mp4", "b.mp4", "run/x/3.mp4", "run/x/4.mp4"
    )
    with pytest.raises(SourceError) as error:
        find_clips(data)
    assert str(error.value) == (
        f"{data} holds 3 clips in 2 folders of classes, 2 clips outside of folders, 2 clips in "
        f"deeper folders, such as {data}/a.mp4: move them into folders of their classes, or give a "
        "list of the clips."
    )


def test_flat_clips_alone_are_refused_with_what_to_do(put):
    with pytest.raises(SourceError, match=r"holds 2 clips outside of folders, such as .*a\.mp4: "):
        find_clips(put("a.mp4", "b.mp4"))


def test_classes_one_folder_deeper_are_named(put):
    data = put("train/walk/w1.mp4", "train/run/r1.mp4")
    with pytest.raises(SourceError, match=rf"2 clips in deeper folders.*: give {data}/train, or a"):
        find_clips(data)


def test_numbers_as_classes_are_refused_or_named_by_a_list(put, tmp_path):
    data = put("0/a.mp4", "1/b.mp4")
    with pytest.raises(LabelError, match=r"calls its classes by numbers, such as 0: write their n"):
        find_clips(data)
    names = tmp_path / "names.csv"
    names.write_text("id,name\n0,HulaHoop\n1,archery\n")
    assert found(data, classes=names) == [("0/a.mp4", "hula hoop"), ("1/b.mp4", "archery")]
    (data / "class_names.csv").write_text("1,archery\n")
    with pytest.raises(LabelError, match=r"has a class 0, which .*class_names\.csv does not have"):
        find_clips(data)
    with pytest.raises(LabelError, match="has no numbers that --classes could name"):
        find_clips(put("walk/a.mp4"), classes=names)


def test_names_in_both_forms_of_unicode_are_found(put):
    nfc, nfd = "caf\u00e9", "cafe\u0301"
    data = put(f"{nfd}/{nfd}.mp4", f"run/{nfc}.mp4")
    (data / "list.csv").write_text(f"{nfc}/{nfc}.mp4,{nfc}\nrun/{nfd}.mp4,run\n", encoding="utf-8")
    assert find_clips(data).classes == (nfc, "run")
    listed = find_listed_clips(data, read_list_file(data / "list.csv"), (nfc, "run"))
    for table in (find_clips(data / "list.csv"), listed):
        assert [clip.label for clip in table.clips] == [nfc, "run"]
        assert table.missing == ()


def test_a_path_that_no_disk_can_have_is_a_missing_clip(put):
    data = put("a.mp4")
    (data / "list.csv").write_text(f"a.mp4,run\n{'b' * 300}.mp4,walk\n\0.mp4,walk\n")
    assert find_clips(data / "list.csv").missing[0].endswith("bbb.mp4")
    assert find_clips(data / "list.csv").named == 3


@pytest.mark.parametrize(
    "content",
    [
        "video,class\nwalk/w1.mp4,walk\nrun/r1.mp4,run\n",
        "Clip_Name,Clip_Path,Label\nw1.mp4,walk/w1.mp4,walk\nr1.mp4,run/r1.mp4,run\n",
        "label,filename\nwalk,walk/w1.mp4\nrun,run/r1.mp4\n",
        "was_gefilmt,handlung\nwalk/w1.mp4,walk\nrun/r1.mp4,run\n",
        "walk,walk/w1.mp4\nrun,run/r1.mp4\n",
        "index,was,label\n0,walk/w1.mp4,walk\n1,run/r1.mp4,run\n",
        "walk/w1.mp4,walk\nrun/r1.mp4,run\n",
    ],
)
def test_headers_and_columns_of_other_people_are_understood(put, content):
    data = put("walk/w1.mp4", "run/r1.mp4")
    (data / "list.csv").write_text(content)
    clips = find_clips(data / "list.csv").clips
    assert [(clip.path.name, clip.label) for clip in clips] == [
        ("w1.mp4", "walk"),
        ("r1.mp4", "run"),
    ]


def test_a_header_that_names_no_label_is_one_sentence(put):
    data = put("walk/w1.mp4")
    (data / "list.csv").write_text("nr,was,wo\n0,walk/w1.mp4,hall\n")
    with pytest.raises(SourceError, match="has columns 'nr, was, wo', of which none is called la"):
        find_clips(data / "list.csv")


@pytest.mark.parametrize("row", ["{} {}", "{} 300 {}", "{}  {}"])
def test_the_csvs_of_slowfast_and_videomae_have_spaces(put, row):
    data = put("a b/w1.mp4", "run/r,1.mp4")
    lines = [row.format("a b/w1.mp4", 0), row.format("run/r,1.mp4", 1)]
    (data / "train.csv").write_text("\n".join(lines) + "\n")
    assert [clip.label for clip in find_clips(data / "train.csv").clips] == ["a b", "run"]
    (data / "class_names.csv").write_text("id,name\n0,walking\n1,running\n")
    assert [clip.label for clip in find_clips(data / "train.csv").clips] == ["walking", "running"]


def test_numbers_in_a_csv_without_names_are_refused(put):
    data = put("a.mp4", "b.mp4")
    (data / "train.csv").write_text("a.mp4 0\nb.mp4 1\n")
    with pytest.raises(LabelError, match=r"such as 0 of 'a\.mp4': write their names into class_na"):
        find_clips(data / "train.csv")


def test_a_folder_of_pictures_is_a_clip_of_its_class(tmp_path):
    for place in ("run/a", "run/b", "walk/c"):
        for number in range(3):
            (tmp_path / place).mkdir(parents=True, exist_ok=True)
            picture = np.full((8, 8, 3), 80 * number, np.uint8)
            cv2.imwrite(str(tmp_path / place / f"{number:04d}.jpg"), picture)

    found = find_clips(tmp_path)

    assert [(clip.label, clip.path.name) for clip in found.clips] == [
        ("run", "a"), ("run", "b"), ("walk", "c"),
    ]  # fmt: skip
    listed = tmp_path / "list.txt"
    listed.write_text("run/a 3 0\nrun/b 3 0\nwalk/c 3 1\n")
    (tmp_path / "class_names.csv").write_text("0,run\n1,walk\n")
    from_list = find_listed_clips(tmp_path, read_list_file(listed), ("run", "walk"))
    assert not from_list.missing
    assert [clip.path for clip in from_list.clips] == [clip.path for clip in found.clips]
    (tmp_path / "list.csv").write_text("path,label\nrun/a,run\nrun/b,run\nwalk/c,walk\n")
    assert find_clips(tmp_path / "list.csv").clips == found.clips
    assert read_clip(found.clips[0].path, frames=2, size_px=8).frame_count == 3
