"""The words of a batch: a label's text and its name in turn."""

import torch

from stzsar.models.config import small_config
from stzsar.models.stzsar import STZSAR
from stzsar.runtime.labels.labels import Label
from stzsar.train.loop.objective import BatchTexts

LABELS = [Label("heart swinging on a rope", "heart swinging"), Label("heart rising")]


def test_a_label_without_attributes_is_its_own_attribute_in_either_wording():
    network = STZSAR(small_config()).eval()
    texts = BatchTexts(LABELS, network, train_text=False)
    by_text, by_name = (texts.bank(network, torch.arange(2), step) for step in range(2))
    for bank in (by_text, by_name):
        torch.testing.assert_close(bank.attribute_embeddings[:, 0], bank.class_embeddings)
    assert not torch.equal(by_text.class_embeddings[0], by_name.class_embeddings[0])
    torch.testing.assert_close(by_text.class_embeddings[1], by_name.class_embeddings[1])


def test_attributes_stay_whatever_the_wording():
    labels = [Label("heart swinging on a rope", "heart swinging", ("rope",)), LABELS[1]]
    network = STZSAR(small_config()).eval()
    texts = BatchTexts(labels, network, train_text=False)
    by_text, by_name = (texts.bank(network, torch.arange(2), step) for step in range(2))
    torch.testing.assert_close(by_text.attribute_embeddings, by_name.attribute_embeddings)
