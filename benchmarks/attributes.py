"""python -m stzsar.benchmarks.attributes: attributes made from texts, against those of the hand.

The classes of MovingShapes that training never showed, the shipped bundle, and three or four banks:
the attributes that the benchmark was made with, those that stzsar-attributes makes from a paragraph
on each class (`attribute_texts/`), by YAKE and, if one is named, by a language model, and none but
the label. The texts were written for this: they use the words of MovingShapes, since the shipped
text encoder has never seen others. The clips are those of `MovingShapes("unseen-test")`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import cloup
import numpy as np
import numpy.typing as npt

from ..runtime.bundle.bundle import shipped_bundle
from ..runtime.errors import StzsarError
from ..runtime.labels.labels import Label
from ..runtime.recognizer import Recognizer
from ..runtime.shapes.scenes import SAMPLING, Scene, unseen_actions
from ..runtime.terminal.commandline import at_the_edge, say
from ..train.attributes.cache import Cache, default_folder
from ..train.attributes.chat import ChatModel
from ..train.attributes.extraction import ByModel, ByYake, Extractor
from ..train.attributes.ordering import BundleEncoder
from ..train.attributes.pipeline import Pipeline
from ..train.attributes.rules import Stemmer
from ..train.attributes.sources import Folder

Array = npt.NDArray[Any]

TEXTS = Path(__file__).with_name("attribute_texts")
CLIPS_PER_CLASS, QUICK_CLIPS_PER_CLASS = 20, 1
# As train.moving_shapes has them, which needs torch.
_SEED = (0, 2)


@dataclass(frozen=True)
class Row:
    """A bank: where its attributes are from, how many a class has, and two accuracies, 0 to 1."""

    name: str
    attributes: float
    plain: float
    hard: float


@cloup.command()
@cloup.option("--llm-url", metavar="URL", help="A chat endpoint: one row more.")
@cloup.option("--llm-model", metavar="NAME", help="Its model (default: the first that it lists).")
@cloup.option("--quick", is_flag=True, help="One clip of a class: shows that it runs.")
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(llm_url: str | None, llm_model: str | None, quick: bool) -> None:
    """Compare attributes of the road, of the hand, and none, on unseen classes."""
    if llm_model and not llm_url:
        raise StzsarError("--llm-model needs to know where: add --llm-url, or leave it out.")
    clips = (QUICK_CLIPS_PER_CLASS if quick else CLIPS_PER_CLASS) * len(unseen_actions())
    banks = {
        "written by hand": by_hand(),
        "stzsar-attributes --llm none": by_pipeline(ByYake("en")),
    }
    if llm_url:
        model = ChatModel(llm_url, llm_model, Cache(default_folder()))
        banks[f"stzsar-attributes, {model.name}"] = by_pipeline(ByModel(model))
    banks["none but the label"] = [Label(label.name) for label in by_hand()]
    rows = [measure(name, labels, clips) for name, labels in banks.items()]
    click.echo(table(rows, clips))


def by_hand() -> list[Label]:
    """Return the unseen classes with the attributes of the benchmark."""
    return [replace(action.label, text=action.label.name) for action in unseen_actions()]


def by_pipeline(extractor: Extractor) -> list[Label]:
    """Return the unseen classes with what the road makes of their texts.

    A class for which it found nothing has its name as its attribute; how many have fewer than 8
    is said on stderr.
    """
    labels = [Label(action.label.name) for action in unseen_actions()]
    encoder = BundleEncoder(shipped_bundle())
    road = Pipeline([Folder(TEXTS)], extractor, encoder, Stemmer(), parallel=1)
    outcome = road.make(labels)
    if outcome.shortfalls:
        say(f"{extractor.model}: {len(outcome.shortfalls)} of {len(labels)} classes have fewer.")
    found = {entry["label"]: tuple(entry["attributes"]) for entry in outcome.entries}
    return [Label(label.name, attributes=found.get(label.name, ())) for label in labels]


def measure(name: str, labels: Sequence[Label], clips: int) -> Row:
    """Return how many of the clips are recognised, plain and hard."""
    counts = [len(label.attributes) for label in labels]
    return Row(name, float(np.mean(counts)), *(top1(labels, clips, hard=h) for h in (False, True)))


def top1(labels: Sequence[Label], clips: int, *, hard: bool) -> float:
    """Return the part of the clips whose class comes first among the unseen ones.

    In the hard setting the embedded text is ambiguous, whatever the attributes are.
    """
    scorer = Recognizer.load(shipped_bundle(), labels=embedded(labels, hard=hard)).scorer
    hits = 0
    for index in range(clips):
        frames, truth = clip(index, hard=hard)
        states = {key: value[None] for key, value in scorer.encode(frames).items()}
        hits += int(scorer.score(states)[0][0].argmax() == truth)
    return hits / clips


def embedded(labels: Sequence[Label], *, hard: bool) -> list[Label]:
    """Return the unseen classes as a scorer gets them: one without attributes has its text's."""
    found = []
    for label, action in zip(labels, unseen_actions(), strict=True):
        text = action.label.text if hard else label.name
        none = label.attributes == (label.name,)
        found.append(replace(label, text=text, attributes=(text,) if none else label.attributes))
    return found


def clip(index: int, *, hard: bool) -> tuple[Array, int]:
    """Return the frames, uint8 [T, S, S, 3], and the class of a clip of the split unseen-test."""
    actions = unseen_actions()
    rng = np.random.default_rng([*_SEED, index])
    rng.random()  # which setting, in a mixed one
    scene = Scene.draw(actions[index % len(actions)], rng, hard=hard)
    times = rng.uniform(0, 2) + np.arange(SAMPLING.frames) / SAMPLING.rate_fps
    return np.stack([scene.frame(t, times[0]) for t in times]), index % len(actions)


def table(rows: Sequence[Row], clips: int) -> str:
    """Return the rows as Markdown."""
    lines = [
        f"| attributes | a class | plain, top-1 of {clips} | hard, top-1 of {clips} |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.attributes:.1f} | {row.plain:.1%} | {row.hard:.1%} |" for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
