"""The user's folders for data and caches.

Two lines in place of platformdirs: the core has few dependencies, and older releases of it return a
folder called "~" for a user without a home.
"""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder for what can be made again.

    Raises:
        RuntimeError: the user has no home folder.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stzsar"


def data_folder() -> Path:
    """Return the folder for what must stay.

    Raises:
        RuntimeError: the user has no home folder.
    """
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "stzsar"
