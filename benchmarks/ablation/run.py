"""All rows of all seeds, one on each core; finished rows are kept, and a killed run resumes."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ...runtime.atomic import write_file
from ...runtime.errors import StzsarError
from ..processes import worker_pool
from .jobs import ENCODER, prepare, train_and_test
from .options import Options
from .variants import VARIANTS, TrainedRow, Variant

_BUDGET, _ROWS = "budget.json", "rows.jsonl"
# Called with what is done, how much of it, and of how much.
Advance = Callable[[str, int, int], object]


class Folder:
    """Where a run keeps its finished rows."""

    def __init__(self, path: Path, budget: Mapping[str, int]) -> None:
        """Start in an empty folder, or resume in one with the same budget."""
        self.path = path
        known = path / _BUDGET
        try:
            path.mkdir(parents=True, exist_ok=True)
            if known.exists():
                if json.loads(known.read_text(encoding="utf-8")) != budget:
                    raise StzsarError(
                        f"{path} has an ablation with other options: name another --output, or "
                        "remove it."
                    )
            elif any(path.iterdir()):
                raise StzsarError(f"{path} has other files: name another --output.")
            else:
                write_file(known, json.dumps(budget) + "\n")
        except (OSError, ValueError) as error:
            raise StzsarError(f"Cannot use {path}: {error}.") from error

    def rows(self) -> list[TrainedRow]:
        """Return the finished rows, and drop a truncated line."""
        path = self.path / _ROWS
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        write_file(path, "".join(whole))
        rows = [json.loads(line) for line in whole]
        return [TrainedRow(Variant(*row["row"]), row["seed"], row["found"]) for row in rows]

    def keep(self, row: TrainedRow) -> None:
        variant = [row.variant.head, row.variant.attributes]
        document = {"row": variant, "seed": row.seed, "found": row.found}
        with (self.path / _ROWS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(document) + "\n")

    def drop_clips(self) -> None:
        """Remove the encoded clips, a gigabyte; they can be made again."""
        for path in self.path.glob("seed-*/*.safetensors"):
            if path.name != ENCODER:
                path.unlink()


def run(options: Options, advance: Advance) -> list[TrainedRow]:
    """Train the rows that are missing; return all."""
    variants = [v for v in VARIANTS if not options.rows or str(v) in options.rows]
    folder = Folder(options.output, options.budget)
    rows = [row for row in folder.rows() if row.variant in variants]
    finished = {(row.variant, row.seed) for row in rows}
    missing = {
        seed: [variant for variant in variants if (variant, seed) not in finished]
        for seed in range(options.seeds)
    }
    total = options.seeds * len(variants)
    advance("training", len(rows), total)
    try:
        with worker_pool(os.cpu_count() or 1, _be_quiet) as pool:
            for row in _train(pool, options, missing):
                folder.keep(row)
                rows.append(row)
                advance(f"{row.variant}, seed {row.seed}", len(rows), total)
    except BrokenProcessPool as error:
        raise StzsarError(
            "A training process was killed, possibly out of memory: run the same command to resume."
        ) from error
    if len(rows) == total:
        folder.drop_clips()
    return rows


def _train(
    pool: ProcessPoolExecutor,
    options: Options,
    missing: Mapping[int, Sequence[Variant]],
) -> Iterator[TrainedRow]:
    """Yield rows as they finish; those of a seed start when its encoder is ready."""
    preparing: dict[Future[Any], int] = {
        pool.submit(prepare, options.output / f"seed-{seed}", options, seed): seed
        for seed, variants in missing.items()
        if variants
    }
    training: set[Future[TrainedRow]] = set()
    while preparing or training:
        finished, _ = wait([*preparing, *training], return_when=FIRST_COMPLETED)
        for future in finished:
            result = future.result()
            if future in preparing:
                seed = preparing.pop(future)
                training |= {
                    pool.submit(
                        train_and_test, variant, options.output / f"seed-{seed}", options, seed
                    )
                    for variant in missing[seed]
                }
            else:
                training.remove(future)
                yield result


def _be_quiet() -> None:
    """Hide the progress bars of single trainings; errors reach the caller."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 (as long as the process lives)
