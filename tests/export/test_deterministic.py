"""The same checkpoint gives the same bytes, in whatever process."""

import os
import subprocess
import sys

import pytest

from stzsar.models.checkpoint import Checkpoint, save_checkpoint
from stzsar.models.folder import written_whole
from stzsar.runtime.bundle import sha256_of
from stzsar.runtime.manifest import Manifest

# One process exports in both precisions: most of its time goes into importing torch.
_EXPORT = """
import sys
from stzsar.export.cli import main
for precision in ("fp16", "int8"):
    options = [sys.argv[1], f"--{precision}", "--output", f"{sys.argv[2]}/{precision}"]
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


@pytest.mark.slow
def test_two_exports_of_a_checkpoint_have_the_same_bytes(checkpoint, root, tmp_path):
    """In two processes, whose sets and dicts are hashed differently, at two different times."""
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root.parent)}
        subprocess.run(
            [sys.executable, "-c", _EXPORT, str(checkpoint), seed],
            check=True,
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
        )
    for precision in ("fp16", "int8"):
        one, two = (tmp_path / seed / precision for seed in "12")
        names = {path.name for path in one.iterdir()}
        assert {"frame.onnx", "window.onnx", "text.onnx", "tokenizer.json", "bank.npz"} <= names
        for name in names - {"manifest.json"}:  # which says when it was made
            assert sha256_of(one / name) == sha256_of(two / name), name
        made = [Manifest.from_json((f / "manifest.json").read_text(), where="") for f in (one, two)]
        assert made[0].files == made[1].files
