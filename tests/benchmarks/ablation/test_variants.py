"""The rows: the same words for all of a column, and one network for each head."""

import pytest
import torch

from stzsar.benchmarks.ablation.encoder import network_config
from stzsar.benchmarks.ablation.heads import HEADS
from stzsar.benchmarks.ablation.variants import (
    COUNTS,
    MOST,
    VARIANTS,
    Variant,
    attributes_of,
    stage_of,
)
from stzsar.models.interaction import Bank
from stzsar.runtime.shapes.scenes import find_action, seen_actions

ROPE = find_action("white diamond swinging on a rope")


def test_every_head_meets_every_number_of_attributes_and_loses_its_temporal_transformer_once():
    assert len(VARIANTS) == len(set(map(str, VARIANTS)))
    usual = {(v.head, v.attributes) for v in VARIANTS if v.temporal and v.patch_path == "block"}
    assert usual == {(head, count) for head in HEADS for count in COUNTS}
    assert {v.head for v in VARIANTS if not v.temporal} == set(HEADS)
    assert {v.head for v in VARIANTS if v.patch_path == "value"} == {
        head for head in HEADS if HEADS[head].uses_patches
    }


def test_all_heads_with_all_attributes_are_trained_before_anything_else():
    first = [variant for variant in VARIANTS if stage_of(variant) == 0]
    assert [variant.head for variant in first] == list(HEADS)
    assert {variant.attributes for variant in first} == {MOST}
    assert {stage_of(variant) for variant in VARIANTS} == set(range(5))


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


@pytest.mark.parametrize(("head", "count"), [("top-3", 3), ("max", 1)])
def test_the_best_frames_are_those_nearest_to_the_described_class(make_bank, head, count):
    torch.manual_seed(0)
    config = network_config()
    network = Variant(head, MOST).network(config).eval()
    similarity = torch.randn(2, 8, 5)

    weights = network.head.frame_weights({"class_similarity": similarity}, make_bank())

    torch.testing.assert_close(weights.sum(1), torch.ones(2, 5))
    chosen = similarity.masked_fill(weights == 0, -torch.inf)
    expected = similarity.topk(count, dim=1).values
    torch.testing.assert_close(chosen.topk(count, dim=1).values, expected)
    assert (weights > 0).sum() == count * 2 * 5


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
