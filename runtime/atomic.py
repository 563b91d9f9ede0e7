"""Folders that appear whole or not at all: checkpoints and bundles are written this way."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def written_whole(target: Path, *, keep: Sequence[str] = ()) -> Iterator[Path]:
    """Give a temporary folder that becomes `target` when the block ends without an error.

    Its files are on disk before the rename, so a kill or a power cut never leaves half a folder.
    A folder that was there is moved aside first: a kill between those two renames leaves it inside
    `.{target}.*`, which is also what leftovers are called; no search looks into these.

    Args:
        target: the folder to be.
        keep: names of what moves from the folder that was there into the new one, if it can.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield staging
        for path in [*staging.rglob("*"), staging]:
            _sync(path)
        staging.chmod(0o755)
        _replace(staging, target, keep)
        _sync(target.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _replace(staging: Path, target: Path, keep: Sequence[str]) -> None:
    if not target.exists():
        staging.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    target.rename(old / target.name)
    try:
        try:
            staging.rename(target)
        except OSError:
            (old / target.name).rename(target)
            raise
        for name in keep:
            with contextlib.suppress(OSError):  # it is not there, or another user's
                (old / target.name / name).rename(target / name)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
