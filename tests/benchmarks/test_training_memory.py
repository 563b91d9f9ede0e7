"""The bytes that tensors without values say are those of tensors that have some."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from stzsar.benchmarks.training_memory import Options, alive_bytes, count_step
from stzsar.models.config import small_config
from stzsar.models.stzsar import STZSAR
from stzsar.models.transformer import recompute_activations
from stzsar.train.loop.precision import Precision


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("recomputed", [False, True])
def test_tensors_without_values_are_as_large_as_others(precision, recomputed):
    def count():
        network = STZSAR(small_config()).train()
        Precision.choose(precision, torch.device("cpu")).apply_to(network)
        recompute_activations(network, on=recomputed)
        return count_step(network, Options(batch=3, frames=2, attributes=4))

    with FakeTensorMode():
        without = count()
    assert without == pytest.approx(count(), rel=0.01)


def test_what_is_alive_at_once_is_counted_and_views_are_not():
    with alive_bytes() as alive:
        first = torch.zeros(1000)
        second = first + 1
        del first
        third = second.view(10, 100)[:, 0]
        third.add_(1)
        assert alive.now == 4000
    assert alive.peak == 8000
