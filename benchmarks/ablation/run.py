"""All rows of all seeds, on all cores; what is done is kept, and a run that was killed goes on."""

import dataclasses
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ...runtime.errors import StzsarError
from .budget import ENCODER, Budget, Result
from .variants import Variant

_BUDGET, _ROWS = "budget.json", "rows.jsonl"


class Folder:
    """Where a run keeps what it has done."""

    def __init__(self, path: Path, budget: Budget) -> None:
        """Begin in an empty folder, or go on in one of the same budget.

        Raises:
            StzsarError: it is of another run, or cannot be written.
        """
        self.path = path
        wanted = dataclasses.asdict(budget)
        known = path / _BUDGET
        try:
            path.mkdir(parents=True, exist_ok=True)
            if known.exists():
                if json.loads(known.read_text(encoding="utf-8")) != wanted:
                    raise StzsarError(
                        f"{path} holds an ablation with other options: name another --output, or "
                        "remove it."
                    )
            elif any(path.iterdir()):
                raise StzsarError(f"{path} holds something else: name another --output.")
            else:
                known.write_text(json.dumps(wanted) + "\n", encoding="utf-8")
        except (OSError, ValueError) as error:
            raise StzsarError(f"{path} cannot be used: {error}.") from error

    def results(self) -> list[Result]:
        """Return the rows that are done, and drop a line that was cut off."""
        path = self.path / _ROWS
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        path.write_text("".join(line for line in lines if line.endswith("\n")), encoding="utf-8")
        return [Result(Variant(*row["row"]), row["seed"], row["found"]) for row in whole]

    def keep(self, result: Result) -> None:
        """Add a row."""
        row = [result.variant.head, result.variant.attributes]
        document = {"row": row, "seed": result.seed, "found": result.found}
        with (self.path / _ROWS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(document) + "\n")

    def drop_clips(self) -> None:
        """Remove the encoded clips, a gigabyte; they are made again if they are wanted."""
        for path in self.path.glob("seed-*/*.safetensors"):
            if path.name != ENCODER:
                path.unlink()


def run(
    folder: Folder, budget: Budget, variants: Sequence[Variant], advance: Callable[[str], None]
) -> list[Result]:
    """Train what is not done yet, a row on each core, and return the results.

    Args:
        folder: what is done.
        budget: of each row.
        variants: the rows.
        advance: called with the name of what is done.

    Raises:
        StzsarError: one of the processes was killed.
    """
    done = [result for result in folder.results() if result.variant in variants]
    known = {(result.variant, result.seed) for result in done}
    missing = {
        seed: [variant for variant in variants if (variant, seed) not in known]
        for seed in range(budget.seeds)
    }
    for _ in known:
        advance("what was done before")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=_be_quiet) as pool:
        try:
            for result in _results(pool, folder.path, budget, missing, advance):
                folder.keep(result)
                done.append(result)
        except BrokenProcessPool as error:
            raise StzsarError(
                "A process that trains was killed, for want of memory perhaps: the same command "
                "goes on with what is not done yet."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if budget.seeds * len(variants) == len(done):
        folder.drop_clips()
    return done


def _results(
    pool: ProcessPoolExecutor,
    path: Path,
    budget: Budget,
    missing: dict[int, list[Variant]],
    advance: Callable[[str], None],
) -> Iterator[Result]:
    """Give rows as they are done; those of a seed start when its encoder is there."""
    from .jobs import prepare, train_and_test

    preparing: dict[Future[Any], int] = {
        pool.submit(prepare, path / f"seed-{seed}", budget, seed): seed
        for seed, variants in missing.items()
        if variants
    }
    rows: set[Future[Result]] = set()
    while preparing or rows:
        ended, _ = wait([*preparing, *rows], return_when=FIRST_COMPLETED)
        for future in ended:
            if future in preparing:
                future.result()
                seed = preparing.pop(future)
                advance(f"encoder of seed {seed}")
                for variant in missing[seed]:
                    rows.add(
                        pool.submit(train_and_test, variant, path / f"seed-{seed}", budget, seed)
                    )
            else:
                rows.remove(future)
                result = future.result()
                advance(f"{result.variant}, seed {result.seed}")
                yield result


def _be_quiet() -> None:
    """Keep the progress bars of single trainings off the screen; errors reach the caller."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 (as long as the process lives)
