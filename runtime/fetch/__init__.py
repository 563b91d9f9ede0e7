"""stzsar-fetch: weights in, bundle out, without torch.

```python
from stzsar.runtime.fetch import FetchOptions, fetch

fetch(FetchOptions(backbone="ViT-B-32"))
```
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .options import FetchOptions
    from .pipeline import fetch

__all__ = ["FetchOptions", "fetch"]


def __getattr__(name: str) -> Any:
    """Import a name only when it is used: `stzsar-fetch --help` must not wait for numpy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(".pipeline" if name == "fetch" else ".options", __name__)
    return getattr(module, name)
