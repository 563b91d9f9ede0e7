"""python -m stzsar.benchmarks.attributes: accuracy with attributes made from texts or by hand.

The shipped bundle classifies the unseen classes of MovingShapes with three or four banks: the
attributes written by hand, those that stzsar-attributes makes from one paragraph per class
(`attribute_texts/`) with YAKE and, if one is named, with a language model, and the label alone. The
paragraphs use the words of MovingShapes, since the shipped text encoder knows few others. The clips
are those of `MovingShapes("unseen-test")`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import shipped_bundle
from ..runtime.chat.model import ChatModel
from ..runtime.engines.graph import Array
from ..runtime.errors import StzsarError
from ..runtime.labels.labels import Label
from ..runtime.recognizer import Recognizer
from ..runtime.shapes.scenes import SAMPLING, Scene, unseen_actions
from ..runtime.terminal.commandline import say
from ..train.attributes.cache import Cache, default_folder
from ..train.attributes.extraction import ByModel, ByYake, Extractor
from ..train.attributes.fetch import CALLER
from ..train.attributes.ordering import BundleEncoder
from ..train.attributes.pipeline import Pipeline
from ..train.attributes.rules import Stemmer
from ..train.attributes.sources import Folder
from .tools.command import benchmark
from .tools.tables import markdown

TEXTS = Path(__file__).with_name("attribute_texts")
# The seed of the split in train.data.moving_shapes, which imports torch.
_SEED = (0, 2)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How many clips to classify, and a chat endpoint for one more bank."""

    clips_per_class: int = 20
    llm_url: str | None = None
    llm_model: str | None = None  # its model; None takes the first that the endpoint lists

    def __post_init__(self) -> None:
        if self.llm_model and not self.llm_url:
            raise StzsarError(f"--llm-model {self.llm_model} needs an endpoint: add --llm-url.")


@dataclass(frozen=True)
class BankAccuracy:
    """Top-1 with one bank, 0 to 1, and the mean number of attributes per class."""

    name: str
    attributes: float
    plain: float
    hard: float


@benchmark(usual=Options(), quick=Options(clips_per_class=1))
@cloup.option("--llm-url", metavar="URL", help="Add a row for this chat endpoint.")
@cloup.option(
    "--llm-model", metavar="NAME", show_default="the first that it lists", help="Ask this model."
)
def main(options: Options) -> None:
    """Compare attributes from texts, by hand and none, on unseen classes."""
    click.echo(table(measure(options)))
    click.echo(f"\nTop-1 of {options.clips_per_class * len(unseen_actions())} clips each.")


def measure(options: Options) -> list[BankAccuracy]:
    banks = {"written by hand": by_hand(), "stzsar-attributes --llm none": made_by(ByYake("en"))}
    if options.llm_url:
        model = ChatModel(
            options.llm_url, options.llm_model, Cache(default_folder()).open(), caller=CALLER
        )
        banks[f"stzsar-attributes, {model.name}"] = made_by(ByModel(model))
    banks["only the label"] = [Label(label.name) for label in by_hand()]
    clips = options.clips_per_class * len(unseen_actions())
    return [
        BankAccuracy(
            name,
            float(np.mean([len(label.attributes) for label in labels])),
            *(top1(labels, clips, hard=hard) for hard in (False, True)),
        )
        for name, labels in banks.items()
    ]


def by_hand() -> list[Label]:
    return [replace(action.label, text=action.label.name) for action in unseen_actions()]


def made_by(extractor: Extractor) -> list[Label]:
    """Return the unseen classes with the attributes that an extractor finds in their texts.

    A class without any gets its name; how many have fewer than 8 is printed on stderr.
    """
    labels = [Label(action.label.name) for action in unseen_actions()]
    encoder = BundleEncoder(shipped_bundle())
    outcome = Pipeline([Folder(TEXTS)], extractor, encoder, Stemmer(), parallel=1).make(labels)
    if outcome.shortfalls:
        say(
            f"{extractor.model}: {len(outcome.shortfalls)} of {len(labels)} classes have fewer "
            "than 8 attributes."
        )
    found = {entry["label"]: tuple(entry["attributes"]) for entry in outcome.entries}
    return [Label(label.name, attributes=found.get(label.name, ())) for label in labels]


def top1(labels: Sequence[Label], clips: int, *, hard: bool) -> float:
    """Return the share of clips whose class comes first among the unseen ones.

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
    """Return the unseen classes for a scorer; the text stands in for missing attributes."""
    found = []
    for label, action in zip(labels, unseen_actions(), strict=True):
        text = action.label.text if hard else label.name
        none = label.attributes == (label.name,)
        found.append(replace(label, text=text, attributes=(text,) if none else label.attributes))
    return found


def clip(index: int, *, hard: bool) -> tuple[Array, int]:
    """Return the frames, uint8 [T, S, S, 3], and the class of a clip of unseen-test."""
    actions = unseen_actions()
    rng = np.random.default_rng([*_SEED, index])
    rng.random()  # MovingShapes draws the setting here
    scene = Scene.draw(actions[index % len(actions)], rng, hard=hard)
    times = rng.uniform(0, 2) + np.arange(SAMPLING.frames) / SAMPLING.rate_fps
    return np.stack([scene.frame(t, times[0]) for t in times]), index % len(actions)


def table(rows: Sequence[BankAccuracy]) -> str:
    return markdown(
        ("attributes", "per class", "plain", "hard"),
        ((r.name, f"{r.attributes:.1f}", f"{r.plain:.1%}", f"{r.hard:.1%}") for r in rows),
    )


if __name__ == "__main__":
    main()
