"""Engines on disk: in the bundle's folder `engines/`, or in the user's cache if that is read-only.

Each lies beside its key, which holds the sha256 of the engine's bytes. What is handed out has been
read once, hashed, and compared with the key: a file that is broken, foreign, half written or a
link is never given to TensorRT. The key is no signature: who can write here can make this program
run code, as with every TensorRT engine.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from ..errors import EngineError
from .key import EngineKey

ENGINES = "engines"
_MAX_KEY_BYTES = 1 << 16


class EngineStore:
    """The engines of one bundle, by name.

    Attributes:
        folder: where they lie; made when the first is kept.
    """

    def __init__(self, bundle: Path, folder: str = ENGINES) -> None:
        self.folder = _writable(bundle, folder)
        # The bundle itself may be reached through a link; what lies in it may not be one.
        self._own = [self.folder, *self.folder.parents][: len(Path(folder).parts)]

    def load(self, name: str, wanted: EngineKey) -> tuple[bytes | None, str]:
        """Return the engine `name` if it does for `wanted`.

        Returns:
            Its bytes and "", or None and the reason in a clause; the reason is empty too where
            there is none at all.
        """
        found = self.read_key(name)
        if found is None:
            there = (self.folder / f"{name}.engine").exists()
            return None, "its key file is missing or unreadable" if there else ""
        key, sha256 = found
        reason = key.why_not(wanted)
        if reason:
            return None, reason
        try:
            engine = self._read(self.folder / f"{name}.engine")
        except OSError as error:
            return None, f"its file cannot be read ({error.strerror})"
        if hashlib.sha256(engine).hexdigest() != sha256:
            return None, "its file was changed or not written to its end"
        return engine, ""

    def read_key(self, name: str) -> tuple[EngineKey, str] | None:
        """Return the key of `name` and the sha256 that its engine must have, or None."""
        try:
            return EngineKey.from_json(self._read(self._key_path(name), _MAX_KEY_BYTES).decode())
        except (OSError, ValueError):
            return None

    def keep(self, name: str, key: EngineKey, engine: bytes) -> Path:
        """Write an engine, then its key; each appears whole or not at all.

        Raises:
            EngineError: the folder is a link, or the disk is full or read-only.
        """
        path = self.folder / f"{name}.engine"
        for link in filter(Path.is_symlink, self._own):
            raise EngineError(f"{link} is a link: remove it, engines lie in a folder.")
        try:
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            # A kill between the two leaves a key whose hash is another engine's: it is built again.
            _write(path, engine)
            sha256 = hashlib.sha256(engine).hexdigest()
            _write(self._key_path(name), key.to_json(sha256).encode())
        except OSError as error:
            raise EngineError(
                f"The engine cannot be written to {path}: {error.strerror}."
            ) from error
        return path

    def _read(self, path: Path, limit: int | None = None) -> bytes:
        """Return a file's bytes; a link, or anything but a plain file, is an OSError."""
        if any(folder.is_symlink() for folder in self._own):
            raise OSError(0, "its folder is a link", str(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(0, "it is no plain file", str(path))
            return file.read() if limit is None else file.read(limit)

    def _key_path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def _writable(bundle: Path, folder: str) -> Path:
    """Return the bundle's folder for engines, or the cache's if nothing can be written there."""
    wanted = bundle / folder
    nearest = next(path for path in (wanted, *wanted.parents) if path.exists())
    if os.access(nearest, os.W_OK):
        return wanted
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(os.fsencode(bundle.resolve())).hexdigest()[:16]
    return base / "stzsar" / name / folder


def _write(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
