"""stzsar-run and stzsar-doctor: their options, what a run opens, and how it ends. No algorithms.

```python
from stzsar.runtime.command import RunOptions, run

run(RunOptions(sources=["clip.mp4"], output=Path("results.jsonl")))
```
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .options import CalibrationOptions, ReplayOptions, RunOptions
    from .runner import run

__all__ = ["CalibrationOptions", "ReplayOptions", "RunOptions", "run"]


def __getattr__(name: str) -> Any:
    """Import a name only when it is used: `stzsar-run --help` must not wait for an engine."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(".runner" if name == "run" else ".options", __name__)
    return getattr(module, name)
