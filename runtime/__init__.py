"""The runtime: a bundle and a video stream in, recognised actions out. It knows no torch.

```python
from stzsar.runtime import Recognizer

recognizer = Recognizer.load("runs/my-bundle", ["archery", "bowling"])
for recognition in recognizer.stream("clip.mp4"):
    print(recognition.start_s, recognition.label, recognition.score)
```
"""

from .bundle.bundle import Bundle
from .errors import StzsarError
from .labels.bank import LabelBank
from .labels.labels import Label
from .recognizer import Recognizer
from .results import Recognition, Score
from .streams.stream import StreamOptions

__all__ = [
    "Bundle",
    "Label",
    "LabelBank",
    "Recognition",
    "Recognizer",
    "Score",
    "StreamOptions",
    "StzsarError",
]
