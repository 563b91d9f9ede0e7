"""Which tables the docs have, the command of each, and where it stands."""

from dataclasses import dataclass
from pathlib import Path

CLIPS, BUNDLE = "{clips}", "{bundle}"  # a folder of real clips; a bundle that knows people


@dataclass(frozen=True)
class Figure:
    """One table, or what stands in a sentence."""

    name: str
    words: tuple[str, ...]  # of `python -m`, from the module below stzsar on
    published: str  # page and section
    quick: tuple[str, ...] | None = None  # instead of the words with --quick; None appends it

    @property
    def needs(self) -> tuple[str, ...]:
        """What has to be named for it: CLIPS, BUNDLE or nothing."""
        text = " ".join(self.words)
        return tuple(one for one in (CLIPS, BUNDLE) if one in text)

    def command(self, *, quick: bool, clips: Path | None, bundle: Path | None) -> tuple[str, ...]:
        """Return the words of `python -m` with what they need put in."""
        words = (self.quick or (*self.words, "--quick")) if quick else self.words
        named = {CLIPS: clips, BUNDLE: bundle}
        for place, path in named.items():
            words = tuple(word.replace(place, str(path)) for word in words)
        return (f"stzsar.{words[0]}", *words[1:])


def _figure(name: str, line: str, published: str, quick: str | None = None) -> Figure:
    return Figure(name, tuple(line.split()), published, tuple(quick.split()) if quick else None)


_BENCH = "benchmarks.bench.cli"
# The speed targets first: they want a machine that has not been warm for hours.
FIGURES = (
    _figure("targets", "benchmarks.targets --rounds 8", "benchmarks.md, Targets; README.md"),
    _figure("peers", "benchmarks.peers --rounds 8", "benchmarks.md, Peers"),
    _figure(
        "bench",
        f"{_BENCH} {BUNDLE} --labels 400 --rate 25 --seconds 8 --repeat 2 --streams 1 --threads 2",
        "benchmarks.md, stzsar-bench",
        f"{_BENCH} --quick --streams 1",
    ),
    _figure("growth", "benchmarks.growth", "benchmarks.md, How costs grow"),
    _figure("backbones", "benchmarks.backbones --rounds 30", "backbones.md"),
    _figure("precisions", "benchmarks.precisions --rounds 10", "benchmarks.md, Precisions"),
    _figure(
        "precisions-vit",
        "benchmarks.precisions --rounds 10 --backbone ViT-B-32",
        "benchmarks.md, Precisions",
        "benchmarks.precisions --quick",
    ),
    _figure("families", "benchmarks.family_cost", "benchmarks.md, Peers"),
    _figure(
        "decoders", f"benchmarks.decoders --clips {CLIPS} --rounds 4", "benchmarks.md, Decoders"
    ),
    _figure("recordings", "benchmarks.recordings", "benchmarks.md, Recordings"),
    _figure("page", "benchmarks.page", "live-page.md, What it costs"),
    _figure("false-alarms", "benchmarks.false_alarms --seeds 3", "benchmarks.md, False alarms"),
    _figure("detectors", "benchmarks.detectors", "benchmarks.md, What learns from examples"),
    _figure(
        "regions", "benchmarks.regions --places 2 --actions 16", "benchmarks.md, Where to look"
    ),
    _figure("seen-bias", "benchmarks.seen_bias --clips 10", "benchmarks.md, Seen and unseen"),
    _figure(
        "motion-gate", f"benchmarks.motion_gate --source {CLIPS}", "benchmarks.md, Motion gate"
    ),
    _figure(
        "fetching",
        "benchmarks.fetching --rounds 3 --install",
        "benchmarks.md, Fetching",
        "benchmarks.fetching --quick",
    ),
    _figure("training-memory", "benchmarks.training_memory", "benchmarks.md, Training memory"),
    _figure("untrained", "benchmarks.ablation.untrained --seeds 1", "paper.md"),
)
