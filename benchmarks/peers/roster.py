"""Who is compared, in which environment, and what each environment holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...runtime.errors import StzsarError

OWN = "own"
STREAMING = "stzsar-streaming"
# What pip installs into each environment; few of them, since torch alone takes gigabytes.
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
        name: as options and records have it.
        title: what it is, with what is encoded for a decision.
        environment: whose interpreter runs it, OWN or one of ENVIRONMENTS.
        script: the file in `workers`, without its ending.
        mode: the script's second argument; empty if it has none.
        needs: the prepared file that it loads, see `materials`.
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
        title="the same encoder, OpenVINO as it comes, mean of T frames",
        environment="openvino",
        script="graph",
        mode="openvino",
        needs="tower",
    ),
    Peer(
        name="openvino-fp32",
        title="the same encoder, OpenVINO held to fp32, mean of T frames",
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


def choose_peers(only: Sequence[str]) -> tuple[Peer, ...]:
    """Return the peers of these names, in the order of the table; all if there are none.

    Raises:
        StzsarError: there is no peer of that name.
    """
    names = [peer.name for peer in PEERS]
    for name in only:
        if name not in names:
            raise StzsarError(f"There is no peer {name}: choose from {', '.join(names)}.")
    return tuple(peer for peer in PEERS if not only or peer.name in only)


def parse_interpreters(given: Sequence[str]) -> dict[str, str]:
    """Return the interpreter of each environment that is named as NAME=PATH.

    Raises:
        StzsarError: it is not of that form, or there is no such environment.
    """
    found = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not (equals and path) or name not in ENVIRONMENTS:
            raise StzsarError(
                f"--python {text} is not NAME=PATH with one of the environments "
                f"{', '.join(ENVIRONMENTS)}."
            )
        found[name] = path
    return found
