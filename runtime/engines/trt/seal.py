"""Seals on the engines that this user built: engines in a bundle from others are not run.

An engine is code. Its key file lists everything that must match, but anybody can write such a file;
the seal in it can only be made with a secret in this user's data folder.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from ...documents import read_file
from ...errors import EngineError
from ...user_folders import data_folder

_SECRET_BYTES = 32


def seal_of(text: str) -> str:
    """Return the seal of `text`; the first call makes this user's secret.

    Raises:
        EngineError: the secret cannot be read or written.
    """
    return hmac.new(_secret(), text.encode(), hashlib.sha256).hexdigest()


def is_sealed(text: str, seal: str) -> bool:
    """Whether `seal` is this user's seal of `text`."""
    try:
        return seal.isascii() and hmac.compare_digest(seal, seal_of(text))
    except EngineError:
        return False


def _secret() -> bytes:
    try:
        path = data_folder() / "engine-secret"
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path, secrets.token_bytes(_SECRET_BYTES))
        secret = read_file(path, _SECRET_BYTES)
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home
        raise EngineError(
            f"Cannot read the secret that marks your own engines ({error}): set XDG_DATA_HOME to a "
            "folder of yours."
        ) from error
    if len(secret) != _SECRET_BYTES:
        raise EngineError(f"{path} is corrupt: remove it, and engines will be built again.")
    return secret


def _create(path: Path, data: bytes) -> None:
    """Write a file that only this user reads, unless another process was first.

    Not `write_file`, which replaces: engines that the other process sealed would lose their secret.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
