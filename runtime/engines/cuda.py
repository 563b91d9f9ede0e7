"""The CUDA driver through ctypes: the GPU, its memory, streams and copies.

By ctypes and not by a library: libcuda.so.1 is wherever an NVIDIA GPU works, while cuda-python or
CuPy bring a toolkit of one CUDA version, and JetPack has its own. We need ten functions. TensorRT's
runtime crashes the process without a driver, so call `find_driver` before it.
"""

import ctypes
import functools
from collections.abc import Callable
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ..errors import EngineError
from ..jetson import first_line, jetson_linux

_LIBRARY = "libcuda.so.1"
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76
_DRIVER_VERSION = Path("/sys/module/nvidia/version")

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Gpu:
    """The first GPU, as the driver describes it."""

    name: str  # such as "Orin" or "NVIDIA GeForce RTX 4060"
    capability: str  # compute capability, "8.7"
    cuda: str  # the newest CUDA that the driver supports, "12.6"
    driver: str  # the driver's own version; "unknown" where the system does not report it
    l4t: str  # release of Jetson Linux, "36.4.3", which names the JetPack; "" on other machines
    total_bytes: int  # its memory; on a Jetson, that of the whole board

    @property
    def shares_memory(self) -> bool:
        """Whether GPU and CPU use the same memory, as on every Jetson."""
        return bool(self.l4t)


class Driver:
    """The loaded driver with the first GPU's primary context, which TensorRT uses too."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._device = c_int()
        self.call("cuDeviceGet", byref(self._device), 0)
        self._context: c_void_p | None = None

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the driver; raise EngineError if it fails."""
        code = getattr(self._library, name)(*arguments)
        if code:
            text = c_char_p()
            self._library.cuGetErrorString(code, byref(text))
            reason = (text.value or b"unknown error").decode(errors="replace")
            raise EngineError(f"The CUDA driver failed in {name}: {reason} ({code}).")

    def enter(self) -> None:
        """Make the GPU's context current in the calling thread; each thread must call this."""
        if self._context is None:
            context = c_void_p()
            self.call("cuDevicePrimaryCtxRetain", byref(context), self._device)
            self._context = context
        self.call("cuCtxSetCurrent", self._context)

    def gpu(self) -> Gpu:
        """Describe the GPU."""
        name = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", name, 256, self._device)
        total = c_size_t()
        self.call("cuDeviceTotalMem_v2", byref(total), self._device)
        major, minor = map(self._attribute, (_CAPABILITY_MAJOR, _CAPABILITY_MINOR))
        cuda = c_int()
        self.call("cuDriverGetVersion", byref(cuda))
        return Gpu(
            name=name.value.decode(errors="replace"),
            capability=f"{major}.{minor}",
            cuda=f"{cuda.value // 1000}.{cuda.value % 1000 // 10}",
            driver=first_line(_DRIVER_VERSION) or "unknown",
            l4t=jetson_linux(),
            total_bytes=total.value,
        )

    def free_bytes(self) -> int:
        """Return how much of the GPU's memory is free."""
        self.enter()
        free, total = c_size_t(), c_size_t()
        self.call("cuMemGetInfo_v2", byref(free), byref(total))
        return free.value

    def _attribute(self, which: int) -> int:
        value = c_int()
        self.call("cuDeviceGetAttribute", byref(value), which, self._device)
        return value.value


class Buffer:
    """GPU memory that grows on demand; freed with the object."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._size = 0
        self.address = 0

    def reserve(self, size: int) -> None:
        """Hold at least `size` bytes; growing loses the content."""
        if size <= self._size:
            return
        self._free()
        address = c_uint64()
        self._driver.call("cuMemAlloc_v2", byref(address), c_size_t(size))
        self.address, self._size = address.value, size

    def _free(self) -> None:
        if self.address:
            address, self.address, self._size = self.address, 0, 0
            self._driver.call("cuMemFree_v2", c_uint64(address))

    def __del__(self) -> None:
        try:
            self._driver.enter()
            self._free()
        except EngineError:  # the process is ending and the driver is gone
            pass


class Stream:
    """A queue of work on the GPU."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        handle = c_void_p()
        driver.call("cuStreamCreate", byref(handle), 0)
        self.handle = handle.value or 0

    def upload(self, array: Array, buffer: Buffer) -> None:
        """Copy a contiguous array into `buffer`; keep both until `wait`."""
        buffer.reserve(array.nbytes)
        to, size = c_uint64(buffer.address), c_size_t(array.nbytes)
        self._driver.call(
            "cuMemcpyHtoDAsync_v2", to, c_void_p(array.ctypes.data), size, c_void_p(self.handle)
        )

    def download(self, buffer: Buffer, array: Array) -> None:
        """Copy `buffer` into a contiguous array, which is filled after `wait`."""
        size = c_size_t(array.nbytes)
        self._driver.call(
            "cuMemcpyDtoHAsync_v2",
            c_void_p(array.ctypes.data),
            c_uint64(buffer.address),
            size,
            c_void_p(self.handle),
        )

    def wait(self) -> None:
        """Wait until all of it is done."""
        self._driver.call("cuStreamSynchronize", c_void_p(self.handle))

    def __del__(self) -> None:
        try:
            self._driver.enter()
            self._driver.call("cuStreamDestroy_v2", c_void_p(self.handle))
        except (AttributeError, EngineError):  # never created, or the driver is gone
            pass


@functools.cache
def find_driver() -> Driver | None:
    """Return the driver if there is one with a GPU, else None; cached."""
    return open_driver(ctypes.CDLL)


def open_driver(load: Callable[[str], Any]) -> Driver | None:
    """Return the driver that `load` loads, or None if there is none, or no GPU."""
    try:
        library = load(_LIBRARY)
        count = c_int()
        if library.cuInit(0) or library.cuDeviceGetCount(byref(count)) or not count.value:
            return None
        return Driver(library)
    except (OSError, AttributeError, EngineError):  # no library, another one, or a broken GPU
        return None
