"""Engines on disk: in the bundle's folder `engines/`, or in the user's cache if that is read-only.

Beside each engine lies its key with the sha256 of its bytes. An engine is read once, hashed and
compared with its key before TensorRT sees it. Files that are damaged, incomplete or links are never
used, nor are engines that another user or machine made (see `seal`), unless the user trusts them.
"""

import hashlib
import json
import os
from pathlib import Path

from msgspec import Struct

from ...atomic import write_file
from ...documents import DocumentError, from_json, read_file
from ...errors import EngineError
from ...user_folders import cache_folder
from .key import EngineKey
from .seal import is_sealed, seal_of

ENGINES = "engines"
_MAX_KEY_BYTES = 1 << 16
_MAX_ENGINE_BYTES = 1 << 35


class _Proof(Struct):
    """What a key file holds beside the key: the sha256 of the engine, and who made it."""

    engine: str
    seal: str = ""


class EngineStore:
    """The engines of one bundle, by name; new ones go to `folder`, made with the first."""

    def __init__(self, bundle: Path, folder: str = ENGINES, *, trusted: bool = False) -> None:
        """Look for engines in a folder of the bundle; `trusted` takes those that others made."""
        self._trusted = trusted
        own = bundle / folder
        self._depth = len(Path(folder).parts)
        self._places = (own,) if _is_writable(own) else (_in_cache(bundle, folder), own)
        self.folder = self._places[0]

    def load(self, name: str, wanted: EngineKey) -> tuple[bytes | None, str]:
        """Return the engine `name` if it serves `wanted`.

        Returns:
            Its bytes and "", or None and the reason as a clause; the reason is empty if there is
            no such engine.
        """
        reasons = []
        for place in self._places:
            engine, reason = self._load_from(place, name, wanted)
            if engine is not None:
                return engine, ""
            reasons.append(reason)
        return None, next(filter(None, reasons), "")

    def _load_from(self, place: Path, name: str, wanted: EngineKey) -> tuple[bytes | None, str]:
        read = self._read_key(place, name)
        if read is None:
            exists = (place / f"{name}.engine").exists()
            return None, "its key file is missing or unreadable" if exists else ""
        key, proof = read
        reason = key.why_not(wanted)
        if reason:
            return None, reason
        if not (self._trusted or is_sealed(key.to_json(proof.engine), proof.seal)):
            return None, "another user or machine made it (--trust-engines would use it)"
        try:
            engine = self._read(place / f"{name}.engine", _MAX_ENGINE_BYTES)
        except OSError as error:
            return None, f"its file cannot be read ({error.strerror})"
        if hashlib.sha256(engine).hexdigest() != proof.engine:
            return None, "its file was changed or is incomplete"
        return engine, ""

    def read_key(self, name: str) -> tuple[EngineKey, str] | None:
        """Return the key of `name` and the sha256 of its engine, or None."""
        for place in self._places:
            read = self._read_key(place, name)
            if read:
                return read[0], read[1].engine
        return None

    def find(self, name: str) -> Path | None:
        """Return the file of the engine `name`, usable or not, if it is a regular one."""
        for place in self._places:
            path = place / f"{name}.engine"
            if path.is_file() and not path.is_symlink() and not self._links(place):
                return path
        return None

    def keep(self, name: str, key: EngineKey, engine: bytes) -> Path:
        """Write an engine, then its key.

        Raises:
            EngineError: the folder is a link, the disk is full or read-only, or the user's secret
                cannot be stored.
        """
        path = self.folder / f"{name}.engine"
        for link in self._links(self.folder):
            raise EngineError(f"{link} is a link: remove it, engines lie in a folder.")
        text = key.to_json(hashlib.sha256(engine).hexdigest())
        sealed = json.dumps({"seal": seal_of(text), **json.loads(text)}, indent=1) + "\n"
        try:
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            # A kill between the two leaves a key with another engine's hash: it is built again.
            write_file(path, engine, mode=0o644)
            write_file(self.folder / f"{name}.json", sealed, mode=0o644)
        except OSError as error:
            raise EngineError(f"Cannot write the engine {path}: {error.strerror}.") from error
        return path

    def _read_key(self, place: Path, name: str) -> tuple[EngineKey, _Proof] | None:
        try:
            content = self._read(place / f"{name}.json", _MAX_KEY_BYTES)
            return from_json(content, EngineKey), from_json(content, _Proof)
        except (OSError, DocumentError):
            return None

    def _links(self, place: Path) -> list[Path]:
        """Return the links below the bundle on the way to `place`; the bundle itself may be one."""
        return [p for p in [place, *place.parents][: self._depth] if p.is_symlink()]

    def _read(self, path: Path, max_bytes: int) -> bytes:
        if self._links(path.parent):
            raise OSError(0, "its folder is a link", str(path))
        return read_file(path, max_bytes, follow_links=False)


def _is_writable(folder: Path) -> bool:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(nearest, os.W_OK)


def _in_cache(bundle: Path, folder: str) -> Path:
    name = hashlib.sha256(os.fsencode(bundle.resolve())).hexdigest()[:16]
    return engine_cache() / name / folder


def engine_cache() -> Path:
    """Return the user's cache folder; raise EngineError if the user has no home."""
    try:
        return cache_folder()
    except RuntimeError as error:
        raise EngineError(
            "There is no place for engines, as this user has no home folder: set XDG_CACHE_HOME."
        ) from error
