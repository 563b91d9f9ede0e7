"""Checks of the files that a command writes, before it starts."""

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from ..errors import StzsarError


def check_outputs(
    *,
    written: Iterable[Path | None],
    read: Mapping[Path, str] | Mapping[Path | None, str],
    bundle: Path,
) -> None:
    """Refuse to overwrite an input, or one output by another.

    Args:
        written: every file that the command writes; None is none.
        read: every file that it reads, with what to call it; None is none.
        bundle: the bundle's folder.

    Raises:
        StzsarError: an output is read too, lies in the bundle, or is another output.
    """
    taken = {_identity(path): what for path, what in read.items() if path}
    folder = Path(os.path.realpath(bundle))
    for path in filter(None, written):
        if folder in Path(os.path.realpath(path)).parents:
            raise StzsarError(f"{path} lies in the bundle {bundle}: name a file elsewhere.")
        identity = _identity(path)
        if identity in taken:
            raise StzsarError(
                f"{path} is {taken[identity]} and would be overwritten: name another file."
            )
        taken[identity] = "another output"


def unused(path: Path) -> Path:
    """Return the path, or `name-2.suffix` and so on where it holds something already."""
    number, free = 1, path
    while free.is_file() and free.stat().st_size:
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def open_to_write(path: Path, flags: int) -> BinaryIO:
    """Open a file without a buffer, made if it is missing; `flags` are os.open's besides.

    Raises:
        OSError: it cannot be opened, or is a pipe that nobody reads: opening it would wait for
            ever, which looks like a dead camera.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | flags, 0o666)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(error.errno, "nobody reads this pipe", str(path)) from error
        raise
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "wb", buffering=0)


def check_writable(path: Path) -> None:
    """Refuse a file that cannot be written, before a long run; leave nothing behind.

    Raises:
        StzsarError: it cannot be written.
    """
    if not path.absolute().parent.is_dir():
        raise StzsarError(f"Cannot write {path}: there is no folder {path.parent}, make it first.")
    existed = path.exists()
    try:
        open_to_write(path, os.O_APPEND).close()
    except OSError as error:
        raise StzsarError(f"Cannot write {path}: {error.strerror}.") from error
    if not existed:
        path.unlink()


def _identity(path: Path) -> object:
    """Return the same for all names of a file, links included."""
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino
