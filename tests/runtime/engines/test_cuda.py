"""The driver through ctypes, on a fake one; and the check that a build has enough memory."""

import dataclasses
import os

import pytest

from stzsar.runtime import jetson
from stzsar.runtime.engines import cuda
from stzsar.runtime.engines.trt import preflight as trt_preflight
from stzsar.runtime.engines.trt.key import Limits
from stzsar.runtime.errors import EngineError


@pytest.mark.parametrize(
    "broken",
    [
        lambda name: (_ for _ in ()).throw(OSError("no such file")),
        lambda name: type("Driver", (), {"cuInit": lambda self, flags: 100})(),
        lambda name: type("NoDriver", (), {})(),
    ],
)
def test_no_library_no_gpu_or_another_library_is_no_driver(broken):
    assert cuda.open_driver(broken) is None


def test_the_driver_describes_the_gpu(fake_gpu, monkeypatch):
    driver = cuda.open_driver(lambda name: fake_gpu.FakeCuda())
    assert driver
    found = driver.gpu()
    assert (found.name, found.capability, found.cuda) == ("Orin", "8.7", "12.6")
    assert driver.free_bytes() == 8 << 30
    line = "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64"
    assert jetson.l4t_release(line) == "36.4.3"
    assert jetson.l4t_release("") == ""


def test_gpu_memory_is_given_back(fake_gpu):
    library = fake_gpu.FakeCuda()
    driver = cuda.Driver(library)
    buffer = cuda.Buffer(driver)
    buffer.reserve(10)
    buffer.reserve(1000)
    assert len(library.blocks) == 1
    del buffer
    assert not library.blocks


ORIN = cuda.Gpu("Orin", "8.7", "12.6", "540.4.0", "36.4.3", 8 << 30)
DESKTOP = dataclasses.replace(ORIN, l4t="")


def test_on_a_jetson_one_memory_serves_both_and_swap_helps(tmp_path):
    graph, limits = tmp_path / "frame.onnx", Limits(streams=4, frames=8, labels=512, attributes=16)
    graph.write_bytes(b"")
    os.truncate(graph, 350 << 20)

    def workspace(gpu, host, swap, free):
        memory = trt_preflight.FreeMemory(host << 20, swap << 20, free << 20)
        return trt_preflight.workspace_for(graph, limits, gpu, memory) >> 20

    assert workspace(DESKTOP, 4000, 0, 4000) > 1000
    with pytest.raises(EngineError, match="sudo swapon"):
        workspace(ORIN, 3000, 0, 3000)
    assert workspace(ORIN, 3000, 4000, 3000) >= 128
    with pytest.raises(EngineError, match="sudo swapon"):
        workspace(DESKTOP, 1000, 0, 4000)
