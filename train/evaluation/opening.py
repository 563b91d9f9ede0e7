"""Opens the checkpoint or bundle under test."""

from pathlib import Path

from ...runtime.bundle.bundle import MANIFEST
from ...runtime.errors import BundleError, StzsarError
from .model import Model

_DESCRIPTION = "checkpoint.json"  # models.checkpoint would import torch


def open_model(
    path: Path, *, device: str | None = None, engine: str | None = None, threads: int | None = None
) -> Model:
    """Open the bundle, the checkpoint, or the newest checkpoint of the run at `path`.

    A checkpoint takes torch's device, a bundle an engine of the runtime and CPU threads.

    Raises:
        BundleError: `path` is neither, or cannot be used.
        StzsarError: an argument does not apply to this kind of model.
    """
    if (path / MANIFEST).exists():
        if device is not None:
            raise StzsarError(
                f"--device works with checkpoints only, and {path} is a bundle. Leave it out, or "
                "use --engine."
            )
        from .bundle_model import BundleModel

        return BundleModel(path, engine or "auto", threads or 0)
    if engine is not None or threads is not None:
        raise StzsarError(
            f"--engine and --threads work with bundles only, and {path} is not a bundle. Leave "
            "them out."
        )
    if not any(path.glob(f"**/{_DESCRIPTION}")):
        raise BundleError(
            f"{path} is neither a bundle nor a checkpoint nor a run with one. Name a folder that "
            "stzsar-train or stzsar-export wrote."
        )
    from .checkpoint_model import CheckpointModel

    return CheckpointModel(path, device or "auto")
