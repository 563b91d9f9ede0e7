"""How costs grow: the straight line, the parts of a decision, and what is run."""

import sys

import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.benchmarks.decision_time import Step, TimedBundle, time_steps
from stzsar.benchmarks.growth.cli import main, table
from stzsar.benchmarks.growth.curve import Curve
from stzsar.benchmarks.random_bundles import random_bank
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.errors import LabelError

from .tables import cells


def curve(sizes, times):
    parts = np.stack([np.asarray(times) * share for share in (0.5, 0.3, 0.2)], -1)
    rounds = np.stack([2 * parts, parts, 3 * parts])
    return Curve("labels", tuple(map(str, sizes)), np.asarray(sizes, float), rounds)


def test_a_straight_cost_lies_on_its_line():
    found = curve([1, 10, 100], [12, 30, 210])
    assert found.line() == pytest.approx((10, 2))
    assert found.fastest_ms.tolist() == pytest.approx([12, 30, 210])
    assert found.median_ms.tolist() == pytest.approx([24, 60, 420])
    assert cells(table(found), 0) == ["1", "12", "24", "6", "3.6", "2.4", "+0%"]


def test_a_knee_is_seen_beside_the_line():
    found = curve([1, 2, 4, 8, 16], [1, 2, 4, 8, 64])
    assert int(cells(table(found), 4)[-1].rstrip("%")) > 25


def test_a_single_point_has_a_line_that_meets_it():
    assert curve([5], [3]).line() == pytest.approx((3, 0))


class Counted:
    """Counts the frames or windows that a graph is given."""

    def __init__(self, graph):
        self._graph, self.rows = graph, 0

    def __getattr__(self, name):
        return getattr(self._graph, name)

    def bind(self, constants, outputs=None):
        bound = self._graph.bind(constants, outputs)

        def run(feeds):
            self.rows += len(next(iter(feeds.values())))
            return bound(feeds)

        return run


def test_every_step_encodes_and_decides_for_each_stream():
    loaded = TimedBundle.load(Bundle.open(shipped_bundle()), threads=1)
    frame, window = Counted(loaded.frame), Counted(loaded.window)
    loaded = loaded._replace(frame=frame, window=window)
    step = Step(loaded, random_bank(5, 3, 128), frames=4, streams=3)
    frame.rows = window.rows = 0
    parts_ms = time_steps([step], rounds=2)
    assert parts_ms.shape == (2, 1, 3)
    assert (parts_ms > 0).all()
    # Two rounds and a warm-up, of three streams.
    assert [frame.rows, window.rows] == [9, 9]


def test_a_random_bank_has_unit_vectors_and_is_the_same_each_time():
    bank = random_bank(4, 3, 16)
    for vectors in (bank.class_embeddings, bank.attribute_embeddings):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, rtol=1e-6)
    assert np.array_equal(bank.class_embeddings, random_bank(4, 3, 16).class_embeddings)
    with pytest.raises(LabelError, match="at most 100000"):
        random_bank(10_000, 11, 2)


def test_a_picture_of_an_unknown_kind_is_refused():
    result = CliRunner().invoke(main, ["--quick", "--plot", "growth.what"])
    assert result.exit_code == 2
    assert "end it in .png" in result.stderr


def test_without_matplotlib_nothing_is_measured_in_vain(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = CliRunner().invoke(main, ["--quick", "--plot", "x.png"])
    assert result.exit_code == 2
    assert "needs matplotlib" in result.stderr
