"""The rows: the same words for all of a column, and one network for each head."""

import pytest
import torch

from stzsar.benchmarks.ablation.encoder import network_config
from stzsar.benchmarks.ablation.variants import (
    COUNTS,
    HEADS,
    VARIANTS,
    Variant,
    attributes_of,
    described,
)
from stzsar.models.interaction import Bank
from stzsar.runtime.shapes.scenes import find_action, seen_actions

ROPE = find_action("white diamond swinging on a rope")


def test_every_head_meets_every_number_of_attributes():
    assert len(VARIANTS) == len(set(VARIANTS)) == len(HEADS) * len(COUNTS) == 16


def test_few_attributes_tell_of_the_thing_and_of_the_motion():
    assert attributes_of(ROPE, 2) == ("pale", "rope")
    assert len(attributes_of(ROPE, 4)) == 4
    assert set(attributes_of(ROPE, 8)) == {*ROPE.thing.attributes, *ROPE.motion.attributes}


def test_the_label_alone_is_its_own_attribute_and_ambiguous_in_the_hard_setting():
    alone = Variant("product", 0)
    assert alone.label(ROPE, "hard").attributes == ("white diamond swinging",)
    assert alone.label(ROPE, "plain").attributes == ("white diamond swinging on a rope",)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_two_classes_of_a_row_have_one_name(variant):
    names = {variant.label(action, "hard").name for action in seen_actions()}
    assert len(names) == len(seen_actions())


def test_mean_pooling_is_told_of_the_attributes_that_the_other_heads_have():
    unit = torch.nn.functional.normalize(torch.randn(2, 3, 8), dim=-1)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    bank = Bank(unit[:, 0], unit, mask)

    found = described(bank).class_embeddings

    expected = unit[0, 0] + (unit[0, 0] + unit[0, 1]) / 2
    torch.testing.assert_close(found[0], expected / expected.norm())
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(2))


def test_words_change_what_mean_pooling_says_only_where_it_has_attributes():
    torch.manual_seed(0)
    config = network_config()
    clips = torch.randint(0, 256, (1, 2, 64, 64, 3), dtype=torch.uint8)
    unit = torch.nn.functional.normalize(torch.randn(3, 2, config.dim), dim=-1)
    other = torch.nn.functional.normalize(torch.randn(3, 2, config.dim), dim=-1)
    mask = torch.ones(3, 2, dtype=torch.bool)

    def changes(variant):
        network = variant.network(config).eval()
        with torch.no_grad():
            one, two = (network(clips, Bank(unit[:, 0], words, mask)) for words in (unit, other))
        return not torch.allclose(one, two)

    assert not changes(Variant("mean", 0))
    assert changes(Variant("mean", 8))
