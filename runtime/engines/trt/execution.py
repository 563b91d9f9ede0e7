"""Runs a deserialised engine: buffers on the GPU, one run at a time."""

import threading
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import EngineError
from ..cuda import Buffer, Driver, Stream
from .api import make_log

Array = npt.NDArray[Any]


class Placed:
    """An array that stays on the GPU."""

    def __init__(self, array: Array, buffer: Buffer) -> None:
        self.shape = array.shape
        self.buffer = buffer


class Execution:
    """An engine with its context; `largest` has the largest shape of each input."""

    def __init__(self, trt: Any, driver: Driver, engine: bytes) -> None:
        """Deserialise an engine that was built here, see `store`.

        Raises:
            EngineError: TensorRT refuses it, or the GPU is out of memory.
        """
        driver.enter()
        self._driver = driver
        self._log = make_log(trt)
        self._runtime = trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(engine)
        if self._engine is None:
            raise EngineError(
                f"TensorRT refuses the engine that it built ({self._reason()}): remove the folder "
                "engines/ of the bundle and run again."
            )
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise EngineError(f"The engine does not fit on the GPU: {self._reason()}.")
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        modes = {name: self._engine.get_tensor_mode(name) for name in names}
        self.inputs = tuple(n for n in names if modes[n] == trt.TensorIOMode.INPUT)
        self.outputs = tuple(n for n in names if modes[n] == trt.TensorIOMode.OUTPUT)
        self._types = {n: np.dtype(trt.nptype(self._engine.get_tensor_dtype(n))) for n in names}
        self.largest = {
            name: tuple(self._engine.get_tensor_profile_shape(name, 0)[2]) for name in self.inputs
        }
        self._stream = Stream(driver)
        self._buffers = {name: Buffer(driver) for name in names}
        self._lock = threading.Lock()

    def place(self, constants: Mapping[str, Array]) -> dict[str, Placed]:
        """Put the inputs among `constants` on the GPU, where they stay."""
        with self._lock:
            self._driver.enter()
            placed, arrays = {}, []
            for name in self.inputs:
                if name in constants:
                    array, buffer = self._checked(name, constants[name]), Buffer(self._driver)
                    self._stream.upload(array, buffer)
                    placed[name] = Placed(array, buffer)
                    arrays.append(array)  # kept until the copies are done
            self._stream.wait()
            return placed

    def run(
        self, placed: Mapping[str, Placed], feeds: Mapping[str, Array], wanted: Collection[str]
    ) -> dict[str, Array]:
        """Run once, with the placed inputs and the others from `feeds`.

        Only the outputs in `wanted` are copied from the GPU.

        Raises:
            EngineError: an input is missing, of another type or too large, or the run fails.
        """
        with self._lock:
            self._driver.enter()
            arrays = []
            for name in self.inputs:
                if name in placed:
                    self._connect(name, placed[name].buffer, placed[name].shape)
                    continue
                array = self._checked(name, feeds[name])
                self._stream.upload(array, self._buffers[name])
                self._connect(name, self._buffers[name], array.shape)
                arrays.append(array)
            results = {name: self._result(name) for name in self.outputs}
            if not self._context.execute_async_v3(self._stream.handle):
                raise EngineError(f"TensorRT failed: {self._reason()}.")
            results = {name: array for name, array in results.items() if name in wanted}
            for name, array in results.items():
                self._stream.download(self._buffers[name], array)
            self._stream.wait()
            return results

    def _connect(self, name: str, buffer: Buffer, shape: tuple[int, ...]) -> None:
        if not self._context.set_input_shape(name, shape):
            raise EngineError(
                f"TensorRT refuses {name} {list(shape)}: its engine takes up to "
                f"{list(self.largest[name])}."
            )
        self._context.set_tensor_address(name, buffer.address)

    def _result(self, name: str) -> Array:
        """Allocate an output on the GPU and here."""
        shape = tuple(self._context.get_tensor_shape(name))
        if any(size < 0 for size in shape):
            raise EngineError(f"TensorRT does not know the shape of {name}: {self._reason()}.")
        array = np.empty(shape, self._types[name])
        self._buffers[name].reserve(max(1, array.nbytes))
        self._context.set_tensor_address(name, self._buffers[name].address)
        return array

    def _checked(self, name: str, array: Array) -> Array:
        if array.dtype != self._types[name]:
            raise EngineError(f"{name} is {array.dtype} and the engine takes {self._types[name]}.")
        return np.ascontiguousarray(array).reshape(array.shape)

    def _reason(self) -> str:
        return " ".join(self._log.errors[-1].split()) if self._log.errors else "it gives no reason"
