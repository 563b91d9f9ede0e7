"""All rows of all seeds, one on each core; finished rows are kept, and a killed run resumes."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ...models.config import PatchPath
from ...runtime.atomic import write_file
from ...runtime.cpu import cpu_limit
from ...runtime.errors import StzsarError
from ..tools.processes import worker_pool
from .jobs import prepare, train_and_test
from .options import Options
from .variants import VARIANTS, TrainedRow, Variant, stage_of

_BUDGET, _ROWS = "budget.json", "rows.jsonl"
# Called with what is done, how much of it, and of how much.
Advance = Callable[[str, int, int], object]
# Called when there is a new row, with all of the folder, also those of other commands.
Publish = Callable[[Sequence[TrainedRow]], object]


class Folder:
    """Where a run keeps its finished rows."""

    def __init__(self, path: Path, budget: Mapping[str, Any]) -> None:
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
        known = {str(variant): variant for variant in VARIANTS}
        rows = [json.loads(line) for line in whole]
        return [TrainedRow(known[row["row"]], row["seed"], row["found"]) for row in rows]

    def keep(self, row: TrainedRow) -> None:
        document = {"row": str(row.variant), "seed": row.seed, "found": row.found}
        with (self.path / _ROWS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(document) + "\n")

    def drop_clips(self) -> None:
        """Remove the encoded clips, gigabytes; they can be made again."""
        for path in self.path.glob("seed-*/*/*.safetensors"):
            path.unlink()


def run(options: Options, advance: Advance, publish: Publish = lambda _: None) -> list[TrainedRow]:
    """Train the rows that are missing; return all."""
    variants = [v for v in VARIANTS if not options.rows or str(v) in options.rows]
    folder = Folder(options.output, options.budget)
    wanted = [(variant, seed) for seed in range(options.seeds) for variant in variants]
    everything = folder.rows()
    rows = [row for row in everything if (row.variant, row.seed) in wanted]
    finished = {(row.variant, row.seed) for row in rows}
    missing = sorted(
        (each for each in wanted if each not in finished),
        key=lambda each: (stage_of(each[0]), each[1]),
    )
    advance("training", len(rows), len(wanted))
    workers = cpu_limit() or os.cpu_count() or 1
    try:
        with worker_pool(workers, _be_quiet) as pool:
            for row in _train(pool, workers, options, missing):
                folder.keep(row)
                rows.append(row)
                everything.append(row)
                publish(everything)
                advance(f"{row.variant}, seed {row.seed}", len(rows), len(wanted))
    except BrokenProcessPool as error:
        raise StzsarError(
            "A training process was killed, possibly out of memory: run the same command to resume."
        ) from error
    folder.drop_clips()
    return rows


def _train(
    pool: ProcessPoolExecutor,
    workers: int,
    options: Options,
    missing: Sequence[tuple[Variant, int]],
) -> Iterator[TrainedRow]:
    """Yield rows as they finish; they start in their order, but none waits for another encoder."""
    waiting = list(missing)
    ready: set[tuple[int, PatchPath]] = set()  # seeds and paths whose clips are encoded
    working: dict[Future[Any], tuple[int, PatchPath] | None] = {}  # what is prepared, if not a row

    def start_next() -> bool:
        """Start the first job that waits for no other; return whether there is one."""
        preparing = {each[0] for each in working.values() if each}
        for place, (variant, seed) in enumerate(waiting):
            folder, path = options.output / f"seed-{seed}", variant.patch_path
            if (seed, path) in ready:
                del waiting[place]
                working[pool.submit(train_and_test, variant, folder, options, seed)] = None
                return True
            if seed not in preparing:
                working[pool.submit(prepare, folder, options, seed, path)] = (seed, path)
                return True
        return False

    while True:
        while len(working) < workers and start_next():
            pass
        if not working:
            return
        finished, _ = wait(working, return_when=FIRST_COMPLETED)
        for future in finished:
            result, prepared = future.result(), working.pop(future)
            if prepared:
                ready.add(prepared)
            else:
                yield result


def _be_quiet() -> None:
    """Hide the progress bars of single trainings; errors reach the caller."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 (as long as the process lives)
