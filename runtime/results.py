"""What recognition gives: frozen results with one JSON form."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """One label of a result.

    Attributes:
        label: the label's name.
        score: softmax over the labels, 0 to 1: how this label compares with the others.
        similarity: the label's logit before its learned scaling: an absolute value, like a cosine.
    """

    label: str
    score: float
    similarity: float


@dataclass(frozen=True)
class Recognition:
    """What was recognised in one window of frames.

    Attributes:
        source: the file, stream or camera.
        start_s: time of the window's first frame in the source, in seconds.
        end_s: time of the window's last frame, in seconds.
        frames: number of frames in the window; fewer than the bundle's T in a short clip.
        top: the best labels, best first.
    """

    source: str
    start_s: float
    end_s: float
    frames: int
    top: tuple[Score, ...]

    @property
    def label(self) -> str:
        """The best label's name."""
        return self.top[0].label

    @property
    def score(self) -> float:
        """The best label's score."""
        return self.top[0].score

    def to_json(self) -> str:
        """Return the result as one JSON line (without the line's end)."""
        return json.dumps(
            {
                "source": self.source,
                "start_s": round(self.start_s, 3),
                "end_s": round(self.end_s, 3),
                "frames": self.frames,
                "label": self.label,
                "score": round(self.score, 4),
                "top": [
                    {
                        "label": s.label,
                        "score": round(s.score, 4),
                        "similarity": round(s.similarity, 4),
                    }
                    for s in self.top
                ],
            },
            ensure_ascii=False,
            allow_nan=False,
        )
