"""Labelled video files: a folder for each class, or a CSV of `path,label`."""

import csv
from dataclasses import dataclass
from pathlib import Path

from ...runtime.errors import SourceError
from ...runtime.labels.names import spaced_words
from ...runtime.sources.uri import VIDEO_SUFFIXES


@dataclass(frozen=True)
class VideoFile:
    """One clip on disk and the name of its class."""

    path: Path
    label: str


def find_videos(data: Path, *, allow_missing: bool = False) -> list[VideoFile]:
    """List the clips of a folder of `class/clip.mp4`, or of a CSV with rows `path,label`.

    Paths in a CSV are relative to it. Class names become spaced words: `ApplyEyeMakeup` and
    `apply_eye_makeup` are "apply eye makeup".

    Args:
        data: the folder or the CSV.
        allow_missing: whether to list also what the CSV names and is not there.

    Raises:
        SourceError: nothing is there, or a file that the CSV names is missing.
    """
    if data.is_dir():
        files = [
            VideoFile(path, spaced_words(path.parent.name))
            for path in sorted(data.glob("*/*"))
            if path.suffix.lower() in VIDEO_SUFFIXES
        ]
    elif data.suffix == ".csv":
        files = _read_csv(data, allow_missing=allow_missing)
    else:
        raise SourceError(
            f"{data} is neither a folder of class/clip.mp4 nor a .csv of path,label: give one."
        )
    if not files:
        raise SourceError(f"{data} holds no videos: the form is class/clip.mp4.")
    return files


def _read_csv(path: Path, *, allow_missing: bool) -> list[VideoFile]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text: save it as UTF-8.") from error
    except csv.Error as error:
        raise SourceError(f"{path} is no CSV: {error}.") from error
    if rows and [cell.strip().lower() for cell in rows[0][:2]] == ["path", "label"]:
        rows = rows[1:]
    short = next((row for row in rows if len(row) < 2), None)
    if short is not None:
        raise SourceError(f"{path} has a row {','.join(short)!r}: every row is path,label.")
    files = [VideoFile(path.parent / row[0].strip(), spaced_words(row[1])) for row in rows]
    missing = [file.path for file in files if not file.path.is_file()]
    if missing and not allow_missing:
        raise SourceError(f"{path} names {len(missing)} missing files, the first is {missing[0]}.")
    return files
