"""Prompts by name, from a file, and as an ensemble in the bank."""

import pytest
import torch

from stzsar.models.label_texts import LabelTexts, embed_labels
from stzsar.models.prompts import PROMPT_SETS, read_prompts
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.labels.labels import Label

LABELS = [Label("archery", attributes=("bow", "arrow")), Label("salsa spin")]


def test_the_families_sets_have_their_published_sizes():
    sizes = {name: len(prompts) for name, prompts in PROMPT_SETS.items()}
    assert sizes["actionclip"] == 16
    assert sizes["clip-kinetics"] == 28
    assert sizes["clip-ucf101"] == 48
    assert PROMPT_SETS["clip-kinetics"][8] == "a video of a person {}."
    assert PROMPT_SETS["clip-ucf101"][47] == "a demonstration of the person practicing {}."
    for name in PROMPT_SETS:
        assert read_prompts(name) == PROMPT_SETS[name]


def test_prompts_are_a_sentence_or_a_file_of_them(tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("a photo of {}.\n\n  a clip of {} \n")
    assert read_prompts("they are {}!") == ("they are {}!",)
    assert read_prompts(str(file)) == ("a photo of {}.", "a clip of {}")
    assert read_prompts(["{}", "a {}"]) == ("{}", "a {}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a photo of {}\na photo\n", "a prompt holds {} once"),
        ("", "there are 1 to 256 different prompts, got 0"),
        ("{}\n{}\n", "different prompts"),
        ("{} and {}", "holds {} once"),
    ],
)
def test_a_file_that_is_no_list_of_prompts_is_refused(tmp_path, content, said):
    file = tmp_path / "prompts.txt"
    file.write_text(content)
    with pytest.raises(StzsarError, match=said):
        read_prompts(str(file))


def test_what_is_neither_a_set_nor_a_file_nor_a_sentence_is_refused():
    with pytest.raises(StzsarError, match="'bikes' is no set of prompts"):
        read_prompts("bikes")


def test_a_bank_holds_the_unit_mean_of_unit_embeddings(make_network):
    network = make_network(prompts=PROMPT_SETS["actionclip"])
    bank = embed_labels(network, LABELS)
    texts = [label.text for label in LABELS] + ["bow"]
    singles = []
    for prompt in PROMPT_SETS["actionclip"]:
        network.use_prompts([prompt])
        one = embed_labels(network, [Label(text) for text in texts])
        singles.append(torch.from_numpy(one.class_embeddings))
    expected = torch.nn.functional.normalize(torch.stack(singles).mean(0), dim=-1)
    found = torch.from_numpy(bank.class_embeddings)
    torch.testing.assert_close(found, expected[:2], atol=1e-6, rtol=0)
    attribute = torch.from_numpy(bank.attribute_embeddings[0, 0])
    torch.testing.assert_close(attribute, expected[2], atol=1e-6, rtol=0)
    assert (found - singles[0][:2]).abs().max() > 1e-3


def test_an_ensemble_trains_the_text_tower(make_network):
    network = make_network(prompts=("a photo of {}.", "a video of {}."))
    texts = LabelTexts(LABELS, network.config)
    bank = texts.bank(network, torch.tensor([1, 0]))
    fixed = texts.fixed_bank(texts.embeddings(network), torch.tensor([1, 0]))
    for found, expected in zip(bank, fixed, strict=True):
        torch.testing.assert_close(found, expected)
    bank.class_embeddings[0, 0].backward()
    assert network.text.token_embedding.weight.grad.abs().sum() > 0
