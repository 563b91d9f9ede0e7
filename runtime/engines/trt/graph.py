"""A bundle's graph in TensorRT: its engine is found or built, then run.

This is the way to TensorRT. `ort_tensorrt.py`, ONNX Runtime's provider, is the fallback for devices
where this one fails: there, fp16 is allowed operation by operation and not typed by the graph,
engines are not sealed, and inputs go through ONNX Runtime.

*Not verified on hardware.* The first run on a device decides whether the scores of all four graphs
match ONNX Runtime's within the export's tolerance in fp32 and fp16 (`stzsar-export --tensorrt`),
whether the estimates of memory in `preflight.py` hold on a Jetson, how long a build takes, and
whether a decision is faster than with the provider (`stzsar-bench`). If it is not, remove `trt/`.
"""

import dataclasses
import logging
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...bundle.bundle import BANK, read_manifest, sha256_of
from ...bundle.manifest import MAX_FRAMES
from ...errors import EngineError
from ...labels.bank import LabelBank
from ...labels.labels import MAX_ATTRIBUTES, MAX_LABELS
from ..cuda import Driver, Gpu, find_driver
from ..graph import Sizes
from .api import Report, is_rtx, load_tensorrt, target_of
from .build import BuildPlan, build_engine
from .execution import Execution, Placed
from .key import BANK_INPUTS, DEFAULT_STREAMS, MAX_STREAMS, EngineKey, Limits
from .preflight import free_memory, workspace_for
from .store import ENGINES, EngineStore

RTX_ENGINES = f"{ENGINES}/rtx"
_TIMINGS = "timings"
_LARGEST = Limits(
    streams=MAX_STREAMS, frames=MAX_FRAMES, labels=MAX_LABELS, attributes=MAX_ATTRIBUTES
)

Array = npt.NDArray[Any]
log = logging.getLogger(__name__)


class TrtGraph:
    """A graph of a bundle in TensorRT.

    Uses the engine in the bundle's `engines/` if it was built for this device, this TensorRT and
    this graph. Otherwise builds it from the ONNX file, which takes minutes.

    Attributes:
        inputs: names of the graph's inputs.
        outputs: names of its outputs.
        sizes: empty: an engine does not distinguish a fixed size from its largest.
        device: "tensorrt".
    """

    device = "tensorrt"

    def __init__(
        self,
        path: Path,
        *,
        constants: Mapping[str, Array] | None = None,
        trusted: bool = False,
        report: Report | None = None,
    ) -> None:
        """Load or build the engine.

        Args:
            path: the ONNX file, in its bundle.
            constants: what will be bound first, so that the engine has room for it; the bundle's
                own bank if None.
            trusted: whether to use engines that others made, which can run code.
            report: called with the share of a build that is done, and the name of the phase.

        Raises:
            EngineError: there is no TensorRT here, it refuses the graph, or memory is too small.
            BundleError: the graph is not in a bundle.
        """
        trt, driver = load_tensorrt(), find_driver()
        assert driver is not None  # load_tensorrt says so itself
        self._growing = threading.Lock()
        self._engines = Engines(trt, driver, path, trusted=trusted, report=report)
        self._execution = self._engines.open(self._engines.usual_limits(constants))
        self.inputs, self.outputs = self._execution.inputs, self._execution.outputs
        self.sizes: Mapping[str, Sizes] = {}

    def bind(
        self, constants: Mapping[str, Array], outputs: Collection[str] | None = None
    ) -> "BoundTrtGraph":
        """Put `constants` on the GPU, and return the graph that takes the rest.

        It returns `outputs`, or all if None; others stay on the GPU. More labels than the engine
        takes make it build a larger one; graphs that were bound before keep theirs.

        Raises:
            EngineError: a larger engine cannot be built.
        """
        needed = limits_of(constants)
        with self._growing:
            if not self._engines.limits.covers(needed):
                self._execution = self._engines.open(self._engines.limits.joined(needed))
            execution = self._execution
        return BoundTrtGraph(execution, execution.place(constants), outputs)

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph; `feeds` may hold more than the graph takes."""
        constants = {name: feeds[name] for name in BANK_INPUTS if name in feeds}
        return self.bind(constants)(feeds)


class BoundTrtGraph:
    """A graph whose constants are on the GPU."""

    def __init__(
        self, execution: Execution, placed: dict[str, Placed], outputs: Collection[str] | None
    ) -> None:
        self._execution, self._placed = execution, placed
        self._outputs = execution.outputs if outputs is None else tuple(outputs)
        self._fed = [name for name in execution.inputs if name not in placed]
        self._batched = [name for name in self._fed if name not in BANK_INPUTS]

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph, in several parts if there are more rows than the engine takes."""
        missing = [name for name in self._fed if name not in feeds]
        if missing:
            raise EngineError(f"The graph requires {missing[0]}, which is missing.")
        batch = max([len(feeds[name]) for name in self._batched], default=1)
        most = min([self._execution.largest[name][0] for name in self._batched], default=1)
        parts = []
        for start in range(0, max(1, batch), most):
            rows = {name: feeds[name][start : start + most] for name in self._batched}
            parts.append(self._execution.run(self._placed, {**feeds, **rows}, self._outputs))
        if len(parts) == 1:
            return parts[0]
        return {
            name: np.concatenate([part[name] for part in parts]) if first.ndim else first
            for name, first in parts[0].items()
        }


class Engines:
    """The engines of one graph on this device, found, or built and kept."""

    def __init__(
        self,
        trt: Any,
        driver: Driver,
        path: Path,
        *,
        trusted: bool = False,
        report: Report | None = None,
    ) -> None:
        self._trt, self._driver, self._path, self._report = trt, driver, path, report
        self._gpu = driver.gpu()
        folder = RTX_ENGINES if is_rtx(trt) else ENGINES
        self._store = EngineStore(path.parent, folder, trusted=trusted)
        self._manifest = read_manifest(path.parent)
        self._graph_sha256 = sha256_of(path)
        self.limits = Limits()

    def usual_limits(self, constants: Mapping[str, Array] | None) -> Limits:
        """Return what the labels in `constants` require, or the bundle's own if None."""
        if constants is None:
            constants = LabelBank.load(self._path.parent / BANK).arrays()
        return Limits(frames=self._manifest.sampling.frames).joined(limits_of(constants))

    def open(self, needed: Limits) -> Execution:
        """Return the engine for `needed`, from disk if one there serves."""
        key = self.key(needed)
        engine, reason = self._store.load(self._name, key)
        if engine is None:
            self.build(self._limits_to_build(needed), reason)
            engine, reason = self._store.load(self._name, key)
            if engine is None:
                raise EngineError(f"The engine of {self._path} is gone: {reason or 'removed'}.")
        found = self._store.read_key(self._name)
        self.limits = found[0].limits if found else needed
        return Execution(self._trt, self._driver, engine)

    def _limits_to_build(self, needed: Limits) -> Limits:
        """Return what a person chose before, if that is enough; else `needed` with some room."""
        built = self._store.read_key(self._name)
        if built is None or not _LARGEST.covers(built[0].limits):  # an implausible key file
            return dataclasses.replace(needed.roomy(), streams=DEFAULT_STREAMS)
        chosen = built[0].limits
        return chosen.joined(needed if chosen.covers(needed) else needed.roomy())

    def build(self, limits: Limits, reason: str = "") -> Path:
        """Build the engine for `limits` and keep it.

        Args:
            limits: the largest inputs.
            reason: why the existing engine cannot serve, as a clause.

        Returns:
            The engine's file.

        Raises:
            EngineError: memory is too small, TensorRT refuses the graph, or the disk is full.
        """
        if sha256_of(self._path) != self._graph_sha256:
            raise EngineError(f"{self._path} was changed since it was opened: start again.")
        free = free_memory(self._driver.free_bytes())
        workspace = workspace_for(self._path, limits, self._gpu, free)
        if reason:
            log.warning("Building the engine of %s again: %s.", self._path.name, reason)
        log.info("Building the engine of %s for %s takes minutes.", self._path.name, self._gpu.name)
        timings_key = dataclasses.replace(self.key(Limits()), graph="", precision="")
        plan = BuildPlan(
            limits=limits,
            workspace_bytes=workspace,
            timings=self._store.load(_TIMINGS, timings_key)[0] or b"",
            targets=(target_of(self._gpu.capability),) if is_rtx(self._trt) else (),
        )
        started = time.monotonic()
        report = self._report or (lambda _share, _phase: None)
        engine, timings = build_engine(self._trt, self._path, plan, report=report)
        path = self._store.keep(self._name, self.key(limits), engine)
        if timings:
            self._store.keep(_TIMINGS, timings_key, timings)
        log.info("Built %s in %.0f s.", path, time.monotonic() - started)
        return path

    def key(self, limits: Limits) -> EngineKey:
        """Return the key of an engine for `limits` on this device."""
        capability = self._gpu.capability
        gpu = None if is_rtx(self._trt) else self._gpu
        return make_key(
            self._trt,
            self._graph_sha256,
            self._manifest.precision,
            limits,
            capability=capability,
            gpu=gpu,
        )

    @property
    def _name(self) -> str:
        return self._path.stem


def make_key(
    trt: Any, graph: str, precision: str, limits: Limits, *, capability: str, gpu: Gpu | None
) -> EngineKey:
    """Return an engine's key; without a GPU, that of an engine that moves between GPUs."""
    return EngineKey(
        family=trt.__name__,
        version=trt.__version__,
        capability=capability,
        device=gpu.name if gpu else "",
        cuda=gpu.cuda if gpu else "",
        driver=gpu.driver if gpu else "",
        l4t=gpu.l4t if gpu else "",
        graph=graph,
        precision=precision,
        limits=limits,
    )


def limits_of(arrays: Mapping[str, Array]) -> Limits:
    """Return how many labels and attributes a bank has; 1 where its arrays are absent."""
    labels = max((len(arrays[name]) for name in BANK_INPUTS if name in arrays), default=1)
    words = max((arrays[n].shape[1] for n in BANK_INPUTS[1:] if n in arrays), default=1)
    return Limits(labels=max(1, labels), attributes=max(1, words))
