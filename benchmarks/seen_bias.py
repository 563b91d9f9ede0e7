"""python -m stzsar.benchmarks.seen_bias: seen against unseen classes, with and without the bias.

The shipped bundle classifies drawn clips of all 120 classes of MovingShapes among all of them, in
the plain and in the hard setting. AUSUC is the area under the curve of seen against unseen accuracy
that all biases give.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from ..runtime.bundle.bundle import shipped_bundle
from ..runtime.recognizer import Recognizer
from ..runtime.shapes.scenes import SAMPLING, Action, Scene, seen_actions, unseen_actions
from ..train.seen_curve import SeenCurve
from .tools.command import benchmark, count_option
from .tools.tables import markdown

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How many clips of each class to draw."""

    clips: int = 20
    settings: tuple[str, ...] = ("plain", "hard")


@benchmark(usual=Options(), quick=Options(clips=1, settings=("plain",)))
@count_option("--clips", Options.clips, "Draw N clips of each class.")
def main(options: Options) -> None:
    """Print the accuracies and the area under the curve."""
    click.echo(table(options))


def table(options: Options) -> str:
    """Return the accuracies of both settings, without and with the measured bias, as Markdown."""
    rows = []
    for setting in options.settings:
        curve, measured = measure(hard=setting == "hard", clips=options.clips)
        for bias in (0.0, measured) if measured else (0.0,):
            seen, unseen = curve.at(bias)
            shares = (seen, unseen, curve.harmonic(bias), curve.area)
            rows.append((setting, f"{bias:.2f}", *(f"{share:.1%}" for share in shares)))
    return markdown(("setting", "bias", "seen", "unseen", "harmonic mean", "AUSUC"), rows)


def measure(*, hard: bool, clips: int) -> tuple[SeenCurve, float | None]:
    """Return the curve of one setting, and the bias that training measured."""
    actions = (*seen_actions(), *unseen_actions())
    labels = [action.label for action in actions]
    if not hard:
        labels = [dataclasses.replace(label, text=label.name) for label in labels]
    recognizer = Recognizer.load(shipped_bundle(), labels, threads=1, seen_bias=0)
    logits = [
        recognizer.scorer.score({name: state[None] for name, state in states.items()})[0][0]
        for states in (recognizer.scorer.encode(frames) for frames in _drawn(actions, clips, hard))
    ]
    truth = np.repeat(np.arange(len(actions)), clips)
    seen = recognizer.manifest.seen
    is_seen = np.arange(len(actions)) < len(seen_actions())
    return SeenCurve.of(np.stack(logits), truth, is_seen), seen.bias if seen else None


def _drawn(actions: tuple[Action, ...], clips: int, hard: bool) -> Iterator[Array]:
    rng = np.random.default_rng(7)
    for action in actions:
        for _ in range(clips):
            scene, start_s = Scene.draw(action, rng, hard=hard), rng.uniform(0, 2)
            times_s = start_s + np.arange(SAMPLING.frames) / SAMPLING.rate_fps
            yield np.stack([scene.frame(time_s, start_s) for time_s in times_s])


if __name__ == "__main__":
    main()
