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


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One row of the table.

    Attributes:
        name: for options and records.
        title: what it is, with what a decision encodes.
        environment: OWN or one of ENVIRONMENTS.
        script: file in `workers`, without its suffix.
        mode: second argument of the script; empty if it has none.
        needs: the file that it loads, see `materials`.
    """

    name: str
    title: str
    environment: str
    script: str
    mode: str = ""
    needs: str


PEERS = (
    Peer(
        name=STREAMING,
        title="stzsar, streaming: 1 frame",
        environment=OWN,
        script="own",
        mode="streaming",
        needs="bundle",
    ),
    Peer(
        name="stzsar-windows",
        title="stzsar, whole windows: T frames",
        environment=OWN,
        script="own",
        mode="windows",
        needs="bundle",
    ),
    Peer(
        name="xclip",
        title="X-CLIP, PyTorch, as in ultralytics' example: T frames and all labels",
        environment="torch",
        script="xclip",
        mode="example",
        needs="xclip",
    ),
    Peer(
        name="xclip-once",
        title="X-CLIP, PyTorch, labels encoded once: T frames",
        environment="torch",
        script="xclip",
        mode="once",
        needs="xclip",
    ),
    Peer(
        name="open_clip",
        title="open_clip, PyTorch, mean of T frames",
        environment="torch",
        script="openclip",
        needs="open_clip",
    ),
    Peer(
        name="onnxruntime",
        title="the same encoder, ONNX Runtime, mean of T frames",
        environment="onnxruntime",
        script="graph",
        mode="onnxruntime",
        needs="tower",
    ),
    Peer(
        name="openvino",
        title="the same encoder, OpenVINO as installed, mean of T frames",
        environment="openvino",
        script="graph",
        mode="openvino",
        needs="tower",
    ),
    Peer(
        name="openvino-fp32",
        title="the same encoder, OpenVINO in fp32, mean of T frames",
        environment="openvino",
        script="graph",
        mode="openvino-fp32",
        needs="tower",
    ),
    Peer(
        name="swin3d",
        title="Swin3D-S, torchvision, closed vocabulary: T frames",
        environment="torch",
        script="closed",
        needs="swin3d",
    ),
)
