"""What the runtime must do without: torch always, OpenCV and the engine until they are needed."""

import subprocess
import sys

import pytest

RUN = "from stzsar.runtime.command.cli import main; main()"


def python(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def absent(*modules: str) -> str:
    """Return the beginning of a program in which importing `modules` fails."""
    return f"import sys; sys.modules.update(dict.fromkeys({modules!r})); "


def test_importing_the_runtime_loads_neither_opencv_nor_an_engine_nor_torch():
    ended = python(
        "import sys, stzsar.runtime;"
        "print({'cv2', 'onnxruntime', 'torch', 'tokenizers', 'onnx', 'rich'} & set(sys.modules))"
    )

    assert ended.stdout == "set()\n", ended.stderr


def test_help_loads_neither_opencv_nor_an_engine_nor_torch():
    ended = python(
        "import atexit, sys;"
        "heavy = {'cv2', 'onnxruntime', 'torch', 'tokenizers', 'onnx'};"
        "atexit.register(lambda: print('loaded', heavy & set(sys.modules)));" + RUN,
        "--help",
    )

    assert ended.returncode == 0
    assert ended.stdout.endswith("loaded set()\n")


def test_a_run_needs_no_torch_and_no_onnx(bundle, red_video):
    modules = ("torch", "torchvision", "open_clip", "onnx", "safetensors")
    arguments = ("--bundle", bundle, "--source", red_video, "--quiet")

    ended = python(absent(*modules) + RUN, *arguments)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count('"type": "result"') == 5


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("onnxruntime", "No inference engine is installed"),
        ("cv2", "OpenCV cannot be loaded"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(bundle, red_video, module, sentence):
    arguments = ("--bundle", bundle, "--source", red_video, "--quiet")

    ended = python(absent(module) + RUN, *arguments)

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"Error: {sentence}")
    assert "run pip install '.[cpu]' in stzsar's folder" in ended.stderr
    assert "Jetson" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_tokenizers_are_only_needed_for_new_labels_of_another_tokenizer_than_clips(
    bundle, red_video, tmp_path
):
    labels = tmp_path / "labels.txt"
    arguments = ("--bundle", bundle, "--source", red_video, "--labels", labels, "--quiet")

    labels.write_text("blue\nred\n")
    assert python(absent("tokenizers") + RUN, *arguments).returncode == 0
    labels.write_text("yellow\n")
    ended = python(absent("tokenizers") + RUN, *arguments)
    assert ended.returncode == 2
    assert "need the package tokenizers to read it: pip install tokenizers" in ended.stderr


def test_the_public_face_is_pinned():
    import stzsar.runtime

    assert stzsar.runtime.__all__ == [
        *("ActionEvent", "Bundle", "CalibrationOptions", "Frames", "Label", "LabelBank"),
        *("LabelRule", "Policy"),
        *("Recognition", "Recognizer", "ReplayOptions", "ResultStream", "RunOptions", "Score"),
        *("StreamOptions", "StzsarError", "run"),
    ]


def test_the_command_is_imported_only_when_it_is_asked_for():
    ended = python(
        "import sys, stzsar.runtime as r;"
        "print('stzsar.runtime.command' in sys.modules, r.run.__name__, r.RunOptions.__name__)"
    )

    assert ended.stdout == "False run RunOptions\n", ended.stderr
