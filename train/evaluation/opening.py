"""Opens the checkpoint or bundle under test."""

from dataclasses import dataclass
from pathlib import Path

from ...runtime.bundle.bundle import MANIFEST
from ...runtime.errors import BundleError, StzsarError
from .model import (
    Model,
)

_DESCRIPTION = "checkpoint.json"


@dataclass(frozen=True)
class Placement:
    """Where a model runs; None is not said.

    Attributes:
        device: torch's, for checkpoints.
        engine: one of the runtime's, for bundles.
        threads: CPU threads of a bundle's graphs.
    """

    device: str | None = None
    engine: str | None = None
    threads: int | None = None


def open_model(path: Path, placement: Placement | None = None) -> Model:
    """Open the bundle, the checkpoint, or the newest checkpoint of the run at `path`.

    Raises:
        BundleError: it is neither, or cannot be used.
        StzsarError: the placement is of the other kind.
    """
    where = placement or Placement()
    if (path / MANIFEST).exists():
        if where.device is not None:
            raise StzsarError(
                f"--device is of checkpoints, and {path} is a bundle: leave it out, or give "
                "--engine."
            )
        from .bundle_model import BundleModel

        return BundleModel(path, where.engine or "auto", where.threads or 0)
    if where.engine is not None or where.threads is not None:
        raise StzsarError(
            f"--engine and --threads are of bundles, and {path} is none: leave them out."
        )
    if not (path / _DESCRIPTION).is_file() and not any(path.glob(f"**/{_DESCRIPTION}")):
        raise BundleError(
            f"{path} is neither a bundle nor a checkpoint nor a run with one: name a folder that "
            "stzsar-train or stzsar-export wrote."
        )
    from .checkpoint_model import CheckpointModel

    return CheckpointModel(path, where.device or "auto")
