"""Attributes made from texts: the clips, the texts and the banks."""

import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.benchmarks import attributes as benchmark
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.shapes.scenes import unseen_actions

pytest.importorskip("yake", reason="the extra [attributes] is not installed")


def test_each_unseen_class_has_a_text():
    texts = {path.stem for path in benchmark.TEXTS.glob("*.txt")}
    assert texts == {action.label.name for action in unseen_actions()}


@pytest.mark.parametrize("hard", [False, True])
def test_the_clips_are_those_of_the_benchmark(hard):
    moving_shapes = pytest.importorskip("stzsar.train.data.moving_shapes", exc_type=ImportError)
    from stzsar.train.data.dataset import ClipRequest

    dataset = moving_shapes.MovingShapes("unseen-test", "hard" if hard else "plain")
    for index in (0, 31):
        wanted, label = dataset[ClipRequest(index, index)]
        frames, truth = benchmark.clip(index, hard=hard)
        assert truth == label
        assert np.array_equal(frames, wanted.numpy())


def test_texts_become_a_bank():
    labels = benchmark.made_by(benchmark.ByYake("en"))
    assert [label.name for label in labels] == [a.label.name for a in unseen_actions()]
    assert all(1 <= len(label.attributes) <= 8 for label in labels)


def test_a_class_without_attributes_has_the_text_that_its_setting_gives():
    labels = benchmark.by_hand()
    labels[0] = Label(labels[0].name)
    hard = benchmark.embedded(labels, hard=True)
    assert hard[0].attributes == (unseen_actions()[0].label.text,)
    assert hard[1].attributes == labels[1].attributes
    assert benchmark.embedded(labels, hard=False)[0].attributes == (labels[0].name,)


def test_a_model_without_a_server_is_refused():
    result = CliRunner().invoke(benchmark.main, ["--llm-model", "x"])
    assert result.exit_code == 2
    assert "add --llm-url" in result.stderr
