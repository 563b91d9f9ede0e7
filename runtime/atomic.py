"""Files and folders that appear whole or not at all.

Everything is on disk before the rename, so a kill or a power cut never leaves half of it.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path


def write_file(path: Path, data: bytes | str, *, mode: int | None = None) -> None:
    """Write `data` to `path`, whole or not at all; a link there is replaced, not followed.

    Args:
        path: the file; its folder must exist.
        data: the content; text is written as UTF-8.
        mode: the file's permissions; None leaves them to the umask.

    Raises:
        OSError: the file cannot be written; what was there is unchanged.
    """
    content = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}")
    # Not mkstemp, whose files only their owner may read.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(temporary, flags, 0o666 if mode is None else mode)
    except OSError as error:
        error.filename = str(path)  # the temporary file means nothing to people
        raise
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if mode is not None:
            temporary.chmod(mode)  # whatever the umask
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync(path.parent)


def land_file(temporary: Path, path: Path) -> None:
    """Give a finished file its name, once everything of it is on disk; it replaces what was there.

    Args:
        temporary: the file, in the folder of `path`.
        path: its name.

    Raises:
        OSError: the disk is full; `temporary` stays.
    """
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


@contextlib.contextmanager
def written_whole(target: Path, *, keep: Sequence[str] = ()) -> Iterator[Path]:
    """Yield a temporary folder that becomes `target` when the block ends without an error.

    An existing folder is moved aside first: a kill between the two renames leaves it inside
    `.{target}.*`, which is also what leftovers are called; no search looks into these.

    Args:
        target: the folder to write.
        keep: names of what to move from the existing folder into the new one, where possible.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with _locked(staging):
            yield staging
            for path in [*staging.rglob("*"), staging]:
                _sync(path)
            staging.chmod(0o755)
            _replace(staging, target, keep)
            _sync(target.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def remove_leftovers(target: Path) -> None:
    """Remove what killed writers of `target` left beside it, but no folder that is being written.

    A folder that was moved aside, and whose successor never came, is moved back.
    """
    name = re.escape(target.name[:40]) + f"|{re.escape(target.name)}"
    pattern = re.compile(rf"\.({name})\.([a-z0-9_]{{8}}|[0-9a-f]{{16}})")
    for path in list(target.parent.glob(".*")):
        if not pattern.fullmatch(path.name) or (path.is_dir() and _is_locked(path)):
            continue
        aside = path / target.name
        if aside.is_dir() and not target.exists():
            aside.rename(target)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Mark a folder as being written for as long as this process lives."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # file systems without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _is_locked(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # file systems without locks
        return False
    finally:
        os.close(descriptor)
    return False


def _replace(staging: Path, target: Path, keep: Sequence[str]) -> None:
    if not target.exists():
        staging.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    aside = old / target.name
    try:
        with _locked(old):
            try:
                target.rename(aside)
                staging.rename(target)
            except BaseException:  # a signal too
                if aside.exists() and not target.exists():
                    aside.rename(target)
                raise
            for name in keep:
                with contextlib.suppress(OSError):  # it is not there, or another user's
                    (aside / name).rename(target / name)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
