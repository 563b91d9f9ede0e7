"""The peers, their environments, and the packages of each environment."""

from dataclasses import dataclass

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
