"""Fixtures of every folder. torch is imported inside them: the runtime's tests run without it."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import onnx

    from stzsar.export.graphs import GraphSpec
    from stzsar.models.interaction import Bank
    from stzsar.models.stzsar import STZSAR
    from stzsar.runtime.engines.trt.key import EngineKey

ROOT = Path(__file__).parent.parent
# Of the networks that are made for tests; larger ones are exported once, and fill the memory.
_FEW_WEIGHTS = 3_000_000


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what takes ten minutes and more, unless it is asked for."""
    if "soak" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("soak"):
                item.add_marker(pytest.mark.skip(reason="takes ten minutes and more: -m soak"))


@pytest.fixture(scope="session", autouse=True)
def _own_user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps out of the home of whoever runs the tests, fixtures of whole files included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "data"))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """Gives each test an empty cache of embeddings; the processes that it starts share another."""
    from stzsar.runtime.text import cache

    own: list[Path] = []

    def folder() -> Path:
        if not own:
            own.append(tmp_path_factory.mktemp("embeddings"))
        return own[0]

    monkeypatch.setattr(cache, "cache_folder", folder)


@pytest.fixture(autouse=True)
def _logging_as_at_first():
    """Undoes what commands that ran in this process did to the logger.

    Before a test too: fixtures of a file or session run commands, and are made before this one.
    pytest adds its handler to a logger that does not propagate, and would then note twice what a
    logger says that propagates again.
    """
    _reset_logging()
    yield
    _reset_logging()


def _reset_logging() -> None:
    log = logging.getLogger("stzsar")
    log.handlers, log.propagate = [], True
    log.setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_clips() -> Path:
    """Real clips beside the checkout, where there are some."""
    clips = ROOT.parent / "shared" / "clips"
    if not clips.is_dir():
        pytest.skip(f"no real clips at {clips}")
    return clips


@pytest.fixture(scope="session")
def make_network() -> Callable[..., STZSAR]:
    """Builds a two-layer network of random weights, 32 px, with the head's switches as asked."""
    import torch

    from stzsar.models.config import TemporalConfig, small_config
    from stzsar.models.stzsar import STZSAR

    def make(
        *,
        temporal: bool | TemporalConfig = False,
        patch_path: str = "block",
        prompts: tuple[str, ...] | None = None,
        **head: Any,
    ) -> STZSAR:
        torch.manual_seed(0)
        base = small_config()
        config = dataclasses.replace(
            base,
            dim=32,
            vision=dataclasses.replace(
                base.vision,
                image_px=32,
                patch_px=8,
                width=32,
                layers=2,
                heads=2,
                mlp_width=64,
                patch_path=patch_path,
            ),
            text=dataclasses.replace(base.text, width=32, layers=1, heads=2, mlp_width=64),
            head=dataclasses.replace(base.head, **head),
            temporal=TemporalConfig(layers=1, heads=2, max_frames=8)
            if temporal is True
            else temporal or None,
            prompts=prompts or base.prompts,
        )
        network = STZSAR(config).eval()
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                # Away from the start, where biases and ΔW are zero and hide mistakes.
                if not name.startswith("head."):
                    parameter.add_(0.05 * torch.randn_like(parameter))
            for name, buffer in network.named_buffers():
                if name.endswith("seen_embeddings"):
                    buffer.copy_(torch.nn.functional.normalize(torch.randn_like(buffer), dim=-1))
        return network

    return make


@pytest.fixture(scope="session")
def make_bank() -> Callable[..., Bank]:
    """Builds a bank of random unit embeddings whose classes have 1 to W attributes."""
    import torch
    import torch.nn.functional as F

    from stzsar.models.interaction import Bank

    def make(classes: int = 5, attributes: int = 4, dim: int = 32) -> Bank:
        generator = torch.Generator().manual_seed(1)
        names = F.normalize(torch.randn(classes, dim, generator=generator), dim=-1)
        words = F.normalize(torch.randn(classes, attributes, dim, generator=generator), dim=-1)
        counts = torch.arange(classes) % attributes + 1
        mask = torch.arange(attributes)[None] < counts[:, None]
        return Bank(names, words * mask[..., None], mask)

    return make


@pytest.fixture(scope="session")
def traced_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Lets an export take a graph that this run of the tests traced before, in any process.

    Tracing is most of an export, and the same few networks are exported with one option after the
    other. A trace is kept under all that goes into it: `test_deterministic.py` shows that the same
    gives the same bytes.
    """
    import onnx

    from stzsar.export import write_bundle

    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "traces"
    folder.mkdir(exist_ok=True)
    honest = write_bundle.trace

    def trace(spec: GraphSpec) -> onnx.ModelProto:
        if sum(weight.numel() for weight in spec.module.parameters()) > _FEW_WEIGHTS:
            return honest(spec)
        path = folder / _fingerprint(spec)
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}")
            part.write_bytes(honest(spec).SerializeToString())
            part.replace(path)
        return onnx.ModelProto.FromString(path.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_bundle, "trace", trace)
        yield


# What each graph consists of: other parts of the network do not change its trace.
_PARTS = {
    "FrameGraph": ("visual", "head"),
    "StateGraph": ("head",),
    "WindowGraph": ("temporal", "head"),
    "TextGraph": ("text",),
}


def _fingerprint(spec: GraphSpec) -> str:
    """Return a hash of the parts of a module with their switches, and of how it is traced."""
    seen = hashlib.sha256()
    network: Any = spec.module.network
    kind = type(spec.module).__name__
    config = dataclasses.replace(network.config, prompts=("{}",))
    if kind == "TextGraph":
        config = (config.text, config.dim)
    seen.update(repr((kind, config, spec.outputs)).encode())
    for part in filter(None, (getattr(network, name) for name in _PARTS[kind])):
        seen.update(repr(part).encode())
        for name, tensor in {**part.state_dict(), **dict(part.named_buffers())}.items():
            seen.update(name.encode() + tensor.numpy(force=True).tobytes())
    for name, value in spec.inputs.items():
        sizes = {axis: (dim.__name__, dim.min, dim.max) for axis, dim in spec.dynamic[name].items()}
        seen.update(repr((name, value.dtype, value.shape, sizes)).encode())
    return seen.hexdigest()


@pytest.fixture(scope="session")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`backbones.py` beside this file, with its configurations known to open_clip."""
    name = "stzsar_test_backbones"
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "backbones.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where timm looks for the functions that it registers
    spec.loader.exec_module(module)
    module.register(tmp_path_factory.mktemp("configs"), module.CONFIGS)
    return module


@pytest.fixture(scope="session")
def fake_gpu() -> Any:
    """The module runtime/fake_gpu.py."""
    spec = importlib.util.spec_from_file_location("fake_gpu", ROOT / "tests/runtime/fake_gpu.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def orin_key() -> EngineKey:
    """The key of a TensorRT engine that was built on a Jetson Orin."""
    from stzsar.runtime.engines.trt.key import EngineKey, Limits

    return EngineKey(
        family="tensorrt",
        version="10.3.0",
        capability="8.7",
        device="Orin",
        cuda="12.6",
        driver="540.4.0",
        l4t="36.4.3",
        graph="a" * 64,
        precision="fp16",
        limits=Limits(streams=4, frames=8, labels=512, attributes=16),
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(path)],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=False)


# Plays from the share of the video that stands behind #, for half a second.
_PLAYER = """<html><body><pre id="said">wait</pre><script>
const video = document.createElement("video");
const say = text => document.getElementById("said").textContent = text;
let start = 0;
video.muted = true;
video.onloadedmetadata = () => {
  start = video.duration * location.hash.slice(1);
  video.currentTime = start;
  if (start == 0) video.play();
};
video.onseeked = () => video.play();
video.ontimeupdate = () => {
  const {videoWidth, videoHeight, duration, currentTime, seeking} = video;
  if (!seeking && currentTime > start + 0.5)
    say(`PLAYED ${videoWidth}x${videoHeight} of ${duration} s`);
};
video.onerror = () => say(`REFUSED ${video.error.message}`);
video.src = "video.mp4";
</script></body></html>"""


class _Quiet(SimpleHTTPRequestHandler):
    """A plain server, which cannot skip in a file."""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, float], str]:
    """Play a video in real Chromium from a share of its length, and return what the page says."""
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium: apt install what tests/debian_packages.txt lists")
    folder = tmp_path_factory.mktemp("chromium")
    options = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *(f"--user-data-dir={folder}/profile", "--disable-background-networking"),
        *("--autoplay-policy=no-user-gesture-required", "--virtual-time-budget=20000"),
        *("--timeout=25000", "--dump-dom"),
    )

    def play(video: Path, start: float = 0.0) -> str:
        shutil.copy(video, folder / "video.mp4")
        (folder / "page.html").write_text(_PLAYER)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = f"http://127.0.0.1:{server.server_port}/page.html#{start}"
        try:
            done = subprocess.run(
                [program, *options, page], capture_output=True, text=True, timeout=120
            )
        finally:
            server.shutdown()
            server.server_close()
        (said,) = re.findall('<pre id="said">(.*?)</pre>', done.stdout, re.DOTALL)
        return said

    return play
