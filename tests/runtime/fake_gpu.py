"""A GPU's driver and a TensorRT that run nothing, and have no name that the real ones lack.

What stands here is what a machine without a GPU can check: which functions are called, in which
order, with which names, shapes, bytes and addresses. Numbers of a real engine are not among it.
"""

import ctypes
import json
import types
from pathlib import Path

import numpy as np

VERSIONS = json.loads((Path(__file__).parent / "tensorrt_names.json").read_text())["versions"]
TYPES = {"UINT8": np.uint8, "FLOAT": np.float32, "BOOL": np.bool_, "INT64": np.int64}


class FakeCuda:
    """libcuda.so.1 whose GPU memory is this process's memory."""

    def __init__(self, name=b"Orin", capability=(8, 7), cuda=12060, free=8 << 30):
        self.name, self.capability, self.cuda, self.free = name, capability, cuda, free
        self.blocks = {}
        self.copies_up = self.copies_down = 0

    def cuInit(self, flags):  # noqa: N802
        return 0

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = 1
        return 0

    def cuDeviceGetName(self, text, size, device):  # noqa: N802
        text.value = self.name
        return 0

    def cuDeviceTotalMem_v2(self, total, device):  # noqa: N802
        total._obj.value = 16 << 30
        return 0

    def cuDeviceGetAttribute(self, value, which, device):  # noqa: N802
        value._obj.value = self.capability[which - 75]
        return 0

    def cuDriverGetVersion(self, value):  # noqa: N802
        value._obj.value = self.cuda
        return 0

    def cuMemGetInfo_v2(self, free, total):  # noqa: N802
        free._obj.value = self.free
        return 0

    def cuMemAlloc_v2(self, address, size):  # noqa: N802
        block = ctypes.create_string_buffer(size.value)
        address._obj.value = ctypes.addressof(block)
        self.blocks[address._obj.value] = block
        return 0

    def cuMemFree_v2(self, address):  # noqa: N802
        del self.blocks[address.value]
        return 0

    def cuMemcpyHtoDAsync_v2(self, to, source, size, stream):  # noqa: N802
        self.copies_up += 1
        ctypes.memmove(to.value, source.value, size.value)
        return 0

    def cuMemcpyDtoHAsync_v2(self, to, source, size, stream):  # noqa: N802
        self.copies_down += 1
        ctypes.memmove(to.value, source.value, size.value)
        return 0

    def __getattr__(self, name):
        if name in {
            *("cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent", "cuStreamCreate"),
            *("cuStreamSynchronize", "cuStreamDestroy_v2"),
        }:
            return lambda *arguments: 0
        raise AttributeError(name)


def read(address, shape, dtype):
    """Return a copy of what lies at an address of the fake GPU."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(ctypes.string_at(address, size), dtype).reshape(shape)


def fake_tensorrt(version, network):
    """Return a module with the names of a real version.

    Args:
        version: one of VERSIONS.
        network: dict with `inputs` and `outputs`, each {name: (type, shape)}, `compute`, a function
            from the inputs' arrays to the outputs', and `refuses`, a parser's reason or None.
    """
    names = VERSIONS[version]
    name = "tensorrt_rtx" if version.startswith("rtx") else "tensorrt"

    def strict(kind, *parents, **members):
        """A class of which no attribute can be read or set that is not recorded."""
        recorded = set(names[kind])
        unknown = {m for m in members if not m.startswith("_")} - recorded
        assert not unknown, f"the fake {kind} of {version} has {unknown}"

        def check(self, attribute):
            if not attribute.startswith("_") and attribute not in recorded:
                raise AttributeError(f"{kind} of TensorRT {version} has no {attribute}")

        def get(self, attribute):
            check(self, attribute)
            return object.__getattribute__(self, attribute)

        def put(self, attribute, value):
            check(self, attribute)
            object.__setattr__(self, attribute, value)

        return type(kind, parents, {"__getattribute__": get, "__setattr__": put, **members})

    def flags(kind):
        return type(kind, (), {member: place for place, member in enumerate(names[kind])})

    made = types.ModuleType(name)
    calls = network.setdefault("calls", [])
    types_by_number = dict(enumerate(names["DataType"]))
    numbers = {t: n for n, t in types_by_number.items()}
    tensors = {**network["inputs"], **network["outputs"]}

    def profile_init(self):
        self._shapes = {}

    def set_shape(self, tensor, smallest, usual, largest):
        self._shapes[tensor] = (smallest, usual, largest)

    def add_profile(self, profile):
        self._shapes = profile._shapes
        return 0

    def get_input(self, index):
        tensor = list(network["inputs"])[index]
        kind, shape = network["inputs"][tensor]
        return strict_tensor(tensor, kind, shape)

    def strict_tensor(tensor, kind, shape):
        made_tensor = strict("ITensor")()
        made_tensor.name, made_tensor.shape, made_tensor.dtype = tensor, shape, numbers[kind]
        return made_tensor

    def parser_init(self, net, log):
        self._log = log

    def parse(self, data):
        calls.append(("parse", data))
        return not network.get("refuses")

    def builder_init(self, log):
        self._log = log

    def create_network(self, flags_given):
        calls.append(("flags", flags_given))
        return strict(
            "INetworkDefinition", get_input=get_input, num_inputs=len(network["inputs"])
        )()

    def build(self, net, config):
        monitor = config.progress_monitor
        monitor.phase_start("Building", None, 2)
        monitor.phase_start("Part", "Building", 2)
        for step in range(2):
            if not monitor.step_complete("Part", step):
                return None
        monitor.phase_finish("Part")
        monitor.step_complete("Building", 1)
        monitor.phase_finish("Building")
        calls.append(("profile", config._shapes))
        return json.dumps({k: [list(s) for s in v] for k, v in config._shapes.items()}).encode()

    timing = strict("ITimingCache", serialize=lambda self: b"timings")
    config = strict(
        "IBuilderConfig",
        add_optimization_profile=add_profile,
        set_memory_pool_limit=lambda self, pool, size: calls.append(("workspace", size)),
        create_timing_cache=lambda self, data: calls.append(("timings", data)) or timing(),
        set_timing_cache=lambda self, cache, ignore: True,
        **(
            {"set_compute_capability": lambda self, sm, i: calls.append(("target", sm, i)) or True}
            if name == "tensorrt_rtx"
            else {}
        ),
    )
    profile = strict("IOptimizationProfile", __init__=profile_init, set_shape=set_shape)

    def engine_of(data):
        shapes = json.loads(data)
        order = list(tensors)
        return strict(
            "ICudaEngine",
            num_io_tensors=len(order),
            get_tensor_name=lambda self, index: order[index],
            get_tensor_mode=lambda self, tensor: (
                made.TensorIOMode.INPUT if tensor in network["inputs"] else made.TensorIOMode.OUTPUT
            ),
            get_tensor_dtype=lambda self, tensor: numbers[tensors[tensor][0]],
            get_tensor_profile_shape=lambda self, tensor, index: shapes[tensor],
            create_execution_context=lambda self: context_of(shapes),
        )()

    def context_of(limits):
        shapes, addresses = {}, {}

        def set_input_shape(self, tensor, shape):
            shapes[tensor] = shape
            largest = limits[tensor][2]
            return all(0 < s <= m for s, m in zip(shape, largest, strict=True))

        def inputs():
            return {
                t: read(addresses[t], shapes[t], TYPES[kind])
                for t, (kind, _) in network["inputs"].items()
            }

        def get_tensor_shape(self, tensor):
            zeros = {t: np.zeros(shapes[t], TYPES[k]) for t, (k, _) in network["inputs"].items()}
            return network["compute"](zeros)[tensor].shape

        def execute(self, stream):
            for tensor, array in network["compute"](inputs()).items():
                array = np.ascontiguousarray(array)
                ctypes.memmove(addresses[tensor], array.ctypes.data, array.nbytes)
            return True

        return strict(
            "IExecutionContext",
            set_input_shape=set_input_shape,
            set_tensor_address=lambda self, tensor, at: addresses.update({tensor: at}) or True,
            get_tensor_shape=get_tensor_shape,
            execute_async_v3=execute,
        )()

    def deserialize(self, data):
        calls.append(("deserialize", data))
        return engine_of(data)

    made.__dict__.update(
        __version__=names["__version__"],
        ILogger=type("ILogger", (), {n: i for i, n in enumerate(names["ILogger"]) if n.isupper()}),
        IProgressMonitor=type("IProgressMonitor", (), {}),
        TensorIOMode=flags("TensorIOMode"),
        NetworkDefinitionCreationFlag=flags("NetworkDefinitionCreationFlag"),
        MemoryPoolType=flags("MemoryPoolType"),
        nptype=lambda number: TYPES[types_by_number[number]],
        Builder=strict(
            "Builder",
            __init__=builder_init,
            create_network=create_network,
            create_builder_config=lambda self: config(),
            create_optimization_profile=lambda self: profile(),
            build_serialized_network=build,
        ),
        OnnxParser=strict(
            "OnnxParser",
            __init__=parser_init,
            parse=parse,
            num_errors=1 if network.get("refuses") else 0,
            get_error=lambda self, index: network["refuses"],
        ),
        Runtime=strict("Runtime", __init__=builder_init, deserialize_cuda_engine=deserialize),
    )
    if name == "tensorrt_rtx":
        made.__dict__["ComputeCapability"] = flags("ComputeCapability")
    missing = {n for n in vars(made) if not n.startswith("_")} - set(names["module"])
    assert not missing, f"the fake module of {version} has {missing}"
    return made
