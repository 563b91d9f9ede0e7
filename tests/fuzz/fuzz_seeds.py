"""Where fuzzing starts: whole files of each format, and hostile ones that once did harm."""

import contextlib
import dataclasses
import io
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.decisions.calibration import Calibration, EventRules, LabelThreshold
from stzsar.runtime.events.record import StoredEvent
from stzsar.runtime.events.store import EventStore
from stzsar.runtime.labels.bank import LabelBank
from stzsar.runtime.labels.labels import as_labels
from stzsar.runtime.recordings.file_format import (
    MAGIC,
    packed,
    packed_frames,
    packed_json,
    read_records,
)
from stzsar.runtime.recordings.recorder import Recorder
from stzsar.train.config import TrainConfig

SHIPPED = Path(__file__).parents[2] / "runtime" / "shipped" / "moving-shapes"
HUGE = int("1" + 400 * "0")
_DETECTOR = {
    "features": [{"label": "a", "text": "b"}, {"label": "c"}, {"label": "d", "role": "context"}],
    "scale": 10.0,
    "taught": {"labels": ["a"], "weights": [[1, 2, 3], [3, 2, 1]], "offsets": [0, 0]},
}
DEEP = "[" * 980 + "]" * 980


def seeds() -> dict[str, list[bytes]]:
    """Return files to begin with, by target."""
    return {
        "bank": [_bank()],
        "calibration": [
            _calibration(),
            _calibration(detector=_DETECTOR),
            _calibration(detector={**_DETECTOR, "scale": 1e300}),
            _calibration(footage_hours=HUGE),
            DEEP.encode(),
        ],
        "checkpoint": _checkpoints(),
        "class-list": [b"1 ApplyEyeMakeup\n2 Archery\n", b"archery\nbowling\n"],
        "class-table": [b"id,name\n0,archery\n1,bowling\n", b'0,"a, b"\n'],
        "clip-list": [b"Archery/a.avi 1\nBowling/b b.avi 20 2\n", b"a\n" + b"a " * 2000],
        "clip-table": [
            b"label,youtube_id,time_start,time_end,split\narchery,abc,1,11,train\n",
            b"path,label\na.mp4,archery\nb.mp4,bowling\n",
            b"run/a.mp4 1\nwalk/b.mp4 2\n",
            b"label,youtube_id,time_start,time_end\na,b,1" + b"0" * 400 + b",nan\n",
        ],
        "embedding-cache": _embedding_caches(),
        "engine-key": [_engine_key()],
        "event-store": _event_stores(),
        "graph": _graphs(),
        "label-words": [b'archery,"arguing, loudly"', b"labels.txt"],
        "labels": [
            b"archery\nbowling\n",
            b'- "archery",\n- bowling  # all\n',
            b"1. archery\n2) bowling\n",
            b"0 archery\n1 bowling\n",
            b'[{"label": "a", "attributes": ["b"]}]',
            b'{"archery": ["bow"], "b": {"text": "c"}}',
            DEEP.encode(),
        ],
        "labels-csv": [b'id,label,text,attributes\n0,a,b,"c, d"\n', b"a;0\nb;1\n", b"a\t0\n"],
        "labels-yaml": [
            b"- archery: [bow, arrow]\n- {label: a, text: b}\n",
            b"names: {0: a, 1: b}\n",
            b"a: &a [x]\nb: *a\n",
            DEEP.encode(),
        ],
        "manifest": _manifests(),
        "recording": _recordings(),
        "skeleton": _skeletons(),
        "streams": [
            b'[[stream]]\nname = "a"\nsource = "rtsp://me:${HOME}@cam/x"\nthreshold = 0.5\n',
            b'[[stream]]\nname = "a"\nsource = "0"\nrate = 1' + 400 * b"0",
            b'[[stream]]\nname = "a"\nsource = "0"\nschedule = "n"\n'
            b'[[schedule]]\nname = "n"\ndays = ["fri"]\ntimes = ["22:00-06:00"]\n'
            b'time_zone = "Europe/Vienna"\n[[rule]]\nlabels = ["b"]\nstreams = ["a"]\nrepeat = 9\n'
            b'[[sink]]\ntype = "ntfy"\nurl = "https://ntfy.sh/${HOME}"\nschedule = "n"\n',
            b"x = " + DEEP.encode(),
        ],
        "tokenizer": _tokenizers(),
        "train-config": _train_configs(),
        "weights": [_weights((2, 3)), _weights((0, 2**62)), _weights((HUGE,)), _weights(DEEP)],
    }


def _weights(shape: Any) -> bytes:
    """Return a safetensors file with a tensor that has 24 bytes."""
    entries = {
        "first": {"dtype": "F32", "shape": shape, "data_offsets": [0, 24]},
        "second": {"dtype": "BF16", "shape": [2], "data_offsets": [24, 28]},
        "__metadata__": {"format": "pt"},
    }
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + bytes(28)


def _json(document: Any, **changes: Any) -> bytes:
    return json.dumps({**document, **changes}).encode()


def _small_bank(width: int = 4) -> LabelBank:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2, 2, width)).astype(np.float32)
    labels = as_labels(["blue circle falling", "red ring rising"])
    return LabelBank(labels, rows[:, 0], rows, np.asarray([[True, False]] * 2))


def _bank() -> bytes:
    file = io.BytesIO()
    _small_bank().save(file)
    return file.getvalue()


def _calibration(**changes: Any) -> bytes:
    manifest = Bundle.open(SHIPPED).manifest
    made = Calibration(
        graphs={name: manifest.files[name] for name in ("frame.onnx", "window.onnx")},
        sampling=manifest.sampling,
        hours=1.0,
        false_alarms_per_day=1.0,
        rules=EventRules(min_length_s=0.5, cool_down_s=2.0, keep_similarity=0.9),
        thresholds=(LabelThreshold("a", "b", 0.3),),
    )
    with tempfile.TemporaryDirectory() as folder:
        made.write(Path(folder) / "a.json")
        document = json.loads((Path(folder) / "a.json").read_text())
    del document["sampling"]["max_frames"]
    return _json(document, **changes)


def _manifests() -> list[bytes]:
    data = Path(__file__).parents[1] / "data"
    paths = [SHIPPED, *sorted(data.glob("bundle-format-?"))]
    found = [(path / "manifest.json").read_bytes() for path in paths]
    document = json.loads(found[0])
    nested = _json(document, model="@").replace(b'"@"', b'{"a": ' + DEEP.encode() + b"}")
    return [*found, nested, _json(document, opset=HUGE)]


def _checkpoints() -> list[bytes]:
    manifest = json.loads((SHIPPED / "manifest.json").read_text())
    document = {
        "format_version": 1,
        "model": manifest["model"],
        "labels": [{"name": "a", "text": "a", "attributes": ["b"]}],
        "sampling": {"frames": 8, "rate_fps": 4.0},
        "origin": manifest["weights"],
        "step": 3,
    }
    return [_json(document), _json(document, step=HUGE)]


def _event_stores() -> list[bytes]:
    """One with an event, and those whose values and tables are not ours."""
    event = StoredEvent(
        id=1, source="hall", address="0", label="archery", start_s=1.0, end_s=2.0, time=1.8e9,
        recorded=1.8e9, peak=0.9, bundle="ab", scores=((0.0, 0.5),),
    )  # fmt: skip
    stores = []
    for script in (
        "",
        "UPDATE event SET time = 9e999, label = x'ff', scores = 'a'",
        "CREATE TRIGGER t AFTER UPDATE ON event BEGIN DELETE FROM event; END",
        "DROP TABLE event; CREATE VIEW event AS WITH RECURSIVE t(n) AS "
        "(SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t",
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "events.sqlite"
            with EventStore(path, create=True) as store:
                store.begin(event)
            with contextlib.closing(sqlite3.connect(path)) as database:
                database.executescript(f"{script}; PRAGMA journal_mode = DELETE")
            stores.append(path.read_bytes())
    return stores


def _embedding_caches() -> list[bytes]:
    row = "INSERT INTO embeddings VALUES (x'00', {vector}, NULL, 20000)"
    table = "CREATE TABLE embeddings (key BLOB PRIMARY KEY, vector BLOB, cut BLOB, day INTEGER)"
    caches = []
    for script in (f"{table};{row.format(vector='zeroblob(8)')}", f"{table};{row.format(vector=1)}",
                   "CREATE TABLE embeddings (key)"):  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a"
            with contextlib.closing(sqlite3.connect(path)) as database:
                database.executescript(script)
            caches.append(path.read_bytes())
    return caches


def _skeletons() -> list[bytes]:
    """One with a graph of a single tensor, and those whose record lies."""
    manifest = json.loads((SHIPPED / "manifest.json").read_text())
    del manifest["precision"]
    whole = graph_of([helper.make_node("Add", ["x", "w"], ["y"])], {"w": np.ones(1, np.float32)})
    model = onnx.load_model_from_string(whole)
    model.graph.initializer[0].ClearField("raw_data")
    expression = ["mul", "a", ["reshape", ["sqrt", "b"], [-1, 1]]]
    files = []
    for ways, tensors in (
        (expression, {"a": [1], "b": [1]}),
        (["unheard of"], {"a": [HUGE]}),
        ("@", {"a": [-1]}),
    ):
        record = {"manifest": manifest, "tensors": tensors, "ignored": [],
                  "ways": {"fp32": {"frame.onnx": {"w": ways}}}}  # fmt: skip
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("record.json", json.dumps(record).replace('"@"', DEEP))
            archive.writestr("fp32/frame.onnx", model.SerializeToString())
        files.append(file.getvalue())
    return files


def _train_configs() -> list[bytes]:
    document = dataclasses.asdict(TrainConfig())
    return [_json(document), _json(document, steps=HUGE), _json(document, batch=2**60, seed=-1)]


def _engine_key() -> bytes:
    words = ("family", "version", "capability", "device", "cuda", "driver", "l4t", "graph")
    limits = {"streams": 4, "frames": 8, "labels": 512, "attributes": 16}
    key = {**dict.fromkeys(words, "a"), "precision": "fp16", "limits": limits}
    return _json(key, engine="0" * 64, seal="0" * 64)


def _recordings() -> list[bytes]:
    """One of two frames with features, and those whose shapes or numbers lie."""
    bundle = Bundle.open(SHIPPED)
    manifest = bundle.manifest
    bank = bundle.bank.select([0, 1])
    count = 2
    states = {
        "frame": np.ones((count, 128), np.float32),
        "spatial": np.ones((count, len(bank.labels)), np.float32),
        "patch_embeddings": np.ones((count, 4, 128), np.float16),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.rec"
        recorder = Recorder(path, bundle, bank, frames=2, features=True)
        recorder.close()
        head = list(read_records(path))
    start = MAGIC + b"".join(packed(*record) for record in head)
    file = io.BytesIO()
    bank.save(file)
    start += packed(b"B", file.getvalue())
    start += packed_json(b"S", {"stream": 0, "name": "x", "bank": 0, "frames": 2})
    assert manifest.states == ("frame", "spatial")

    def recording(**changes: np.ndarray) -> bytes:
        arrays = {
            "time_s": np.arange(count) / 4,
            "time": np.full(count, np.nan),
            "rate_fps": np.full(count, 4.0),
            "flags": np.zeros(count, np.uint8),
            **states,
            **changes,
        }
        end = packed_json(b"E", {"stream": 0, "rest": True})
        return start + packed_frames(0, arrays) + end

    return [
        recording(),
        recording(time_s=np.asarray([-1.7e308, 1.7e308])),
        recording(spatial=np.ones((count, 3), np.float32)),
        recording(frame=np.full((count, 128), 3e38, np.float32)),
        start.replace(b'"rate_fps": 4.0', b'"rate_fps": 1' + 400 * b"0"),
    ]


def _tokenizers() -> list[bytes]:
    """CLIP's kind with a few merges, another kind, and tokens that are no numbers of a graph."""
    characters = [*map(chr, (*range(33, 127), *range(161, 173), *range(174, 256)))]
    characters += map(chr, range(256, 256 + 256 - len(characters)))
    words = [*characters, *(c + "</w>" for c in characters), "ar", "<|startoftext|>"]
    vocab = {word: number for number, word in enumerate((*words, "<|endoftext|>"))}
    model = {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": vocab, "merges": [["a", "r"]]}
    other = {"type": "WordLevel", "vocab": {"[UNK]": 0, "archery": 1}, "unk_token": "[UNK]"}
    far = {**model, "vocab": {**vocab, "ar": 2**63, "<|endoftext|>": -1}}
    return [_json({"model": one}) for one in (model, {**model, "merges": ["a r"]}, other, far)]


def graph_of(
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, np.ndarray] | None = None,
    output: onnx.ValueInfoProto | None = None,
) -> bytes:
    """Return a graph from `x`, float32 [1], to `y`."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("x", TensorProto.FLOAT, [1])],
        [output or value("y", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def _graphs() -> list[bytes]:
    add = helper.make_node("Add", ["x", "w"], ["y"])
    text = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.STRING)
    whole = graph_of([add], {"w": np.ones(1, np.float32)})
    return [whole, graph_of([text]), whole[: len(whole) // 2], b""]
