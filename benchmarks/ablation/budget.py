"""How much training each row of the ablation gets, and what it returns."""

from dataclasses import dataclass

from .variants import Variant

ENCODER = "encoder.safetensors"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every row is given.

    Attributes:
        seeds: how often everything is trained.
        encoder_steps: of the frame encoder that all rows of a seed share.
        clips: that are encoded for the rows to learn from, half of them hard.
        steps: of each row.
        batch: clips of a step.
        tested: clips of each of the four tests.
        end_to_end: whether a row trains the encoder too, on clips drawn anew, instead of what it
            sees of `clips`.
    """

    seeds: int = 3
    encoder_steps: int = 1500
    clips: int = 20_000
    steps: int = 800
    batch: int = 48
    tested: int = 960
    end_to_end: bool = False


QUICK = Budget(seeds=2, encoder_steps=1, clips=48, steps=1, batch=8, tested=24)


@dataclass(frozen=True)
class Result:
    """What one row of one seed reached: accuracies and readings, by name, each 0 to 1."""

    variant: Variant
    seed: int
    found: dict[str, float]
