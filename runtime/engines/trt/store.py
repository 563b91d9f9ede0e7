"""Engines on disk: in the bundle's folder `engines/`, or in the user's cache if that is read-only.

Each lies beside its key, which holds the sha256 of the engine's bytes. What is handed out has been
read once, hashed, and compared with the key: a file that is broken, half written or a link is never
given to TensorRT, nor is one that another user or machine made (see `seal`), unless it is trusted.
"""

import hashlib
import json
import os
import stat
from pathlib import Path

from ...atomic import write_file
from ...errors import EngineError
from .key import EngineKey
from .seal import is_sealed, seal_of

ENGINES = "engines"
_MAX_KEY_BYTES = 1 << 16


class EngineStore:
    """The engines of one bundle, by name.

    Attributes:
        folder: where new ones lie; made when the first is kept.
    """

    def __init__(self, bundle: Path, folder: str = ENGINES, *, trusted: bool = False) -> None:
        """Look for engines.

        Args:
            bundle: the bundle's folder.
            folder: where in it.
            trusted: whether to take engines that others made, which can run code.
        """
        self._trusted = trusted
        own = bundle / folder
        self._depth = len(Path(folder).parts)
        self._places = (own,) if _is_writable(own) else (_in_cache(bundle, folder), own)
        self.folder = self._places[0]

    def load(self, name: str, wanted: EngineKey) -> tuple[bytes | None, str]:
        """Return the engine `name` if it does for `wanted`.

        Returns:
            Its bytes and "", or None and the reason in a clause; the reason is empty too where
            there is none at all.
        """
        reasons = []
        for place in self._places:
            engine, reason = self._load_from(place, name, wanted)
            if engine is not None:
                return engine, ""
            reasons.append(reason)
        return None, next(filter(None, reasons), "")

    def _load_from(self, place: Path, name: str, wanted: EngineKey) -> tuple[bytes | None, str]:
        found = self._read_key(place, name)
        if found is None:
            there = (place / f"{name}.engine").exists()
            return None, "its key file is missing or unreadable" if there else ""
        key, sha256, is_ours = found
        reason = key.why_not(wanted)
        if reason:
            return None, reason
        if not (is_ours or self._trusted):
            return None, "another user or machine made it (--trust-engines would take it)"
        try:
            engine = self._read(place / f"{name}.engine")
        except OSError as error:
            return None, f"its file cannot be read ({error.strerror})"
        if hashlib.sha256(engine).hexdigest() != sha256:
            return None, "its file was changed or not written to its end"
        return engine, ""

    def read_key(self, name: str) -> tuple[EngineKey, str] | None:
        """Return the key of `name` and the sha256 that its engine must have, or None."""
        found = (self._read_key(place, name) for place in self._places)
        key = next(filter(None, found), None)
        return key and key[:2]

    def find(self, name: str) -> Path | None:
        """Return the file of the engine `name` if there is a plain one, usable or not."""
        for place in self._places:
            path = place / f"{name}.engine"
            if path.is_file() and not path.is_symlink() and not self._links(place):
                return path
        return None

    def keep(self, name: str, key: EngineKey, engine: bytes) -> Path:
        """Write an engine, then its key; each appears whole or not at all.

        Raises:
            EngineError: the folder is a link, the disk is full or read-only, or there is no place
                for the user's secret.
        """
        path = self.folder / f"{name}.engine"
        for link in self._links(self.folder):
            raise EngineError(f"{link} is a link: remove it, engines lie in a folder.")
        text = key.to_json(hashlib.sha256(engine).hexdigest())
        sealed = json.dumps({"seal": seal_of(text), **json.loads(text)}, indent=1) + "\n"
        try:
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            # A kill between the two leaves a key whose hash is another engine's: it is built again.
            write_file(path, engine, mode=0o644)
            write_file(self.folder / f"{name}.json", sealed, mode=0o644)
        except OSError as error:
            raise EngineError(
                f"The engine cannot be written to {path}: {error.strerror}."
            ) from error
        return path

    def _read_key(self, place: Path, name: str) -> tuple[EngineKey, str, bool] | None:
        try:
            document = json.loads(self._read(place / f"{name}.json", _MAX_KEY_BYTES))
            seal = document.pop("seal", None)
            key, sha256 = EngineKey.from_json(json.dumps(document))
        except (OSError, ValueError, AttributeError, TypeError, RecursionError):
            return None
        return key, sha256, is_sealed(key.to_json(sha256), seal)

    def _links(self, place: Path) -> list[Path]:
        """Return the links on the way: a bundle may be reached through one, and hold none."""
        return [p for p in [place, *place.parents][: self._depth] if p.is_symlink()]

    def _read(self, path: Path, limit: int | None = None) -> bytes:
        """Return a file's bytes; a link, or anything but a plain file, is an OSError."""
        if self._links(path.parent):
            raise OSError(0, "its folder is a link", str(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(0, "it is no plain file", str(path))
            return file.read() if limit is None else file.read(limit)


def _is_writable(folder: Path) -> bool:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(nearest, os.W_OK)


def _in_cache(bundle: Path, folder: str) -> Path:
    name = hashlib.sha256(os.fsencode(bundle.resolve())).hexdigest()[:16]
    return cache_folder() / name / folder


def cache_folder() -> Path:
    """Return the user's folder for what can be made again.

    Raises:
        EngineError: the user has no home.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stzsar"
    except RuntimeError as error:
        raise EngineError(
            "There is no place for engines, as this user has no home folder: set XDG_CACHE_HOME."
        ) from error
