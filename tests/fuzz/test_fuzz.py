"""Files of every format that lie, are damaged or nested deeply are refused in one sentence.

The corpus is what did harm or might have, and what fuzzing found; `python tests/fuzz/fuzz.py` looks
for more and adds to it.
"""

import random
from pathlib import Path

import pytest
from fuzz_seeds import seeds
from fuzz_targets import TARGETS, run

CORPUS = Path(__file__).parent / "corpus"
SEEDS = seeds()
_MUTATIONS = 30


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with a few bytes changed, left out, repeated or replaced by odd ones."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content) + 1)
        length = rng.choice((1, 1, 2, 8, 64))
        piece = rng.choice(
            (
                b"",
                rng.randbytes(length),
                content[place : place + length] * 2,
                b"9" * 400,
                b"-1",
                b"null",
                b"[" * 2000,
                b"\xff\xff\xff\xff",
                bytes(4),
            )
        )
        content[place : place + length] = piece
    return bytes(content)


def test_every_format_has_files_to_begin_with():
    assert set(SEEDS) == set(TARGETS)
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_the_first_seed_is_a_whole_file(target):
    TARGETS[target](SEEDS[target][0])


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_and_what_fuzzing_found_are_used_or_refused_in_a_sentence(target):
    found = [path.read_bytes() for path in sorted(CORPUS.glob(f"{target}/*"))]
    for data in (*SEEDS[target], *found):
        run(target, data)


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_files_are_used_or_refused_in_a_sentence(target):
    """The same ones each time."""
    for number, data in enumerate(SEEDS[target]):
        rng = random.Random(f"{target} {number}")
        for _ in range(_MUTATIONS):
            run(target, mutated(data, rng))
