"""Builds a bundle's TensorRT engines at export instead of in the first run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..runtime.bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle, sha256_of
from ..runtime.engines.cuda import find_driver
from ..runtime.engines.trt.api import Report, load_rtx, load_tensorrt
from ..runtime.engines.trt.build import BuildPlan, build_engine
from ..runtime.engines.trt.graph import RTX_ENGINES, Engines, limits_of, make_key
from ..runtime.engines.trt.key import Limits
from ..runtime.engines.trt.store import EngineStore
from ..runtime.errors import EngineError

# The graphs that have engines.
GRAPHS = (FRAME_GRAPH, WINDOW_GRAPH)


def device_engines(bundle: Bundle, *, streams: int, labels: int | None, report: Report) -> Path:
    """Build the engines for this machine's GPU, and return their folder.

    An engine takes up to `streams` frames at once; `labels` None leaves room for more than the
    bundle has. `report` gets the share of a graph's build that is done, and its phase.

    Raises:
        EngineError: TensorRT is not installed, refuses a graph, or is out of memory.
    """
    trt, driver = load_tensorrt(), find_driver()
    assert driver is not None  # load_tensorrt raises without one
    limits = limits_for(bundle, streams, labels)
    paths = [
        Engines(trt, driver, bundle.path / name, report=report).build(limits) for name in GRAPHS
    ]
    return paths[0].parent


def rtx_engines(
    bundle: Bundle,
    targets: tuple[str, ...],
    *,
    streams: int,
    labels: int | None,
    report: Report,
    listen: Callable[[str], None] | None = None,
) -> Path:
    """Compile the engines for RTX cards, without a GPU, and return their folder.

    Targets are compute capabilities, such as "sm86"; `listen` gets every message of the compiler.
    The rest is as in `device_engines`.

    Raises:
        EngineError: TensorRT-RTX is not installed, or refuses a graph.
    """
    trt: Any = load_rtx()
    store = EngineStore(bundle.path, RTX_ENGINES)
    plan = BuildPlan(limits=limits_for(bundle, streams, labels), targets=targets)
    capability = ",".join(f"{target[2:-1]}.{target[-1]}" for target in targets)
    precision = bundle.manifest.precision
    for name in GRAPHS:
        path = bundle.path / name
        engine, _ = build_engine(trt, path, plan, report=report, listen=listen)
        key = make_key(
            trt, sha256_of(path), precision, plan.limits, capability=capability, gpu=None
        )
        store.keep(path.stem, key, engine)
    return store.folder


def limits_for(bundle: Bundle, streams: int, labels: int | None) -> Limits:
    """Return the sizes that the bundle's engines must support.

    Raises:
        EngineError: the bundle has more labels than `labels`.
    """
    window = Limits(streams=streams, frames=bundle.manifest.sampling.frames)
    needed = window.joined(limits_of(bundle.bank.arrays()))
    roomy = needed.roomy()
    if labels is None:
        return roomy
    if labels < needed.labels:
        raise EngineError(
            f"--max-labels {labels} is less than the {needed.labels} labels of the bundle. Export "
            "it with fewer labels, with --labels."
        )
    return needed.joined(Limits(labels=labels, attributes=roomy.attributes))
