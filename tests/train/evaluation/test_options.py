"""EvalOptions: what they refuse, and the same test from Python as from the command."""

import json
from pathlib import Path

import pytest

from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.errors import StzsarError
from stzsar.train.evaluation.evaluate import evaluate as evaluate_in_python
from stzsar.train.evaluation.options import EvalOptions


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"protocol": "half"}, "There is no protocol 'half'. Choose one of plain, full, "),
        ({"crops": 2}, "--crops 2 is neither 1 nor 3"),
        ({"seed": 1}, "--seed works with --protocol halves only"),
        ({"split": 1, "protocol": "halves"}, "--split works with --protocol splits only"),
        ({"protocol": "full"}, "--protocol full needs --lists: the folder of the official split"),
        ({"protocol": "splits"}, "--protocol splits needs --lists: "),
        ({"protocol": "k600-160"}, "--protocol k600-160 needs --lists: "),
        ({"protocol": "truze"}, "--protocol truze needs --lists: "),
        ({"lists": Path("lists")}, "--protocol plain does not read --lists"),
        ({"setting": "hard"}, "--setting applies to --data moving-shapes only"),
        ({"prompts": "bikes"}, "'bikes' is no set of prompts"),
        (
            {"prompt_mean": "scores"},
            "There is no --prompt-mean 'scores'. Choose one of embeddings,",
        ),
        ({"prompt_mean": "softmaxes", "prompts": "bike"}, "softmaxes needs several prompts, and"),
        ({"cuts": 2}, "--cuts applies to --data moving-shapes only"),
    ],
)
def test_options_without_effect_are_refused_when_they_are_made(options, sentence):
    with pytest.raises(StzsarError) as refused:
        EvalOptions(model=Path("model"), data=Path("data"), **options)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"protocol": "halves"}, "leave out --protocol"),
        ({"labels": "a,b"}, "leave out --labels"),
        ({"view": "bike"}, "leave out --view"),
        ({"crops": 3}, "one view a clip, with labels of its own: leave out --crops"),
        ({"setting": "hard", "cuts": 2}, "--cuts needs --setting untrimmed"),
        ({"action_share": 0.3}, "--action-share needs --setting untrimmed"),
    ],
)
def test_moving_shapes_refuses_what_applies_to_files_and_cuts_where_there_are_none(
    options, sentence
):
    with pytest.raises(StzsarError) as refused:
        EvalOptions(model=Path("model"), data=Path("moving-shapes"), **options)
    assert sentence in str(refused.value)


def test_python_and_the_command_give_the_same_report(evaluate, drawn_videos, tmp_path):
    result = evaluate(
        *(shipped_bundle(), "--data", drawn_videos, "--protocol", "halves", "--seed", 3),
        *("--json", tmp_path / "command.json", "--crops", 3),
    )
    assert result.exit_code == 0, result.output
    options = EvalOptions(
        model=shipped_bundle(),
        data=drawn_videos,
        protocol="halves",
        seed=3,
        crops=3,
        json=tmp_path / "python.json",
    )

    found = evaluate_in_python(options)

    written = (tmp_path / "python.json").read_text()
    assert written == (tmp_path / "command.json").read_text()
    assert json.loads(written) == json.loads(json.dumps(found.to_json()))
    assert len(found.report.rows) == 10
