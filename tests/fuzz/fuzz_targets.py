"""What is fuzzed: one function for each format that a stranger may have written.

Each takes the bytes of a file and either uses it or refuses it with a StzsarError. Anything else is
a bug: another exception, a crash, a hang, or gigabytes of memory.
"""

import contextlib
import functools
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stzsar.runtime.errors import StzsarError

SHIPPED = Path(__file__).parents[2] / "runtime" / "shipped" / "moving-shapes"
_RECORD = struct.Struct("<cII")


def manifest(data: bytes) -> None:
    from stzsar.runtime.bundle.manifest import Manifest

    read = Manifest.from_json(data, where="manifest.json")
    assert Manifest.from_json(read.to_json(), where="its own JSON") == read


def calibration(data: bytes) -> None:
    from stzsar.runtime.decisions.calibration import Calibration

    with _File(data, "site.json") as path:
        read = Calibration.read(path)
        _ = read.caution
        read.write(path)
        assert Calibration.read(path) == read
        if read.detector:
            labels = read.detector.labels
            evidence = read.detector.bind(labels)
            similarities = np.linspace(-1, 1, 2 * len(labels), dtype=np.float32).reshape(2, -1)
            with np.errstate(all="ignore"):
                found = evidence.of(similarities)
            assert found.shape == (2, len(evidence.names))


def event_store(data: bytes) -> None:
    """What a run looks at, and the answers of stzsar-events."""
    from stzsar.runtime.events.export import ExportOptions, export
    from stzsar.runtime.events.keeper import EventKeeper
    from stzsar.runtime.events.questions import FindOptions, count

    with _File(data, "events.sqlite") as path:
        EventKeeper(path.parent, addresses={}, bundle="").close(10.0)
        count(FindOptions(folder=path.parent))
        export(ExportOptions(folder=path.parent, output=path.parent / "events.json"))


def embedding_cache(data: bytes) -> None:
    """Whatever lies there, a run goes on, and keeps what it embeds as well as it can."""
    import os

    from stzsar.runtime.text.cache import FILE, EmbeddingCache

    with _File(data, FILE) as path:
        home, there = path.parent / "home", path.parent / "home" / "stzsar"
        there.mkdir(parents=True)
        path.rename(there / FILE)
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = str(home)
        try:
            cache = EmbeddingCache(["a"], 2)
            for vector, cut in cache.find(["archery", "x"]).values():
                assert vector.shape == (2,)
                assert cut is None or isinstance(cut, bytes)
            cache.keep({"archery": (np.asarray([0.6, 0.8], np.float32), b"cut")})
            cache.find(["archery"])
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            if before is not None:
                os.environ["XDG_CACHE_HOME"] = before


def skeleton(data: bytes) -> None:
    """The checksums of the zip are not looked at, as in `bank`."""
    from stzsar.runtime.fetch import skeletons

    with _File(data, "x.zip") as path, _any_checksum():
        folder, skeletons.FOLDER = skeletons.FOLDER, path.parent
        try:
            skeletons.read_skeleton("x", "fp32")
        finally:
            skeletons.FOLDER = folder


def train_config(data: bytes) -> None:
    from stzsar.train.config import CONFIG, TrainConfig

    with _File(data, CONFIG) as path:
        read = TrainConfig.load(path.parent)
        read.save(path.parent)
        assert TrainConfig.load(path.parent) == read


def streams(data: bytes) -> None:
    from stzsar.runtime.receivers.sinks_file import read_sinks
    from stzsar.runtime.sources.streams_file import read_streams

    with _File(data, "streams.toml") as path:
        for spec in read_streams(path, {"HOME": "/root"}):
            assert spec.schedule is None or spec.schedule.covers(1e9) in (True, False)
        read_sinks(path, {"HOME": "/root"})


def labels(data: bytes) -> None:
    from stzsar.runtime.labels.label_files import read_labels

    with _File(data, "labels.txt") as path:  # JSON is known by how it begins, tables by their lines
        read_labels(path)


def labels_csv(data: bytes) -> None:
    from stzsar.runtime.labels.label_files import read_labels

    with _File(data, "labels.csv") as path:
        read_labels(path)


def labels_yaml(data: bytes) -> None:
    from stzsar.runtime.labels.label_files import read_labels

    with _File(data, "labels.yaml") as path:
        read_labels(path)


def label_words(data: bytes) -> None:
    """What follows --labels."""
    from stzsar.runtime.labels.label_files import labels_from

    labels_from(data.decode(errors="replace"))


def bank(data: bytes) -> None:
    """The checksums of the zip are not looked at: a stranger writes the right ones."""
    from stzsar.runtime.labels.bank import LabelBank

    with _File(data, "bank.npz") as path, _any_checksum(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        LabelBank.load(path)


@contextlib.contextmanager
def _any_checksum() -> Iterator[None]:
    reader: Any = zipfile.ZipExtFile
    update = reader._update_crc
    reader._update_crc = lambda *_: None
    try:
        yield
    finally:
        reader._update_crc = update


def recording(data: bytes) -> None:
    """The checksums are set right: a stranger writes the right ones."""
    from stzsar.runtime.recordings.replay import Replay
    from stzsar.runtime.results import to_json

    bundle = _shipped_bundle()
    with _File(with_checksums(data), "a.rec") as path:
        for wanted in (None, ["blue circle falling"]):
            for result in Replay(path, bundle, wanted, threads=1, engine="onnxruntime"):
                to_json(result)


def with_checksums(data: bytes) -> bytes:
    """Return a recording whose records have the checksums of their content."""
    magic, place, parts = data[:17], 17, []
    while place + _RECORD.size <= len(data):
        kind, length, _ = _RECORD.unpack_from(data, place)
        place += _RECORD.size
        payload = data[place : place + length]
        parts += [_RECORD.pack(kind, len(payload), zlib.crc32(payload)), payload]
        place += length
    return magic + b"".join(parts)


def engine_key(data: bytes) -> None:
    from stzsar.runtime.engines.trt.store import EngineStore

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "engines").mkdir()
        (Path(folder) / "engines" / "frame.json").write_bytes(data)
        EngineStore(Path(folder)).read_key("frame")


def graph(data: bytes) -> None:
    """A graph that is not refused can be opened and closed by the engine."""
    from stzsar.runtime.bundle.onnx_file import read_onnx
    from stzsar.runtime.engines.ort_engine import OrtGraph

    with _File(data, "frame.onnx") as path:
        read_onnx(path)
        OrtGraph(path, threads=1)


def weights(data: bytes) -> None:
    from stzsar.runtime.fetch.weights import open_weights

    with _File(data, "weights.safetensors") as path, open_weights(path) as opened:
        for name in opened.shapes:
            opened.read(name)


def checkpoint(data: bytes) -> None:
    from stzsar.models.checkpoint import read_checkpoint

    with _File(data, "checkpoint.json") as path:
        read_checkpoint(path.parent)


def tokenizer(data: bytes) -> None:
    """Texts in several scripts become tokens that a graph takes."""
    from stzsar.runtime.text.encoder import open_tokenizer

    with _File(data, "tokenizer.json") as path:
        encode = open_tokenizer(path, 24)
        for text in ("archery", "it's 12 o'clock", "बोलना 👍 \u0345", "x" * 5000, ""):
            assert all(0 <= token < 2**32 for token in encode(text))


def clip_list(name: str, data: bytes) -> None:
    from stzsar.train.lists.list_files import read_list_file

    with _File(data, name) as path:
        assert all(clip.file for clip in read_list_file(path))


def class_list(name: str, data: bytes) -> None:
    from stzsar.train.lists.class_lists import read_numbered_classes

    with _File(data, name) as path:
        assert all(read_numbered_classes(path).values())


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "bank": bank,
    "calibration": calibration,
    "checkpoint": checkpoint,
    "class-list": functools.partial(class_list, "classes.txt"),
    "class-table": functools.partial(class_list, "classes.csv"),
    "clip-list": functools.partial(clip_list, "list.txt"),
    "clip-table": functools.partial(clip_list, "list.csv"),
    "embedding-cache": embedding_cache,
    "engine-key": engine_key,
    "event-store": event_store,
    "graph": graph,
    "label-words": label_words,
    "labels": labels,
    "labels-csv": labels_csv,
    "labels-yaml": labels_yaml,
    "manifest": manifest,
    "recording": recording,
    "skeleton": skeleton,
    "streams": streams,
    "tokenizer": tokenizer,
    "train-config": train_config,
    "weights": weights,
}


def run(target: str, data: bytes) -> None:
    """Use `data` as a file of the format `target`; a refusal is fine."""
    try:
        TARGETS[target](data)
    except StzsarError as error:
        sentence = str(error)
        assert "\n" not in sentence, sentence
        assert len(sentence) < 2000, sentence


@functools.cache
def _shipped_bundle() -> Any:
    from stzsar.runtime.bundle.bundle import Bundle

    return Bundle.open(SHIPPED)


class _File:
    """A file with the given content, in a folder of its own."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data, self._name = data, name

    def __enter__(self) -> Path:
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / self._name
        path.write_bytes(self._data)
        return path

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()
