"""The programs in examples/ run as they are, with the bundle and the clip that ship."""

import importlib.util
import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest


@pytest.fixture
def run(root, tmp_path):
    """Run an example in an empty folder, so that no other bundle is found."""

    def run_well(name, *arguments):
        done = subprocess.run(
            [sys.executable, str(root / "examples" / name), *map(str, arguments)],
            cwd=tmp_path, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_well


@pytest.fixture
def sample(root):
    return root / "runtime/shipped/sample.mp4"


def needs(*packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def test_every_example_is_short(root):
    programs = sorted((root / "examples").glob("*.py"))
    assert len(programs) == 4
    for program in programs:
        assert len(program.read_text().splitlines()) <= 40


def test_a_file(run, root, sample, tmp_path):
    out = run("a_file.py", sample)
    assert re.search(r"18\.\d s  blue circle falling", out)

    out = run("a_file.py", sample, "red heart moving left", "blue circle falling")
    assert "2 labels" in out
    done = subprocess.run(
        [sys.executable, str(root / "examples/a_file.py"), "none.mp4"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "Cannot read the video none.mp4" in done.stderr


def test_a_camera_with_a_callback(run):
    out = run("a_camera.py", "test://moving-shapes?seconds=8&seed=1")

    kinds = [line.split()[2] for line in out.splitlines()]
    assert kinds[0] == "start"
    assert kinds.count("start") == kinds.count("end")


def test_own_frames(run):
    out = run("own_frames.py").splitlines()

    assert "red heart moving left" in out[-2]
    assert out[-1].startswith("Recognition('square', ")


@needs("fastapi", "uvicorn")
def test_a_service(root, sample, tmp_path):
    with subprocess.Popen(
        [sys.executable, str(root / "examples/service.py"), "0"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as service:  # fmt: skip
        try:
            assert service.stdout
            running = (re.search(r"running on (http://\S+)", line) for line in service.stdout)
            address = next(filter(None, running))[1]
            answer = json.load(urllib.request.urlopen(post(address, sample.read_bytes())))
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(post(address, b"no video"))
        finally:
            service.send_signal(signal.SIGINT)

    assert set(answer) == {"label", "score", "decision"}
    assert 0 < answer["score"] <= 1
    assert refused.value.code == 422


def post(address, body):
    return urllib.request.Request(
        f"{address}/classify", data=body, headers={"Content-Type": "video/mp4"}
    )


@needs("nbclient", "ipykernel")
def test_the_notebook(root, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    # A kernel that is this Python, wherever kernels are installed.
    spec = tmp_path / "kernels/here"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "here", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(root / "examples/notebook.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)

    NotebookClient(
        notebook, kernel_name="here", timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    shown = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    assert len(shown) == 3
    assert "24 labels" in shown[0]
    assert all("<table>" in html for html in shown)
    assert "display:inline-block" in shown[1]
