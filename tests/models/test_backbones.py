"""MobileCLIP, PE-Core and SigLIP2 against open_clip, on small relatives with the same code."""

import dataclasses
import json

import huggingface_hub
import open_clip
import pytest
import torch
from open_clip.tokenizer import canonicalize_text
from tokenizers import Tokenizer
from torch import nn

from stzsar.export.folding import folded_for_inference
from stzsar.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from stzsar.models.config import HeadConfig, ModelConfig, TimmConfig, small_config
from stzsar.models.label_texts import LabelTexts, embed_labels
from stzsar.models.open_clip_towers import check_same, copy_weights
from stzsar.models.pretrained import load_clip
from stzsar.models.stzsar import STZSAR
from stzsar.models.timm_vision import attended_alone
from stzsar.models.tokenizer_file import tokenizer_of
from stzsar.runtime.bundle.manifest import SamplingSpec, WeightsOrigin
from stzsar.runtime.errors import BundleError
from stzsar.runtime.labels.labels import Label, as_labels

BACKBONES = ["tiny-MobileCLIP2", "tiny-MobileCLIP-B", "tiny-PE-Core", "tiny-SigLIP2"]


@pytest.fixture(scope="module")
def pair(backbones, tmp_path_factory):
    """Returns (our network, open_clip's model) by name; each is made once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = backbones.load(name, tmp_path_factory.mktemp("weights"))
        return made[name]

    return get


def draw_frames(network, count=2):
    size = network.config.vision.image_px
    generator = torch.Generator().manual_seed(0)
    shape = (count, size, size, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def draw_tokens(config, count=3):
    generator = torch.Generator().manual_seed(0)
    shape = (count, config.context_length)
    tokens = torch.randint(3, config.vocab_size - 1, shape, generator=generator)
    for row in range(count):
        tokens[row, 4 + row] = config.vocab_size - 1
        tokens[row, 5 + row :] = 0
    return tokens


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_embeddings_are_those_of_open_clip(pair, name):
    network, source = pair(name)
    frames, tokens = draw_frames(network), draw_tokens(network.config.text)
    pixels = network.visual.pixels(frames)
    torch.testing.assert_close(
        network.visual(frames).frame, source.encode_image(pixels), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        network.text(tokens), source.encode_text(tokens), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(network.head.logit_scale, source.logit_scale)


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_each_place_has_an_embedding_of_its_own(pair, name):
    network, _ = pair(name)
    found = network.visual(draw_frames(network))
    config = network.config
    assert found.patches.shape == (2, config.vision.patches, config.dim)
    assert found.patches.std(1).min() > 1e-4


@torch.no_grad()
def test_a_mean_pooled_frame_is_the_mean_of_its_patches(pair):
    found = pair("tiny-MobileCLIP2")[0]
    features = found.visual(draw_frames(found))
    torch.testing.assert_close(features.patches.mean(1), features.frame)


@pytest.mark.parametrize("name", ["tiny-PE-Core", "tiny-SigLIP2"])
@torch.no_grad()
def test_a_patch_is_what_the_attention_pool_gives_if_it_sees_nothing_else(pair, name):
    network, _ = pair(name)
    trunk = network.visual.trunk
    frames = draw_frames(network)
    features = trunk.forward_features(network.visual.pixels(frames))
    places = features[:, trunk.num_prefix_tokens :]
    patches = network.visual(frames).patches
    for place in range(places.shape[1]):
        alone = trunk.head(trunk.fc_norm(trunk.attn_pool(places[:, place : place + 1])))
        torch.testing.assert_close(patches[:, place], alone)
    assert attended_alone(trunk.attn_pool, places).shape == places.shape


@torch.no_grad()
def test_a_patch_beside_a_class_token_passes_the_same_head(pair):
    network, _ = pair("tiny-MobileCLIP-B")
    trunk, frames = network.visual.trunk, draw_frames(network)
    features = trunk.forward_features(network.visual.pixels(frames))
    found = network.visual(frames)
    torch.testing.assert_close(found.frame, trunk.head(features[:, 0]))
    torch.testing.assert_close(found.patches[:, 2], trunk.head(features[:, 3]))


@torch.no_grad()
def test_folded_branches_give_the_same_numbers_and_leave_the_network_as_it_was(pair):
    network, _ = pair("tiny-MobileCLIP2")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = folded_for_inference(network)

    def count(kind, model):
        return sum(isinstance(module, kind) for module in model.visual.modules())

    assert count(nn.Conv2d, folded) < count(nn.Conv2d, network)
    assert count(nn.BatchNorm2d, folded) < count(nn.BatchNorm2d, network) / 4
    frames = draw_frames(network)
    expected = network.visual(frames)
    scale = expected.frame.abs().max().item()
    for ours, theirs in zip(folded.visual(frames), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * scale)
    assert folded.text is network.text
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_a_checkpoint_says_its_backbone_and_loads_without_open_clip(
    pair, name, tmp_path, monkeypatch
):
    network, _ = pair(name)
    checkpoint = Checkpoint(
        model=network.config,
        labels=as_labels(["archery", "swing"]),
        sampling=SamplingSpec(frames=4, rate_fps=4.0),
        origin=WeightsOrigin(source="a test", knows="nothing"),
        step=1,
    )
    save_checkpoint(tmp_path, checkpoint, network)
    monkeypatch.setattr(open_clip, "create_model", None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", None)
    found, loaded = load_checkpoint(tmp_path)
    assert found == checkpoint
    frames = draw_frames(network)
    assert torch.equal(loaded.eval().visual(frames).patches, network.visual(frames).patches)
    banks = [embed_labels(n, found.labels).class_embeddings for n in (loaded, network)]
    assert (banks[0] == banks[1]).all()


def test_a_checkpoint_without_its_tokenizer_is_one_sentence(pair, tmp_path):
    network, _ = pair("tiny-SigLIP2")
    sampling = SamplingSpec(frames=4, rate_fps=4.0)
    origin = WeightsOrigin(source="a test", knows="nothing")
    labels = as_labels(["archery"])
    checkpoint = Checkpoint(
        model=network.config, labels=labels, sampling=sampling, origin=origin, step=1
    )
    save_checkpoint(tmp_path, checkpoint, network)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(BundleError, match=r"Cannot read the tokenizer .*tokenizer\.json"):
        load_checkpoint(tmp_path)


def test_a_configuration_older_than_the_kinds_is_read():
    document = json.loads(json.dumps(small_config().to_json()))
    del document["vision"]["kind"]
    for name in ("causal", "pool", "projection_bias", "norm_eps", "tokenizer"):
        del document["text"][name]
    assert ModelConfig.from_json(document) == small_config()


@pytest.mark.usefixtures("backbones")
def test_random_weights_take_the_colours_of_the_backbones_tags(monkeypatch):
    """open_clip itself knows them only with a tag: MobileCLIP2-S0 wants plain 0..1."""
    real = open_clip.get_pretrained_cfg
    tags = open_clip.list_pretrained_tags_by_model("MobileCLIP2-S0")
    assert tags
    monkeypatch.setattr(open_clip, "list_pretrained_tags_by_model", lambda _: tags)
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda _, tag: real("MobileCLIP2-S0", tag))
    network, origin = load_clip("tiny-MobileCLIP2", "none", head=HeadConfig())
    vision = network.config.vision
    assert isinstance(vision, TimmConfig)
    assert (vision.mean, vision.std) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert "random" in origin.knows


@pytest.mark.usefixtures("backbones")
def test_the_value_path_of_another_vit_is_refused():
    with pytest.raises(BundleError, match="--patch-path value works with CLIP's plain ViTs only"):
        load_clip("tiny-PE-Core", "none", head=HeadConfig(), patch_path="value")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tiny-SigLIP2", {"activation": "gelu"}),
        ("tiny-SigLIP2", {"pool": "end"}),
        ("tiny-SigLIP2", {"norm_eps": 1e-3}),
        ("tiny-MobileCLIP2", {"causal": True}),
    ],
    ids=str,
)
def test_a_small_difference_of_the_text_towers_is_found(pair, name, change):
    network, source = pair(name)
    config = network.config
    text = dataclasses.replace(config.text, **change)
    other = STZSAR(dataclasses.replace(config, text=text), network.tokenizer_json)
    copy_weights(source, other, name)
    with pytest.raises(BundleError, match="its text tower gives other embeddings"):
        check_same(source, other, name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text_cfg": {"pool_type": "first"}}, "first"),
        ({"text_cfg": {"embed_cls": True}}, "text tower|size of tensor"),
        ({"text_cfg": {"hf_tokenizer_name": "bert-base-uncased"}}, "its tokenizer is bert"),
        ({"vision_cfg": {"timm_proj": "linear", "timm_pool": "avg"}}, "timm's FastVit with avg"),
        ({"vision_cfg": {"timm_model_name": "test_convnext"}}, "timm's ConvNeXt with avg"),
    ],
)
def test_what_computes_otherwise_is_refused_and_not_exported_wrong(
    backbones, tmp_path, change, reason
):
    config = backbones.CONFIGS["tiny-MobileCLIP2"]
    other = {**config, **{key: {**config[key], **fields} for key, fields in change.items()}}
    backbones.register(tmp_path, {"tiny-other": other})
    with pytest.raises(BundleError, match=f"not support tiny-other .*({reason}).*MobileCLIP2-S0"):
        load_clip("tiny-other", "none", head=HeadConfig())


def test_a_file_tokenizer_gives_what_open_clip_would_feed(pair):
    """Canonical text, no token before, <eos> after, zeros to the full length."""
    network, _ = pair("tiny-SigLIP2")
    tokenizer = tokenizer_of(network.config.text, network.tokenizer_json)
    strings = ["Swing:  the BAT!", "playing_the guitar (archery)", "", "a " * 100]
    found = [encoding.ids for encoding in tokenizer.encode_batch(strings)]
    vocabulary = tokenizer.get_vocab()
    for string, row in zip(strings, found, strict=True):
        words = canonicalize_text(string).split()
        ids = [vocabulary.get(word, vocabulary["<unk>"]) for word in words][:23]
        assert row == [*ids, 1, *[0] * (23 - len(ids))]


def test_a_tokenizer_is_downloaded_where_none_is_given(backbones, monkeypatch, tmp_path):
    asked = []

    def download(repository, file):
        asked.append((repository, file))
        return str(backbones.write_tokenizer(tmp_path))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    network, _ = load_clip("tiny-SigLIP2", "none", head=HeadConfig())
    assert asked == [("timm/tiny-SigLIP2", "tokenizer.json")]
    texts = LabelTexts([Label("archery")], network.config, network.tokenizer_json)
    assert texts.tokens.shape == (1, 1, 24)


@pytest.mark.usefixtures("backbones")
def test_without_a_download_the_error_says_where_the_tokenizer_is(monkeypatch):
    def fail(*_args):
        raise OSError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(BundleError, match=r"huggingface\.co/timm/tiny-SigLIP2 .*--tokenizer"):
        load_clip("tiny-SigLIP2", "none", head=HeadConfig())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "Cannot read"), ("{}", "is not a tokenizer"), ("other pad", "not SigLIP2's")],
)
def test_a_wrong_tokenizer_file_is_one_sentence(backbones, tmp_path, content, sentence):
    path = tmp_path / "tokenizer.json"
    if content == "other pad":
        backbones.write_tokenizer(tmp_path, pad="<s>")
    elif content is not None:
        path.write_text(content)
    with pytest.raises(BundleError, match=sentence):
        load_clip("tiny-SigLIP2", "none", head=HeadConfig(), tokenizer=str(path))


def test_a_tokenizer_larger_than_the_vocabulary_is_refused(pair):
    network, _ = pair("tiny-SigLIP2")
    small = dataclasses.replace(network.config.text, vocab_size=8)
    with pytest.raises(BundleError, match="and the text encoder 8"):
        tokenizer_of(small, network.tokenizer_json)


def test_a_tokenizer_for_a_backbone_that_has_clips_is_refused(backbones, tmp_path):
    path = backbones.write_tokenizer(tmp_path)
    assert Tokenizer.from_file(str(path)).token_to_id("<eos>") == 1
    with pytest.raises(BundleError, match="tiny-PE-Core uses CLIP's tokenizer"):
        load_clip("tiny-PE-Core", "none", head=HeadConfig(), tokenizer=str(path))
