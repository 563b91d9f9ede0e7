"""Reads one list of clips: Kinetics' own CSV, rows of `path,label`, lines of `path label`."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.names import check_distinct, spaced_words
from ...runtime.video.file_kinds import VIDEO_SUFFIXES
from .class_lists import NAME_NUMBERS, class_file_of, read_numbered_classes
from .clip import ListedClip
from .text_files import read_lines, read_rows

_KINETICS = ("label", "youtube_id", "time_start", "time_end")
# `path`, `path label` or `path frames label`; a path may have spaces.
_LINE = re.compile(r"(?P<path>\S.*?)(?:\s+\d{1,9})??(?:\s+(?P<label>\d{1,9}))?")
# The same in a file that is called .csv, as PySlowFast and VideoMAE have it: no cell but the path.
_SUFFIXES = "|".join(map(re.escape, VIDEO_SUFFIXES))
_SPACED = re.compile(rf"(?:.*(?:{_SUFFIXES})|[^,]*\S)(?:\s+\d{{1,9}}){{1,2}}", re.IGNORECASE)
# Column names, in lower case, the surest first.
_PATHS = (
    *("path", "clip_path", "video_path", "file_path", "filepath", "filename", "file_name", "file"),
    *("video", "clip", "video_name", "clip_name", "video_id"),
)
_LABELS = ("label", "class", "class_name", "label_name", "action", "category", "tag", "target")


def read_list_file(path: Path, classes: Path | None = None) -> tuple[ListedClip, ...]:
    """Read the clips of a list.

    It is a CSV of Kinetics (label,youtube_id,time_start,time_end,split), of which the rows of the
    training part are read if it has parts; a CSV of path,label; or a text file with lines `path`,
    `path label` or `path frames label`. The file `classes` names labels that are numbers; None
    takes classInd.txt or class_names.csv beside the list, or the folders of the paths.

    Raises:
        LabelError: the classes of its clips are unknown, or one has two spellings.
        SourceError: it cannot be read, names no clips, or has a row of another form.
    """
    lines = read_lines(path)
    is_csv = path.suffix.lower() == ".csv" and not all(map(_SPACED.fullmatch, lines))
    if is_csv or not lines:
        rows = read_rows(path)
        if rows and "youtube_id" in map(str.lower, rows[0]):
            if classes:
                raise LabelError(f"{path} names its classes itself: leave out --classes.")
            clips = _of_kinetics(path, list(map(str.lower, rows[0])), rows[1:])
        else:
            clips = _of_paths(path, _pairs(path, rows), classes)
    else:
        found = [match for match in map(_LINE.fullmatch, lines) if match]
        clips = _of_paths(path, [(line["path"], line["label"] or "") for line in found], classes)
    if not clips:
        raise SourceError(f"{path} names no clips: the form is a line `Class/clip.avi` for each.")
    return clips


def _of_kinetics(path: Path, head: list[str], rows: list[list[str]]) -> tuple[ListedClip, ...]:
    lacking = next((name for name in _KINETICS if name not in head), None)
    if lacking:
        raise SourceError(
            f"{path} has no column {lacking}: the form is label,youtube_id,time_start,time_end,"
            "split, and lists without labels cannot be trained on."
        )
    short = next((row for row in rows if len(row) < len(head)), None)
    if short is not None:
        raise SourceError(f"{path} has a row {','.join(short)!r:.80}: it lacks columns.")
    if "split" in head:
        part = head.index("split")
        parts = {row[part] for row in rows} - {""}
        if parts and "train" not in parts:
            raise SourceError(
                f"{path} lists no training clips: its column split says {min(parts)!r:.80}. Take "
                "the list of the training part, or leave out the column."
            )
        rows = [row for row in rows if row[part] == "train" or not parts]
    columns = [[row[head.index(name)] for row in rows] for name in _KINETICS]
    check_distinct(dict.fromkeys(columns[0]), path)
    clips = []
    for label, name, *times in zip(*columns, strict=True):
        try:
            start, end = (int(float(time)) for time in times)
        except (ValueError, OverflowError):
            raise SourceError(
                f"{path} has a row {','.join((label, name, *times))!r:.80}: its times are not "
                "seconds."
            ) from None
        # People name the ten seconds with their times, or without.
        file = f"{name}_{start:06d}_{end:06d}"
        clips.append(ListedClip(spaced_words(label), file, path.name, (name,)))
    return tuple(clips)


def _pairs(path: Path, rows: list[list[str]]) -> list[tuple[str, str]]:
    """Return the path and the label of each row, whose columns a header may name."""
    (clips, labels), rows = _columns(path, rows)
    short = next((row for row in rows if len(row) <= max(clips, labels)), None)
    if short is not None:
        raise SourceError(f"{path} has a row {','.join(short)!r:.80}: every row is path,label.")
    return [(row[clips], row[labels]) for row in rows]


def _columns(path: Path, rows: list[list[str]]) -> tuple[tuple[int, int], list[list[str]]]:
    """Return the columns of paths and labels, and the rows without a header."""
    head = [cell.lower() for cell in rows[0]] if rows else []
    labels = [head.index(name) for name in _LABELS if name in head]
    paths = [head.index(name) for name in _PATHS if name in head]
    if paths and labels:
        return (paths[0], labels[0]), rows[1:]
    # Videos tell their column, and the row above them is a header if it has none.
    is_header = len(rows) > 1 and not any(map(_is_video, head))
    body = rows[1:] if is_header else rows
    videos = [at for at in range(len(head)) if all(_is_video(row[at]) for row in body if row[at:])]
    if not videos:
        return (0, 1), rows
    if is_header and len(head) > 2 and not labels:
        raise SourceError(
            f"{path} has columns {', '.join(rows[0])!r:.80}, of which none is called label: call "
            "the column of the classes so."
        )
    other = labels[0] if is_header and labels else int(videos[0] == 0)
    return (videos[0], other), body


def _is_video(cell: str) -> bool:
    return PurePosixPath(cell).suffix.lower() in VIDEO_SUFFIXES


def _of_paths(
    path: Path, pairs: Sequence[tuple[str, str]], classes: Path | None
) -> tuple[ListedClip, ...]:
    if not all(clip for clip, _ in pairs):
        raise SourceError(f"{path} has a row without a path: the form is path,label.")
    has_numbers = any(label.isdecimal() for _, label in pairs)
    class_file = classes or (class_file_of(path.parent) if has_numbers else None)
    if classes and not has_numbers:
        raise LabelError(f"{path} has no numbers that --classes could name: leave it out.")
    names = read_numbered_classes(class_file) if class_file else {}
    if class_file:
        unknown = [pair for pair in pairs if pair[1].isdecimal() and int(pair[1]) not in names]
        if unknown:
            raise LabelError(
                f"{path} has a clip of class {unknown[0][1]}, which {class_file} does not have: "
                "take the class file of this list."
            )
    labels = [_label(path, clip, label, names) for clip, label in pairs]
    check_distinct(dict.fromkeys(labels), path)
    if has_numbers and not names:
        _check_numbers(path, pairs, labels)
    return tuple(
        ListedClip(spaced_words(label), clip, path.name)
        for label, (clip, _) in zip(labels, pairs, strict=True)
    )


def _label(path: Path, clip: str, label: str, names: dict[int, str]) -> str:
    """Return a clip's class: the word, what the number stands for, or the folder's name."""
    if names and label.isdecimal():
        return names[int(label)]
    folder = PurePosixPath(clip.replace("\\", "/")).parent.name
    if label and not label.isdecimal():
        return label
    if not folder and not label:
        raise LabelError(
            f"{path} has a line {clip!r:.80} that names no class: the form is Class/clip.avi."
        )
    return folder


def _check_numbers(path: Path, pairs: Sequence[tuple[str, str]], folders: Sequence[str]) -> None:
    """Raise LabelError unless numbers and folders stand for each other, one to one."""
    folder_of: dict[str, str] = {}
    number_of: dict[str, str] = {}
    for (clip, number), folder in zip(pairs, folders, strict=True):
        if number.isdecimal() and (
            not folder
            or folder_of.setdefault(number, folder) != folder
            or number_of.setdefault(folder, number) != number
        ):
            raise LabelError(
                f"{path} calls its classes by numbers, such as {number} of {clip!r:.80}: "
                f"{NAME_NUMBERS}."
            )
