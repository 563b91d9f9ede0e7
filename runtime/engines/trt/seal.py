"""The seal of a user's own engines: who copies a bundle from others does not run their engines.

An engine is code. Its key file says all that must fit, but anybody can write such a file; the seal
in it can be made only with a secret that lies in this user's data folder.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from ...errors import EngineError

_SECRET_BYTES = 32


def seal_of(text: str) -> str:
    """Return the seal of `text`, made with this user's secret, which is made if there is none.

    Raises:
        EngineError: there is no place for the secret.
    """
    return hmac.new(_secret(), text.encode(), hashlib.sha256).hexdigest()


def is_sealed(text: str, seal: object) -> bool:
    """Say whether `seal` is this user's seal of `text`."""
    try:
        return isinstance(seal, str) and seal.isascii() and hmac.compare_digest(seal, seal_of(text))
    except EngineError:
        return False


def _secret() -> bytes:
    try:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        path = Path(base) / "stzsar" / "engine-secret"
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_once(path, secrets.token_bytes(_SECRET_BYTES))
        found = path.read_bytes()
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home
        raise EngineError(
            f"There is no place for the secret that marks your own engines ({error}): set "
            "XDG_DATA_HOME to a folder of yours."
        ) from error
    if len(found) != _SECRET_BYTES:
        raise EngineError(f"{path} is spoilt: remove it, and engines are built anew.")
    return found


def _write_once(path: Path, data: bytes) -> None:
    """Write a file that only this user reads, whole; another process may have been first."""
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
