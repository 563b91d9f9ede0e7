"""The peers, the packages of their environments, and the options of the comparison."""

import os
from dataclasses import dataclass
from pathlib import Path

from ...runtime.errors import StzsarError
from ...runtime.terminal.outputs import check_writable
from ..bench.sources import SHIPPED_CLIP
from ..tools.plotting import check_plot

OWN = "own"
STREAMING = "stzsar-streaming"
# Packages of each environment; few environments, since torch alone takes gigabytes.
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "torch": (
        "torch",
        "torchvision",
        "transformers",
        "open_clip_torch",
        "opencv-python-headless",
        "onnx",
        "onnxscript",
    ),
    "onnxruntime": ("onnxruntime", "opencv-python-headless", "numpy"),
    "openvino": ("openvino", "opencv-python-headless", "numpy"),
}


@dataclass(frozen=True)
class Peer:
    name: str  # for options and records
    title: str  # what it is, with what a decision encodes
    environment: str  # OWN or one of ENVIRONMENTS
    script: tuple[str, ...]  # file in `workers`, and its second argument if it has one
    needs: str  # the file that it loads, see `materials`


_EXAMPLE = "X-CLIP, PyTorch, as in ultralytics' example: T frames and all labels"
_ONCE = "X-CLIP, PyTorch, labels encoded once: T frames"
_TOWER, _MEAN = "the same encoder", "mean of T frames"
PEERS = (
    Peer(STREAMING, "stzsar, streaming: 1 frame", OWN, ("own", "streaming"), "bundle"),
    Peer("stzsar-windows", "stzsar, whole windows: T frames", OWN, ("own", "windows"), "bundle"),
    Peer("xclip", _EXAMPLE, "torch", ("xclip", "example"), "xclip"),
    Peer("xclip-once", _ONCE, "torch", ("xclip", "once"), "xclip"),
    Peer("open_clip", f"open_clip, PyTorch, {_MEAN}", "torch", ("openclip",), "open_clip"),
    Peer("onnxruntime", f"{_TOWER}, ONNX Runtime, {_MEAN}", "onnxruntime",
         ("graph", "onnxruntime"), "tower"),
    Peer("openvino", f"{_TOWER}, OpenVINO as installed, {_MEAN}", "openvino",
         ("graph", "openvino"), "tower"),
    Peer("openvino-fp32", f"{_TOWER}, OpenVINO in fp32, {_MEAN}", "openvino",
         ("graph", "openvino-fp32"), "tower"),
    Peer("swin3d", "Swin3D-S, torchvision, closed vocabulary: T frames", "torch", ("closed",),
         "swin3d"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options:
    clips: str = SHIPPED_CLIP  # videos: a file, folder or pattern
    backbone: str = "ViT-B-32"
    labels: int = 400
    frames: int = 8
    threads: int = 0  # CPU threads of each peer; 0 is one per core
    rounds: int = 30
    turn_s: float = 2.0
    environments: Path = Path(".venvs/peers")  # where they are kept, with the weights
    interpreters: tuple[str, ...] = ()  # NAME=PATH, for environments that exist already
    only: tuple[str, ...] = ()  # names of peers; () takes all
    json: Path | None = None  # where to write every measured time
    plot: Path | None = None

    def __post_init__(self) -> None:
        names = [peer.name for peer in PEERS]
        for name in self.only:
            if name not in names:
                raise StzsarError(f"There is no peer {name}: choose from {', '.join(names)}.")
        for text in self.interpreters:
            name, _, path = text.partition("=")
            if not path or name not in ENVIRONMENTS:
                raise StzsarError(
                    f"--python {text} is not NAME=PATH with one of the environments "
                    f"{', '.join(ENVIRONMENTS)}."
                )
        check_plot(self.plot)
        if self.json:
            check_writable(self.json)

    @property
    def peers(self) -> list[Peer]:
        return [peer for peer in PEERS if not self.only or peer.name in self.only]

    @property
    def cores(self) -> int:
        return self.threads or os.cpu_count() or 1
