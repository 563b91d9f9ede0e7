"""One list of clips as a file: Kinetics' own CSV, rows of `path,label`, lines of `path label`."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.names import spaced_words
from .class_lists import class_file_of, read_numbered_classes
from .listed_clip import ListedClip, folders_of, read_text

_KINETICS = ("label", "youtube_id", "time_start", "time_end")
# `path`, `path label` or `path frames label`; a path may have spaces.
_LINE = re.compile(r"(?P<path>\S.*?)(?:\s+\d+)??(?:\s+(?P<label>\d+))?")


def read_list_file(path: Path, classes: Path | None = None) -> tuple[ListedClip, ...]:
    """Read the clips of a list.

    Labels that are numbers are those of the class file; without one, the folders that the paths
    name are the classes.

    Args:
        path: a CSV of Kinetics (label,youtube_id,time_start,time_end,split), of which the rows of
            its training part are taken if it tells parts; a CSV of path,label; or a text file with
            lines `path`, `path label` or `path frames label`.
        classes: names the numbers; classInd.txt or class_names.csv beside the list if None.

    Raises:
        LabelError: the classes of its clips cannot be told.
        SourceError: it cannot be read, or names no clips, or has a row of another form.
    """
    if path.suffix.lower() == ".csv":
        rows = read_rows(path)
        head = [cell.strip().lower() for cell in rows[0]] if rows else []
        if "youtube_id" in head:
            if classes:
                raise LabelError(f"{path} names its classes itself: leave out --classes.")
            clips = _of_kinetics(path, head, rows[1:])
        else:
            clips = _of_paths(path, _pairs(path, rows), classes)
    else:
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
        found = [match for match in map(_LINE.fullmatch, lines) if match]
        clips = _of_paths(path, [(match["path"], match["label"] or "") for match in found], classes)
    if not clips:
        raise SourceError(f"{path} names no clips: the form is a line `Class/clip.avi` for each.")
    return clips


def read_rows(path: Path) -> list[list[str]]:
    """Return the rows of a CSV that are not empty.

    Raises:
        SourceError: it cannot be read, or is no CSV.
    """
    try:
        return [row for row in csv.reader(read_text(path).splitlines()) if any(map(str.strip, row))]
    except csv.Error as error:
        raise SourceError(f"{path} is no CSV: {error}.") from error


def _of_kinetics(path: Path, head: list[str], rows: list[list[str]]) -> tuple[ListedClip, ...]:
    lacking = next((name for name in _KINETICS if name not in head), None)
    if lacking:
        raise SourceError(
            f"{path} has no column {lacking}: the form is label,youtube_id,time_start,time_end,"
            "split, and lists without labels cannot be trained on."
        )
    places = [head.index(name) for name in _KINETICS]
    part = head.index("split") if "split" in head else None
    parts = {row[part].strip() for row in rows if part is not None and len(row) > part} - {""}
    if parts and "train" not in parts:
        raise SourceError(
            f"{path} lists no training clips: its column split says {sorted(parts)[0]!r}. Take the "
            "list of the training part, or leave out the column."
        )
    clips = []
    for row in rows:
        if len(row) < len(head):
            raise SourceError(f"{path} has a row {','.join(row)!r:.80}: it lacks columns.")
        if part is not None and "train" in parts and row[part].strip() != "train":
            continue
        label, name, *times = (row[place].strip() for place in places)
        try:
            start, end = (int(float(time)) for time in times)
        except (ValueError, OverflowError):
            raise SourceError(
                f"{path} has a row {','.join(row)!r:.80}: its times are not seconds."
            ) from None
        # People have the ten seconds with their times in the name, or without.
        file = f"{name}_{start:06d}_{end:06d}"
        clips.append(ListedClip(spaced_words(label), file, path.name, (name,)))
    return tuple(clips)


def _pairs(path: Path, rows: list[list[str]]) -> list[tuple[str, str]]:
    if rows and [cell.strip().lower() for cell in rows[0][:2]] == ["path", "label"]:
        rows = rows[1:]
    short = next((row for row in rows if len(row) < 2), None)
    if short is not None:
        raise SourceError(f"{path} has a row {','.join(short)!r:.80}: every row is path,label.")
    return [(row[0].strip(), row[1].strip()) for row in rows]


def _of_paths(
    path: Path, pairs: Sequence[tuple[str, str]], classes: Path | None
) -> tuple[ListedClip, ...]:
    numbered = any(label.isdecimal() for _, label in pairs)
    known = classes or (class_file_of(path.parent) if numbered else None)
    if classes and not numbered:
        raise LabelError(f"{path} has no numbers that --classes could name: leave it out.")
    names = read_numbered_classes(known) if known else {}
    folders = {} if names else _folders_of_numbers(path, pairs)
    clips = []
    for clip, label in pairs:
        file = PurePosixPath(clip.replace("\\", "/"))
        if not label.isdecimal():
            name = spaced_words(label or file.parent.name)
        elif names and int(label) not in names:
            raise LabelError(
                f"{path} has a clip of class {label}, which {known} does not have: take the class "
                "file of this list with --classes."
            )
        else:
            name = names[int(label)] if names else folders[label]
        if not name:
            raise LabelError(
                f"{path} has a line {clip!r:.80} that names no class: the form is Class/clip.avi."
            )
        clips.append(ListedClip(name, file.name, path.name, folders=folders_of(file)))
    return tuple(clips)


def _folders_of_numbers(path: Path, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the folder of each number, which it stands for where there is no class file."""
    folders: dict[str, str] = {}
    numbers: dict[str, str] = {}
    for clip, label in pairs:
        if label.isdecimal():
            name = spaced_words(PurePosixPath(clip.replace("\\", "/")).parent.name)
            of_number = folders.setdefault(label, name)
            if not name or of_number != name or numbers.setdefault(name, label) != label:
                raise LabelError(
                    f"{path} calls its classes by numbers, such as {label} of {clip!r:.80}: name "
                    "them with --classes."
                )
    return folders
