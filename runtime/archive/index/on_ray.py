"""Videos indexed by Ray Data, with an actor for each worker.

Each stretch that an actor commits is its own checkpoint: an actor that is killed, or a run that is
begun again, skips what is there. So Ray need not keep anything, and nothing is decoded by it.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from ...errors import StzsarError
from .work import Done, Indexer, Plan

# What Ray would do or say otherwise: send usage reports, hide the GPU from a worker that asked for
# none, and tell this terminal how Ray Data is doing. What fails is an exception all the same.
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_LOG_LEVEL": "ERROR",
}


class _Actor:
    """Indexes the videos of the rows that it gets."""

    def __init__(self, plan: Plan) -> None:
        self._indexer = Indexer(plan)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {name: [] for name in Done.__dataclass_fields__}
        for path in batch["path"]:
            try:
                done = self._indexer.index(str(path))
            except StzsarError as error:  # a row too: an exception would end the whole job
                done = Done(path=str(path), outcome="broken", error=str(error))
            for name, values in found.items():
                values.append(getattr(done, name))
        return found


def index_on_ray(plan: Plan, paths: Sequence[str], address: str, workers: int) -> Iterator[Done]:
    """Yield what became of each video, as it comes.

    Args:
        plan: how; its paths must mean the same on each machine.
        paths: the videos.
        address: "local", or where the cluster is.
        workers: actors, with one core each.

    Raises:
        StzsarError: Ray is missing, or the cluster cannot be reached.
    """
    if not paths:
        return
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise StzsarError(
            "--ray needs the package ray: run pip install '.[ray]' in stzsar's folder."
        ) from error
    for logger in ("ray", "ray.data"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Ray starts its daemons by fork and exec; nothing of lancedb runs between the two.
            warnings.filterwarnings("ignore", "lancedb fork support", RuntimeWarning)
            ray.init(
                address=None if address == "local" else address,
                include_dashboard=None if address != "local" else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
            )
    except Exception as error:  # it raises Exception itself where its daemons do not start
        why = " ".join(str(error).split()).rstrip(".")
        raise StzsarError(f"Ray cannot be reached at {address}: {why:.200}.") from error
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        rows = ray.data.from_items(
            [{"path": path} for path in paths], override_num_blocks=len(paths)
        )
        with warnings.catch_warnings():
            # Without a bound Ray gives a video that kills its actor to the next one for ever, and
            # there is no other way to say the bound.
            warnings.filterwarnings("ignore", ".*ray_remote_args", DeprecationWarning)
            done = rows.map_batches(
                _Actor,
                fn_constructor_args=(plan,),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=min(workers, len(paths))),
                num_cpus=1,
                max_restarts=3,
                max_task_retries=3,
            )
        for row in done.iter_rows():
            yield Done(**{name: row[name] for name in Done.__dataclass_fields__})
    finally:
        ray.shutdown()
