"""Walks a folder of videos: through linked folders, past hidden and system files, round no loop."""

import errno
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...runtime.errors import SourceError
from ...runtime.hidden_files import is_hidden
from ...runtime.video.file_kinds import VIDEO_SUFFIXES
from ...runtime.video.pictures import is_picture

log = logging.getLogger(__name__)


@dataclass
class VideoTree:
    """The videos in and below a folder, in the order of their names."""

    videos: list[Path] = field(default_factory=list)  # files, and folders of pictures only
    broken_links: list[Path] = field(default_factory=list)  # links to videos that are not there
    folders: list[Path] = field(default_factory=list)  # the folders directly below


def read_tree(root: Path, depth: int) -> VideoTree:
    """List the videos up to `depth` folders down; raise SourceError if a folder cannot be read."""
    tree = VideoTree()
    try:
        tree.folders = _read(root, depth, tree, frozenset())
    except OSError as error:
        raise SourceError(f"Cannot read the folder {error.filename}: {error.strerror}.") from error
    return tree


def _read(
    folder: Path, depth: int, tree: VideoTree, above: frozenset[tuple[int, int]]
) -> list[Path]:
    """Add a folder's videos and those below to the tree; return the folders in it."""
    status = folder.stat()
    above |= {(status.st_dev, status.st_ino)}
    folders: list[Path] = []
    with os.scandir(folder) as entries:
        shown = sorted((e for e in entries if not is_hidden(e.name)), key=lambda e: e.name)
    for entry in shown:
        path = Path(entry.path)
        is_video = path.suffix.lower() in VIDEO_SUFFIXES
        if is_video and _leads_to(entry.is_file):
            tree.videos.append(path)
        elif is_video and entry.is_symlink() and not _leads_to(entry.is_dir):
            tree.broken_links.append(path)
        elif not is_video and _leads_to(entry.is_dir):
            # As data sets of frames have it: class/clip/0001.jpg.
            (tree.videos if _holds_pictures_only(path) else folders).append(path)
    for path in folders if depth > 1 else ():
        status = path.stat()
        if (status.st_dev, status.st_ino) in above:
            log.warning("%s leads back to a folder above it, and is left out.", path)
        else:
            _read(path, depth - 1, tree, above)
    return folders


def _holds_pictures_only(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not is_hidden(entry.name)]
    return bool(names) and all(map(is_picture, names))


def _leads_to(kind: Callable[[], bool]) -> bool:
    """Whether an entry is, or links to, that kind; a link to itself leads nowhere."""
    try:
        return kind()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise
