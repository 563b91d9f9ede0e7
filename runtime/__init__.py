"""The runtime recognises actions in video with an exported bundle; it never imports torch.

```python
from stzsar.runtime import Recognizer

with Recognizer.load("runs/my-bundle", ["archery", "bowling"]) as recognizer:
    for recognition in recognizer.stream("clip.mp4"):
        print(recognition.start_s, recognition.decision, recognition.score)
```

`run(RunOptions(...))` does all that the command stzsar-run does.
"""

from typing import TYPE_CHECKING, Any

from .bundle.bundle import Bundle
from .decisions.policy import Policy
from .errors import StzsarError
from .labels.bank import LabelBank
from .labels.labels import Label
from .labels.rules import LabelRule
from .recognizer import Recognizer
from .results import ActionEvent, Recognition, Score
from .sources.memory import Frames
from .streams.result_stream import ResultStream
from .streams.stream import StreamOptions

if TYPE_CHECKING:
    from .command import CalibrationOptions, ReplayOptions, RunOptions, run

__all__ = [
    "ActionEvent",
    "Bundle",
    "CalibrationOptions",
    "Frames",
    "Label",
    "LabelBank",
    "LabelRule",
    "Policy",
    "Recognition",
    "Recognizer",
    "ReplayOptions",
    "ResultStream",
    "RunOptions",
    "Score",
    "StreamOptions",
    "StzsarError",
    "run",
]


def __getattr__(name: str) -> Any:
    """Import the command only when it is asked for: it brings sinks, recordings and rich."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import command

    return getattr(command, name)
