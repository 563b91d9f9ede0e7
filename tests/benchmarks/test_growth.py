"""How costs grow: the straight line, the parts of a decision, and what is run."""

import sys

import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.benchmarks.decision_time import Step, TimedBundle, TimedGraph, time_steps
from stzsar.benchmarks.growth import main, table
from stzsar.benchmarks.growth_curve import Curve
from stzsar.benchmarks.growth_picture import draw
from stzsar.benchmarks.random_banks import random_bank
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.errors import LabelError, StzsarError


def curve(sizes, times):
    parts = np.stack([np.asarray(times) * share for share in (0.5, 0.3, 0.2)], -1)
    rounds = np.stack([2 * parts, parts, 3 * parts])
    return Curve("labels", tuple(map(str, sizes)), np.asarray(sizes, float), rounds)


def test_a_straight_cost_lies_on_its_line():
    found = curve([1, 10, 100], [12, 30, 210])
    assert found.line() == pytest.approx((10, 2))
    assert found.fastest_ms.tolist() == pytest.approx([12, 30, 210])
    assert found.median_ms.tolist() == pytest.approx([24, 60, 420])
    assert table(found).splitlines()[2] == "| 1 | 12 | 24 | 6 | 3.6 | 2.4 | +0% |"


def test_a_knee_is_seen_beside_the_line():
    found = curve([1, 2, 4, 8, 16], [1, 2, 4, 8, 64])
    last = table(found).splitlines()[6].split("|")[-2].strip()
    assert int(last.rstrip("%")) > 25


def test_a_single_point_has_a_line_that_meets_it():
    assert curve([5], [3]).line() == pytest.approx((3, 0))


class Counted(TimedGraph):
    """Counts the frames or windows that a graph is given."""

    rows = 0

    def bind(self, constants, outputs=None):
        bound = super().bind(constants, outputs)

        def run(feeds):
            self.rows += len(next(iter(feeds.values())))
            return bound(feeds)

        return run


def test_every_step_encodes_and_decides_for_each_stream():
    timed = TimedBundle.load(Bundle.open(shipped_bundle()), threads=1)
    timed.frame.graph, timed.window.graph = counted = (
        Counted(timed.frame.graph),
        Counted(timed.window.graph),
    )
    step = Step(timed, random_bank(5, 3, 128), frames=4, streams=3)
    for graph in counted:
        graph.rows = 0
    parts_ms = time_steps([step], rounds=2)
    assert parts_ms.shape == (2, 1, 3)
    assert (parts_ms > 0).all()
    # Two rounds and a warm-up, of three streams.
    assert [graph.rows for graph in counted] == [9, 9]


def test_a_random_bank_has_unit_vectors_and_is_the_same_each_time():
    bank = random_bank(4, 3, 16)
    for vectors in (bank.class_embeddings, bank.attribute_embeddings):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, rtol=1e-6)
    assert np.array_equal(bank.class_embeddings, random_bank(4, 3, 16).class_embeddings)
    with pytest.raises(LabelError, match="at most 100000"):
        random_bank(10_000, 11, 2)


def test_a_picture_of_an_unknown_kind_is_refused(tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(StzsarError, match=r"name it \.png"):
        draw([curve([1, 2], [1, 2])], tmp_path / "growth.what", title="")


def test_without_matplotlib_nothing_is_measured_in_vain(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = CliRunner().invoke(main, ["--quick", "--plot", "x.png"])
    assert result.exit_code == 2
    assert "needs matplotlib" in result.stderr
