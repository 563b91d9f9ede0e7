"""Many videos into an archive: in this process, in several, or on Ray."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...bundle.bundle import Bundle, open_default_bundle
from ...bundle.manifest import PATCH_EMBEDDINGS
from ...errors import SourceError, StzsarError
from ..store.archive import Archive
from ..store.columns import columns_of
from ..store.schema import Sampling
from .encoding import BATCH, FrameEncoder
from .options import DEFAULT_PATCHES, DEFAULT_STRETCH_S, IndexOptions
from .videos import Found, find_videos
from .work import Done, Indexer, Plan

# A video is given to another process so often if the one that had it dies.
_TRIES = 4
_DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one camera costs in a day.

    Attributes:
        rate_fps: frames a second.
        disk_bytes: rows without an index.
        cpu_hours: of encoding, as measured on a batch here; decoding comes on top.
    """

    rate_fps: float
    disk_bytes: float
    cpu_hours: float


@dataclass(frozen=True, kw_only=True)
class Ready:
    """Videos that are to be indexed.

    Attributes:
        plan: how.
        paths: which ones are not in the archive yet.
        there: how many are.
        broken: why some of those are not whole, a sentence each.
        cost: of a camera and day.
        encoder: the loaded graph; None where other processes encode.
    """

    plan: Plan
    paths: tuple[str, ...]
    there: int
    broken: tuple[str, ...]
    cost: Cost
    encoder: FrameEncoder | None


def prepare(options: IndexOptions) -> Ready:
    """Open everything once, and look which videos are new.

    Raises:
        StzsarError: a video, the bundle or the archive cannot be used.
    """
    videos = find_videos(options.videos)
    bundle = Bundle.open(options.bundle) if options.bundle else open_default_bundle()
    encoder = FrameEncoder(bundle, threads=options.threads, engine=options.engine)
    archive = Archive(options.archive, storage=options.storage)
    sampling = _sampling(options, archive, bundle)
    own = archive.use(bundle.manifest, sampling, encoder.dim)
    share = max(1, (os.cpu_count() or 1) // options.workers)
    spread = options.workers > 1 or options.ray is not None
    plan = Plan(
        archive=options.archive,
        bundle=bundle.path,
        sampling=sampling,
        storage=options.storage,
        gate=options.motion_gate,
        still_s=options.still_s,
        # A network on one thread for each core does more than all cores on each network.
        threads=options.threads or (1 if options.ray else share if spread else 0),
        engine=options.engine,
    )
    settings = plan.settings(own)
    # A path may have several rows, one for each content that it had; "partial" was never finished.
    known = {
        (one.path, one.size, one.mtime): one.error
        for one in archive.videos()
        if one.settings == settings and one.state != "partial"
    }
    new: list[str] = []
    broken: list[str] = []
    for path in videos:
        try:
            found = Found.at(path)
        except SourceError:
            new.append(str(path.absolute()))
            continue
        error = known.get((found.path, found.size, found.mtime))
        if error is None:
            new.append(found.path)
        elif error:
            broken.append(error)
    return Ready(
        plan=plan,
        paths=tuple(new),
        there=len(videos) - len(new),
        broken=tuple(broken),
        cost=_cost(encoder, sampling),
        encoder=None if spread else encoder,
    )


def index(
    ready: Ready, options: IndexOptions, on_stretch: Callable[[float], None]
) -> Iterator[Done]:
    """Index videos; yield what became of each, as it comes.

    Args:
        ready: from `prepare`.
        options: the same.
        on_stretch: called with the seconds of video that were committed.

    Raises:
        StzsarError: the archive or the engine fails.
    """
    if options.ray is not None:
        from .on_ray import index_on_ray

        found = index_on_ray(ready.plan, ready.paths, options.ray, options.workers)
    elif options.workers > 1:
        found = _in_processes(ready.plan, ready.paths, options.workers)
    else:
        indexer = Indexer(ready.plan, ready.encoder)
        yield from (indexer.index(path, on_stretch) for path in ready.paths)
        return
    for done in found:
        on_stretch(done.seconds)
        yield done


def _sampling(options: IndexOptions, archive: Archive, bundle: Bundle) -> Sampling:
    there = archive.sampling(bundle.manifest)
    usual = there or Sampling(
        rate_fps=bundle.manifest.sampling.rate_fps,
        stretch_s=DEFAULT_STRETCH_S,
        patches=DEFAULT_PATCHES,
    )
    return Sampling(
        rate_fps=options.rate_fps or usual.rate_fps,
        stretch_s=options.stretch_s or usual.stretch_s,
        patches=options.patches or usual.patches,
    )


def _cost(encoder: FrameEncoder, sampling: Sampling) -> Cost:
    manifest = encoder.bundle.manifest
    side, columns = manifest.pixels.size_px, columns_of(manifest)
    images = np.zeros((BATCH, side, side, 3), np.uint8)
    encoder.encode(images)  # the first run allocates
    start_s = time.process_time()
    values = encoder.encode(images)
    cpu_s = (time.process_time() - start_s) / BATCH
    numbers = sum(
        values[name][0].size
        if name != PATCH_EMBEDDINGS
        else min(sampling.patches, values[name].shape[1]) * encoder.dim
        for name in columns
    )
    frames = sampling.rate_fps * _DAY_S
    return Cost(
        rate_fps=sampling.rate_fps,
        disk_bytes=frames * (2 * numbers + 32),
        cpu_hours=frames * cpu_s / 3600,
    )


_indexer: Indexer | None = None


def _begin(plan: Plan) -> None:
    global _indexer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _indexer = Indexer(plan)


def _end_with_parent() -> None:
    """End this process when the one that began it is killed: it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)


def _index_one(path: str) -> Done:
    assert _indexer
    return _indexer.index(path)


def _in_processes(plan: Plan, paths: Sequence[str], workers: int) -> Iterator[Done]:
    """Index in several processes; begin them again if one is killed."""
    left = dict.fromkeys(paths, 0)
    while left:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(plan,))
        running: dict[Any, str] = {}
        try:
            waiting = iter(list(left))
            while True:
                while len(running) < workers and (path := next(waiting, None)) is not None:
                    running[pool.submit(_index_one, path)] = path
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    done = future.result()
                    del left[running.pop(future)]
                    yield done
        except BrokenProcessPool as error:
            for path in running.values():
                left[path] += 1
                if left[path] >= _TRIES:
                    raise StzsarError(
                        f"A worker died {_TRIES} times while it indexed {path}: look whether the "
                        "memory is enough, or leave that video out."
                    ) from error
        finally:
            for process in list((pool._processes or {}).values()):
                process.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
