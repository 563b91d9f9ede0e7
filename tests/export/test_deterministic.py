"""The same checkpoint gives the same bytes, in whatever process."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from stzsar.export.cli import main
from stzsar.models.checkpoint import Checkpoint, save_checkpoint
from stzsar.runtime.atomic import written_whole
from stzsar.runtime.bundle.bundle import sha256_of
from stzsar.runtime.bundle.manifest import Manifest

# Another process exports in both precisions, of the same traces.
_EXPORT = """
import sys
import onnx
from stzsar.export import write_bundle
from stzsar.export.cli import main
trace, traces = write_bundle.trace, {}
def trace_once(spec):
    kind = type(spec.module)
    if kind not in traces:
        traces[kind] = trace(spec).SerializeToString()
    return onnx.ModelProto.FromString(traces[kind])
write_bundle.trace = trace_once
for precision in ("fp16", "int8"):
    options = [sys.argv[1], f"--{precision}", "--output", f"there/{precision}"]
    main(options, standalone_mode=False)
"""


@pytest.fixture
def checkpoint(tmp_path, make_request):
    request = make_request(interaction="product", temporal=True)
    described = Checkpoint(
        model=request.network.config,
        labels=tuple(request.labels),
        sampling=request.sampling,
        origin=request.origin,
        step=3,
    )
    with written_whole(tmp_path / "checkpoint") as folder:
        save_checkpoint(folder, described, request.network)
    return tmp_path / "checkpoint"


def test_two_exports_of_a_checkpoint_have_the_same_bytes(checkpoint, root, tmp_path, monkeypatch):
    """In two processes, whose sets and dicts are hashed differently, at two different times."""
    monkeypatch.chdir(tmp_path)
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root.parent)}
    subprocess.run(
        [sys.executable, "-c", _EXPORT, str(checkpoint)],
        check=True,
        env={**os.environ, **environment},
        capture_output=True,
    )
    for precision in ("fp16", "int8"):
        options = [str(checkpoint), f"--{precision}", "--output", f"here/{precision}"]
        result = CliRunner().invoke(main, options)
        assert result.exit_code == 0, result.output
        one, two = (tmp_path / where / precision for where in ("here", "there"))
        names = {path.name for path in one.iterdir()}
        assert {"frame.onnx", "window.onnx", "text.onnx", "tokenizer.json", "bank.npz"} <= names
        for name in names - {"manifest.json", "README.md"}:  # which say when it was made
            assert sha256_of(one / name) == sha256_of(two / name), name
        made = [Manifest.from_json((f / "manifest.json").read_text(), where="") for f in (one, two)]
        assert made[0].files == made[1].files
