"""A small real bundle that knows colours, and videos of one colour or another.

Its embedding space is the colour space: a frame's state is its mean colour, and a word's embedding
is the colour that it names. So what it must answer is known, and everything on the way is real:
ONNX graphs, a tokenizer, video files.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from stzsar.runtime.bundle.bundle import sha256_of
from stzsar.runtime.bundle.manifest import (
    BundleSampling,
    Manifest,
    PixelSpec,
    TextSpec,
    WeightsOrigin,
)
from stzsar.runtime.command.cli import main
from stzsar.runtime.labels.bank import LabelBank
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.preprocessing.opencv import load_cv2
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.video import pyav

load_cv2()  # FFmpeg is quiet only if it is told so before the first video, which a test may draw

COLOURS_BGR = {"blue": (255, 0, 0), "green": (0, 255, 0), "red": (0, 0, 255)}
WORDS = ["[PAD]", "[START]", "[END]", "[UNK]", *["this", "is", "a", "video", "about"]]
WORDS += ["red", "green", "blue", "yellow", "crimson", "ruby", "grass", "sky"]
WORD_COLOURS = {
    "red": (0, 0, 1),
    "green": (0, 1, 0),
    "blue": (1, 0, 0),
    "yellow": (0, 1, 1),
    "crimson": (0.1, 0, 1),
    "ruby": (0.2, 0, 1),
    "grass": (0.1, 1, 0),
    "sky": (1, 0.2, 0),
    "[UNK]": (0.3, 0.3, 0.3),
}
LABELS = (
    Label("red", attributes=("crimson", "ruby")),
    Label("green", attributes=("grass",)),
    Label("blue", attributes=("sky",)),
)
FRAMES, RATE_FPS, SIZE_PX, CONTEXT, SCALE = 4, 4.0, 16, 12, 20.0

Array = npt.NDArray[np.generic]
RunCli = Callable[..., Result]


@pytest.fixture
def ffmpeg() -> Callable[..., object]:
    """Run FFmpeg's command, or skip where it is missing."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("no ffmpeg: apt install what tests/debian_packages.txt lists")
    command = [program, "-loglevel", "error", "-y"]
    return lambda *arguments: subprocess.run([*command, *map(str, arguments)], check=True)


@pytest.fixture(params=["PyAV", "OpenCV"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read and write videos with PyAV, and once more as an install without it does."""
    if request.param == "OpenCV":
        monkeypatch.setattr(pyav, "load_av", lambda: None)
    elif pyav.load_av() is None:
        pytest.skip("no PyAV: pip install '.[av]'")
    return request.param


def _value(name: str, kind: int, *shape: str | int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


def _save(path: Path, name: str, nodes: list, inputs: list, outputs: list, **constants) -> None:
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def _bank_inputs() -> list[onnx.ValueInfoProto]:
    return [
        _value("class_embeddings", TensorProto.FLOAT, "C", "D"),
        _value("attribute_embeddings", TensorProto.FLOAT, "C", "W", "D"),
        _value("attribute_mask", TensorProto.BOOL, "C", "W"),
    ]


def write_frame_graph(path: Path, *, slow: bool = False) -> None:
    """frames → `colour` [B, 3], the unit mean colour, and `closeness` [B, C] to each class.

    The features are the mean colour as it is, and those of the four quarters. A `slow` one does
    the work of a large network besides, some billions of multiply-adds, and comes to nothing by it.
    """
    node = helper.make_node
    nodes = [
        node("Cast", ["frames"], ["pixels"], to=TensorProto.FLOAT),
        *(_busy_nodes() if slow else ()),
        node("ReduceMean", ["sum" if slow else "pixels", "hw"], ["mean"], keepdims=0),
        node("Add", ["mean", "eps"], ["frame_embedding"]),
        *_closeness_nodes(),
        node("Reshape", ["pixels", "blocks"], ["by_block"]),
        node("ReduceMean", ["by_block", "inside"], ["quarters"], keepdims=0),
        node("Reshape", ["quarters", "row"], ["quarters_row"]),
        node("Add", ["quarters_row", "eps"], ["patch_embeddings"]),
    ]
    inputs = [_value("frames", TensorProto.UINT8, "B", SIZE_PX, SIZE_PX, 3), _bank_inputs()[0]]
    outputs = [
        _value("colour", TensorProto.FLOAT, "B", 3),
        _value("closeness", TensorProto.FLOAT, "B", "C"),
        _value("frame_embedding", TensorProto.FLOAT, "B", 3),
        _value("patch_embeddings", TensorProto.FLOAT, "B", 4, 3),
    ]
    half = SIZE_PX // 2
    constants = {"hw": [1, 2], "last": [1], "eps": np.float32(1e-3), "inside": [2, 4]}
    constants |= {"blocks": [-1, 2, half, 2, half, 3], "row": [-1, 4, 3]}
    if slow:
        rng = np.random.default_rng(0)
        constants |= {"a": rng.random((1, 1024), np.float32), "nothing": np.float32(0)}
        constants |= {"b": rng.random((1024, 1024), np.float32), "each": [-1, 1]}
    _save(path, "frame", nodes, inputs, outputs, **constants)


def _busy_nodes() -> list[onnx.NodeProto]:
    """`pixels` → `sum`, which is the same."""
    node = helper.make_node
    return [
        node("Reshape", ["pixels", "each"], ["rows"]),
        node("MatMul", ["rows", "a"], ["wide"]),
        node("MatMul", ["wide", "b"], ["once"]),
        node("MatMul", ["once", "b"], ["twice"]),
        node("ReduceMean", ["twice"], ["mean_work"], keepdims=0),
        node("Mul", ["mean_work", "nothing"], ["zero"]),
        node("Add", ["pixels", "zero"], ["sum"]),
    ]


def _closeness_nodes() -> list[onnx.NodeProto]:
    """`frame_embedding` → `colour` and `closeness`."""
    node = helper.make_node
    return [
        node("ReduceL2", ["frame_embedding", "last"], ["norm"], keepdims=1),
        node("Div", ["frame_embedding", "norm"], ["colour"]),
        node("Transpose", ["class_embeddings"], ["classes"], perm=[1, 0]),
        node("MatMul", ["colour", "classes"], ["closeness"]),
    ]


def write_state_graph(path: Path) -> None:
    """`frame_embedding` → `closeness` to other classes."""
    inputs = [_value("frame_embedding", TensorProto.FLOAT, "B", 3), _bank_inputs()[0]]
    outputs = [_value("closeness", TensorProto.FLOAT, "B", "C")]
    _save(path, "state", _closeness_nodes(), inputs, outputs, last=[1])


def write_window_graph(path: Path, scale: float = SCALE) -> None:
    """Frame states → logits: closeness to the class, weighted in time by the attributes."""
    node = helper.make_node
    nodes = [
        node("Cast", ["attribute_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask", "last"], ["mask3"]),
        node("Mul", ["attribute_embeddings", "mask3"], ["masked"]),
        node("ReduceSum", ["masked", "one"], ["attributes"], keepdims=0),
        node("Transpose", ["attributes"], ["attributes_dc"], perm=[1, 0]),
        node("MatMul", ["colour", "attributes_dc"], ["fit_btc"]),
        node("Softmax", ["fit_btc"], ["saliency_btc"], axis=1),
        node("Mul", ["saliency_btc", "closeness"], ["weighted"]),
        node("ReduceSum", ["weighted", "one"], ["similarity"], keepdims=0),
        node("Identity", ["gamma"], ["scale"]),
        node("Mul", ["similarity", "scale"], ["logits"]),
        node("Transpose", ["saliency_btc"], ["saliency"], perm=[0, 2, 1]),
    ]
    inputs = [
        _value("colour", TensorProto.FLOAT, "B", "T", 3),
        _value("closeness", TensorProto.FLOAT, "B", "T", "C"),
        *_bank_inputs()[1:],
    ]
    outputs = [
        _value("logits", TensorProto.FLOAT, "B", "C"),
        _value("saliency", TensorProto.FLOAT, "B", "C", "T"),
        _value("scale", TensorProto.FLOAT),
    ]
    constants = {"last": [-1], "one": [1], "gamma": np.float32(scale)}
    _save(path, "window", nodes, inputs, outputs, **constants)


def write_text_graph(path: Path) -> None:
    """tokens → the unit sum of the colours that the words name."""
    node = helper.make_node
    table = np.asarray([WORD_COLOURS.get(word, (0, 0, 0)) for word in WORDS], np.float32)
    nodes = [
        node("Gather", ["table", "tokens"], ["words"]),
        node("ReduceSum", ["words", "one"], ["sum"], keepdims=0),
        node("Add", ["sum", "eps"], ["positive"]),
        node("ReduceL2", ["positive", "one"], ["norm"], keepdims=1),
        node("Div", ["positive", "norm"], ["embeddings"]),
    ]
    inputs = [_value("tokens", TensorProto.INT64, "N", CONTEXT)]
    outputs = [_value("embeddings", TensorProto.FLOAT, "N", 3)]
    _save(path, "text", nodes, inputs, outputs, table=table, one=[1], eps=np.float32(1e-6))


def write_tokenizer(path: Path) -> None:
    words = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[START] $A [END]", special_tokens=[("[START]", 1), ("[END]", 2)]
    )
    tokenizer.save(str(path))


def unit_colours(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    colours = np.asarray([WORD_COLOURS[text] for text in texts], np.float32)
    return colours / np.linalg.norm(colours, axis=-1, keepdims=True)


def write_bundle(folder: Path, *, with_text: bool, slow: bool = False) -> Path:
    """Write a whole bundle, manifest last."""
    folder.mkdir(parents=True)
    write_frame_graph(folder / "frame.onnx", slow=slow)
    write_window_graph(folder / "window.onnx")
    write_state_graph(folder / "state.onnx")
    if with_text:
        write_text_graph(folder / "text.onnx")
        write_tokenizer(folder / "tokenizer.json")
    mask = np.asarray([[True, True], [True, False], [True, False]])
    attributes = np.zeros((3, 2, 3), np.float32)
    for row, label in enumerate(LABELS):
        attributes[row, : len(label.attributes)] = unit_colours(label.attributes)
    bank = LabelBank(LABELS, unit_colours([label.text for label in LABELS]), attributes, mask)
    bank.save(folder / "bank.npz")
    manifest = Manifest(
        name="colours",
        created="2026-01-01T00:00:00Z",
        precision="fp32",
        opset=18,
        pixels=PixelSpec(size_px=SIZE_PX, mean=(0, 0, 0), std=(1, 1, 1)),
        sampling=BundleSampling(frames=FRAMES, rate_fps=RATE_FPS, max_frames=256),
        states=("colour", "closeness"),
        label_states=("closeness",),
        features=("frame_embedding", "patch_embeddings"),
        patch_grid=(2, 2),
        text=TextSpec(prompts=("This is a video about {}.",), context_length=CONTEXT)
        if with_text
        else None,
        weights=WeightsOrigin(source="written by a test", knows="colours and not people"),
        model={},
        versions={},
        files={path.name: sha256_of(path) for path in folder.iterdir()},
    )
    (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    return folder


def rewrite_manifest(folder: Path, **changes: object) -> None:
    """Change fields of a bundle's manifest, and take its files' hashes anew."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["files"] = {name: sha256_of(folder / name) for name in document["files"]}
    path.write_text(json.dumps({**document, **changes}), encoding="utf-8")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a text encoder; not to be changed."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "colours", with_text=True)


@pytest.fixture(scope="session")
def mute_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle without a text encoder; not to be changed."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "mute", with_text=False)


@pytest.fixture(scope="session")
def slow_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that two CPU cores cannot use for many streams at once."""
    return write_bundle(
        tmp_path_factory.mktemp("bundles") / "slow-colours", with_text=False, slow=True
    )


@pytest.fixture
def own_bundle(tmp_path: Path) -> Path:
    """A bundle that the test may spoil."""
    return write_bundle(tmp_path / "own-bundle", with_text=True)


@pytest.fixture
def recognizer(bundle: Path) -> Recognizer:
    return Recognizer.load(bundle, threads=1)


def picture(colour: str, height: int = 48, width: int = 64) -> npt.NDArray[np.uint8]:
    return np.full((height, width, 3), COLOURS_BGR[colour], np.uint8)


def draw_video(path: Path, colours: Sequence[str], *, fps: float = 8.0) -> Path:
    """Write a video with one frame for each of `colours`: MJPG in .avi, MPEG-4 in .mp4."""
    codec = cv2.VideoWriter.fourcc(*("mp4v" if path.suffix == ".mp4" else "MJPG"))
    writer = cv2.VideoWriter(str(path), codec, fps, (64, 48))
    for colour in colours:
        writer.write(picture(colour))
    writer.release()
    return path


@pytest.fixture
def red_video(tmp_path: Path) -> Path:
    """Two seconds of red, 16 frames: eight sampled ones, five windows."""
    return draw_video(tmp_path / "red.avi", ["red"] * 16)


@pytest.fixture
def run_cli() -> RunCli:
    """Run stzsar-run with the given arguments."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


# Test files cannot import a conftest in pytest's importlib mode; these hand them its functions.


@pytest.fixture(name="picture")
def picture_fixture() -> Callable[..., Array]:
    return picture


@pytest.fixture(name="draw_video")
def draw_video_fixture() -> Callable[..., Path]:
    return draw_video


@pytest.fixture(name="rewrite_manifest")
def rewrite_manifest_fixture() -> Callable[..., None]:
    return rewrite_manifest


@pytest.fixture(name="write_window_graph")
def write_window_graph_fixture() -> Callable[..., None]:
    return write_window_graph


@pytest.fixture
def cut() -> Callable[[Path, float], Path]:
    """Keep only the first part of a file's bytes."""

    def cut_file(path: Path, share: float) -> Path:
        os.truncate(path, int(path.stat().st_size * share))
        return path

    return cut_file


@pytest.fixture
def assert_refused() -> Callable[..., None]:
    """Check that a run ended with one sentence for people, exit code 2 and no traceback."""

    def check(result: Result, *fragments: str) -> None:
        assert result.exit_code == 2, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1, result.stderr
        assert errors[0].endswith(".")
        for fragment in fragments:
            assert fragment in errors[0]

    return check
