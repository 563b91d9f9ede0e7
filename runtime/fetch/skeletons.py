"""The graphs that ship without their weights, one zip for each backbone.

`make skeletons` writes them with the exporter (`stzsar.export.skeletons`):

    record.json       the manifest, the tensors of the state dict, and for each precision and graph
                      the expression that makes each tensor (`expressions.py`)
    fp32/frame.onnx   a graph whose weights lack their data (`onnx_writer.py`), and so on

CLIP's tokenizer is the same for all of them and lies beside them.
"""

import gzip
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..bundle.manifest import Manifest
from ..bundle.protobuf import RefusedError
from ..documents import MIB, from_json, shown_clause
from ..errors import BundleError, StzsarError
from .expressions import Expression, check
from .onnx_writer import empty_tensors

FOLDER = Path(__file__).parent / "graphs"
TOKENIZER_FILE = "tokenizer.json.gz"
RECORD = "record.json"
_MAX_FILE_BYTES = 4 * MIB
_MAX_TOKENIZER_BYTES = 16 * MIB

# What makes each tensor of a graph, by graph and tensor.
Ways = dict[str, dict[str, Any]]


class Record(msgspec.Struct):
    """What stands beside the graphs of a backbone.

    Attributes:
        manifest: the bundle's, without its name, date, files and origin.
        tensors: the shape of each tensor of the state dict that the graphs need.
        ignored: tensors of the state dict that no graph needs.
        ways: for each precision and graph, what makes each tensor that lacks its data.
    """

    manifest: dict[str, Any]
    tensors: dict[str, tuple[int, ...]]
    ignored: list[str]
    ways: dict[str, Ways]


@dataclass(frozen=True)
class Skeleton:
    """A backbone's graphs in one precision.

    Attributes:
        manifest: the bundle's manifest, without its name, date, files and origin.
        tensors: the shape of each tensor of the state dict that the graphs need.
        ignored: tensors of the state dict that no graph needs.
        ways: for each graph, the expression that makes each tensor that lacks its data.
        graphs: the graphs by their file names.
    """

    manifest: Manifest
    tensors: dict[str, tuple[int, ...]]
    ignored: frozenset[str]
    ways: dict[str, dict[str, Expression]]
    graphs: dict[str, bytes]


def shipped_backbones() -> tuple[str, ...]:
    """Return the backbones whose graphs ship, by open_clip's names."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.zip")))


def read_skeleton(backbone: str, precision: str) -> Skeleton:
    """Read the graphs of a backbone that ships.

    Raises:
        StzsarError: it does not ship, or not in this precision, or its file is damaged.
    """
    known = shipped_backbones()
    if backbone not in known:
        raise StzsarError(
            f"No graphs ship for the backbone {backbone!r:.80}: use one of {', '.join(known)}, or "
            f"export it on a PC with torch: stzsar-export --backbone {backbone:.80}."
        )
    path = FOLDER / f"{backbone}.zip"
    try:
        with zipfile.ZipFile(path) as archive:
            record = from_json(_read(archive, RECORD), Record)
            if precision not in record.ways:
                raise StzsarError(
                    f"The graphs of {backbone} ship in {' and '.join(record.ways)}, not in "
                    f"{precision!r:.20}: choose one of these, or export it on a PC with torch."
                )
            ways = record.ways[precision]
            for expression in (one for tensors in ways.values() for one in tensors.values()):
                check(expression, record.tensors)
            graphs = {name: _read(archive, f"{precision}/{name}") for name in ways}
            for name, graph in graphs.items():
                if set(empty_tensors(graph)) != set(ways[name]):
                    raise ValueError(f"{name} has other tensors than {RECORD} says")
    # A zip may want a password (RuntimeError) or a way to unpack that is not there.
    except (
        *(OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, RuntimeError),
        RefusedError,
    ) as error:
        raise _damaged(path, error) from error
    manifest = {**record.manifest, "precision": precision}
    return Skeleton(
        Manifest.from_json(json.dumps(manifest), where=str(path)),
        record.tensors,
        frozenset(record.ignored),
        ways,
        graphs,
    )


def read_tokenizer() -> str:
    """Return CLIP's tokenizer.json.

    Raises:
        StzsarError: the file is damaged.
    """
    path = FOLDER / TOKENIZER_FILE
    try:
        with gzip.open(path) as file:
            return unpacked_tokenizer(file.read(_MAX_TOKENIZER_BYTES))
    except (OSError, EOFError, zlib.error, KeyError, ValueError) as error:
        raise _damaged(path, error) from error


def packed_tokenizer(text: str) -> bytes:
    """Return CLIP's tokenizer.json without the tokens that its merges make: a third of the size."""
    document = json.loads(text)
    model = document["model"]
    made = {first + second for first, second in model["merges"]}
    # The tokens of single bytes stand before those of merges, and the special ones behind.
    model["vocab"] = [token for token in model["vocab"] if token not in made]
    model["merges"] = [" ".join(pair) for pair in model["merges"]]
    packed = json.dumps(document, ensure_ascii=False).encode()
    if unpacked_tokenizer(packed) != text:
        raise ValueError("this is not CLIP's tokenizer.json")
    return packed


def unpacked_tokenizer(packed: bytes) -> str:
    """Return the tokenizer.json that `packed_tokenizer` was given."""
    document = json.loads(packed)
    model = document["model"]
    merges = [merge.split(" ") for merge in model["merges"]]
    *single, start, end = model["vocab"]
    tokens = [*single, *("".join(pair) for pair in merges), start, end]
    model["vocab"] = {token: number for number, token in enumerate(tokens)}
    model["merges"] = merges
    return json.dumps(document, indent=2, ensure_ascii=False)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _MAX_FILE_BYTES:
        raise zipfile.BadZipFile(f"{name} is too large")
    return archive.read(name)


def _damaged(path: Path, error: Exception) -> BundleError:
    return BundleError(f"{path} is damaged ({shown_clause(error)}): install stzsar again.")
