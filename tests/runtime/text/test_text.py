import logging

import numpy as np
import onnx
import pytest

from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.errors import BundleError, LabelError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.text.choose_labels import choose_labels
from stzsar.runtime.text.encoder import BATCH, TextEncoder


@pytest.fixture
def encoder(bundle) -> TextEncoder:
    return TextEncoder(Bundle.open(bundle), threads=1)


def test_tokens_stand_within_the_prompt_between_start_and_end(encoder):
    row = encoder.tokens(["red"]).rows[0]

    # [START] this is a video about red . [END], and zeros to the context length
    assert row.dtype == np.int64
    assert row.tolist() == [1, 4, 5, 6, 7, 8, 9, 3, 2, 0, 0, 0]


def test_a_long_text_is_cut_and_keeps_its_end_token(encoder):
    row = encoder.tokens(["red " * 50]).rows[0]

    assert len(row) == 12
    assert row[0] == 1
    assert row[-1] == 2


def test_labels_that_differ_behind_the_cut_are_one_warning(encoder, caplog):
    long = ["red " * 12 + "with a helmet", "red " * 12 + "without a helmet"]
    with caplog.at_level(logging.WARNING, logger="stzsar"):
        bank = encoder.bank_for([*map(Label, long), Label("sky")])

    np.testing.assert_array_equal(*bank.class_embeddings[:2])
    (record,) = caplog.records
    assert record.getMessage().startswith("2 labels are longer than the 12 tokens that the network")
    assert f"The network cannot tell {long[0]!r} and {long[1]!r} apart" in record.getMessage()


def test_a_label_that_fills_the_context_is_not_cut(encoder, caplog):
    with caplog.at_level(logging.WARNING, logger="stzsar"):
        tokens = encoder.tokens(["red red red red", "red red red red red"])
        encoder.bank_for([Label("red red red red")])

    assert tokens.rows[0, -1] == 2  # the end token
    assert list(tokens.cut) == ["red red red red red"]
    assert caplog.records == []


def test_embeddings_are_unit_and_in_the_order_of_the_texts(encoder):
    embeddings = encoder.embed(["red", "blue", "red"])

    assert embeddings.shape == (3, 3)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(embeddings[0], embeddings[2])
    assert embeddings.argmax(1).tolist() == [2, 0, 2]


def test_equal_texts_are_embedded_once_and_progress_is_told(encoder):
    told = []
    texts = [f"text {index % 300}" for index in range(900)]

    encoder.embed(texts, lambda done, total: told.append((done, total)))

    assert told[0] == (0, 300)
    assert told[1:] == [(min(done, 300), 300) for done in range(BATCH, 300 + BATCH, BATCH)]


def test_an_ensemble_is_the_unit_mean_of_unit_embeddings(own_bundle, rewrite_manifest):
    prompts = ("red {}", "{} sky", "a video about {}.")
    each = []
    for prompt in (*([one] for one in prompts), prompts):
        rewrite_manifest(own_bundle, text={"prompts": prompt, "context_length": 12})
        each.append(TextEncoder(Bundle.open(own_bundle)).embed(["blue", "grass", "ruby"]))
    mean = np.mean(each[:-1], axis=0)

    expected = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    np.testing.assert_allclose(each[-1], expected, atol=1e-6)
    assert np.abs(each[-1] - each[0]).max() > 1e-3


def test_a_text_that_one_prompt_of_an_ensemble_makes_too_long_is_named(
    own_bundle, rewrite_manifest, caplog
):
    text = {"prompts": ["{}", "a video about a red {} sky"], "context_length": 12}
    rewrite_manifest(own_bundle, text=text)
    with caplog.at_level(logging.WARNING, logger="stzsar"):
        TextEncoder(Bundle.open(own_bundle)).bank_for([Label("red"), Label("red " * 8)])

    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "1 labels are longer than the 12 tokens that the network reads, and are cut"
    ]


def test_a_bank_pads_and_masks_attributes(encoder):
    labels = [Label("red", attributes=("crimson", "ruby")), Label("sky")]

    bank = encoder.bank_for(labels)

    assert bank.names == ("red", "sky")
    assert bank.attribute_mask.tolist() == [[True, True], [True, False]]
    np.testing.assert_array_equal(bank.class_embeddings[1], encoder.embed(["sky"])[0])
    np.testing.assert_array_equal(bank.attribute_embeddings[0], encoder.embed(["crimson", "ruby"]))
    np.testing.assert_array_equal(bank.attribute_embeddings[1, 0], bank.class_embeddings[1])
    assert not bank.attribute_embeddings[1, 1].any()


def test_a_bundle_without_text_has_no_encoder(mute_bundle):
    with pytest.raises(BundleError, match="no text encoder"):
        TextEncoder(Bundle.open(mute_bundle))


@pytest.mark.parametrize(
    ("other", "message"),
    [("window.onnx", "is not a text graph"), ("wide", r"and not finite float32 rows of 3")],
)
def test_another_graph_in_the_place_of_the_text_graph_is_refused(
    own_bundle, rewrite_manifest, other, message
):
    path = own_bundle / "text.onnx"
    if other == "wide":
        model = onnx.load(path)
        concat = onnx.helper.make_node("Concat", ["one_wide"] * 2, ["embeddings"], axis=1)
        for node in model.graph.node:
            node.output[:] = ["one_wide" if o == "embeddings" else o for o in node.output]
        model.graph.node.append(concat)
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 6
        onnx.save(model, path)
    else:
        path.write_bytes((own_bundle / other).read_bytes())
    rewrite_manifest(own_bundle)

    with pytest.raises(BundleError, match=message):
        Recognizer.load(own_bundle, ["yellow"])


def test_a_spoilt_tokenizer_is_refused(own_bundle, rewrite_manifest):
    (own_bundle / "tokenizer.json").write_text("{}")
    rewrite_manifest(own_bundle)

    with pytest.raises(BundleError, match="not a tokenizer"):
        TextEncoder(Bundle.open(own_bundle)).load()


def test_without_wanted_labels_all_of_the_bundle_are_taken(mute_bundle):
    assert choose_labels(Bundle.open(mute_bundle)).names == ("red", "green", "blue")


def test_known_labels_come_from_the_bank_in_the_wanted_order(mute_bundle):
    opened = Bundle.open(mute_bundle)

    bank = choose_labels(opened, ["blue", "red"])

    assert bank.names == ("blue", "red")
    assert bank.labels[1].attributes == ("crimson", "ruby")
    np.testing.assert_array_equal(bank.class_embeddings, opened.bank.class_embeddings[[2, 0]])


def test_known_labels_are_found_in_any_spelling_and_keep_that_of_the_user(mute_bundle):
    opened = Bundle.open(mute_bundle)

    bank = choose_labels(opened, ["BLUE", "(red)"])

    assert bank.names == ("BLUE", "(red)")
    assert [label.attributes for label in bank.labels] == [("sky",), ("crimson", "ruby")]
    np.testing.assert_array_equal(bank.class_embeddings, opened.bank.class_embeddings[[2, 0]])


def test_a_known_label_with_the_same_attributes_comes_from_the_bank(mute_bundle):
    wanted = Label("red", attributes=("crimson", "ruby"))

    assert choose_labels(Bundle.open(mute_bundle), [wanted]).labels == (wanted,)


def test_new_labels_are_embedded_and_mixed_with_known_ones(bundle):
    bank = choose_labels(Bundle.open(bundle), ["yellow", "blue", "Íjászat", "red"])

    assert bank.names == ("yellow", "blue", "Íjászat", "red")
    assert bank.class_embeddings[0] @ np.asarray([0, 0.7, 0.7]) > 0.9
    assert bank.attribute_mask.sum(1).tolist() == [1, 1, 1, 2]


def test_a_known_name_with_other_attributes_is_embedded_anew(bundle):
    bank = choose_labels(Bundle.open(bundle), [Label("red", attributes=("grass",))])

    assert bank.attribute_embeddings[0, 0].argmax() == 1


def test_unknown_labels_without_an_encoder_are_refused_with_the_nearest(mute_bundle):
    with pytest.raises(LabelError, match=r"'gren' \(nearest: 'green', 'red', 'blue'\)"):
        choose_labels(Bundle.open(mute_bundle), ["gren", "red"])


def test_many_unknown_labels_are_counted(mute_bundle):
    with pytest.raises(LabelError, match="and 95 more") as caught:
        choose_labels(Bundle.open(mute_bundle), [f"label {index}" for index in range(100)])

    assert len(str(caught.value)) < 800


def test_known_names_with_new_attributes_need_an_encoder_too(mute_bundle):
    with pytest.raises(LabelError, match="'red' with those attributes"):
        choose_labels(Bundle.open(mute_bundle), [Label("red", attributes=("grass",))])


def test_ten_thousand_labels_are_embedded(bundle):
    labels = [Label(f"label {index}", attributes=("red", "sky")) for index in range(10_000)]

    bank = choose_labels(Bundle.open(bundle), labels)

    assert bank.class_embeddings.shape == (10_000, 3)
    assert bank.attribute_embeddings.shape == (10_000, 2, 3)


def test_more_labels_than_can_be_scored_are_refused(bundle):
    with pytest.raises(LabelError, match="10001 labels; at most 10000"):
        choose_labels(Bundle.open(bundle), [f"label {index}" for index in range(10_001)])
