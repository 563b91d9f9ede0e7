"""BIKE, Text4Vis, ActionCLIP and MoTE against numbers of their authors' own code."""

import dataclasses

import numpy as np
import pytest
import torch

from stzsar.models.checkpoint import load_checkpoint
from stzsar.models.config import HeadConfig
from stzsar.models.interaction import Bank
from stzsar.models.label_texts import LabelTexts, embed_labels, to_tensors
from stzsar.models.prompts import PROMPT_SETS
from stzsar.models.stzsar import STZSAR
from stzsar.runtime.errors import BundleError
from stzsar.runtime.labels.labels import as_labels
from stzsar.train.evaluation.arithmetic import pooled_scores
from stzsar.train.evaluation.checkpoint_model import CheckpointClassifier
from stzsar.train.foreign.options import ImportOptions
from stzsar.train.foreign.run import import_checkpoint

NAMES = ("actionclip", "bike", "mote", "text4vis")
_LEFT_OUT = ("text4vis", "mote")  # their files have no text encoder


@pytest.fixture(scope="module")
def imported(seeded, tmp_path_factory):
    """Returns the checkpoint of a family, read from a file as its authors save it."""
    folder = tmp_path_factory.mktemp("families")
    done = {}

    def load(name, share=1.0):
        if (name, share) not in done:
            file, original = write(seeded, name, folder)
            done[name, share] = import_checkpoint(
                ImportOptions(
                    file=file,
                    family=name,
                    original=original,
                    share=share if name == "mote" else None,
                    output=folder / f"{name}-{share}",
                )
            )
        return done[name, share]

    return load


def write(seeded, name, folder):
    """Write a family's file, and the CLIP that it was tuned from where it is needed."""
    record = seeded.record(name)
    clip = seeded.weights(record["weights"]["shapes"], record["weights"]["seed"])
    fusion = seeded.weights(record["fusion"]["shapes"], record["fusion"]["seed"])
    file, original = folder / f"{name}.pt", folder / f"{name}-clip.pt"
    model = {key: value for key, value in clip.items() if key in record.get("names", clip)}
    document = {"epoch": 29, "optimizer_state_dict": {"param_groups": [{"lr": 5e-6}]}}
    if name == "text4vis":
        model |= {f"fusion_model.{key}": value for key, value in fusion.items()}
        document["model_state_dict"] = {f"module.{key}": value for key, value in model.items()}
    else:
        if name == "mote":
            fusion["spe_cls_feature"] = torch.tensor(record["seen"])
        if name == "actionclip":
            fusion = {f"module.{key}": value for key, value in fusion.items()}
        document |= {"model_state_dict": model, "fusion_model_state_dict": fusion}
    torch.save(document, file)
    if name == "mote":
        other = seeded.weights(record["weights"]["shapes"], record["clip_seed"])
        clip = {k: v + 0.2 * other[k] if k in model else v for k, v in clip.items()}
    torch.save(clip, original)
    return file, original if name in _LEFT_OUT else None


def close(found, expected, tolerance=1e-5):
    """Compare numbers relative to the largest of them."""
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found.detach().numpy() - expected).max() <= tolerance * np.abs(expected).max()


@torch.no_grad()
def numbers(folder, seeded, record, head=None):
    """Return a checkpoint, its frame features, its features over time, its bank and its cosines."""
    checkpoint, network = load_checkpoint(folder)
    if head is not None:
        other = STZSAR(dataclasses.replace(checkpoint.model, head=head))
        other.load_state_dict(network.state_dict())
        network = other
    network.eval()
    frames = seeded.frames(**record["frames"])
    bank = to_tensors(embed_labels(network, as_labels(record["classes"])))
    features = network.visual(frames).frame
    over_time = features
    if network.temporal is not None:
        over_time = network.temporal(features[None], bank.class_embeddings)[0]
    cosines = network(frames[None], bank)[0] / network.head.logit_scale.exp()
    return checkpoint, features, over_time, bank, cosines


@pytest.mark.parametrize("name", NAMES)
def test_frames_and_prompts_are_embedded_as_the_authors_do(name, imported, seeded):
    record = seeded.record(name)
    checkpoint, features, _, bank, _ = numbers(imported(name), seeded, record)
    close(features, record["features"])
    if "text" in record:
        close(bank.class_embeddings, record["text"])
    own = "clip-kinetics" if name == "mote" else name
    assert checkpoint.model.prompts == PROMPT_SETS[own]
    assert checkpoint.sampling.frames == 8
    assert checkpoint.model.temporal is not None
    assert checkpoint.model.temporal.heads == 2
    assert len(checkpoint.model.prompts) == {"actionclip": 16, "mote": 28}.get(name, 1)


def test_bike_s_transformer_and_its_concept_spotting_give_its_numbers(imported, seeded):
    record = seeded.record("bike")
    _, _, over_time, _, cosines = numbers(imported("bike"), seeded, record)
    close(over_time, record["temporal"])
    # With one word a class, the label's own embedding
    close(cosines, record["one_word_logits"])


@torch.no_grad()
def test_bike_s_concept_spotting_over_all_tokens_gives_its_numbers(imported, seeded):
    """Its words are the 77 token outputs of the label's sentence, padding too."""
    record = seeded.record("bike")
    _, network = load_checkpoint(imported("bike"))
    labels = as_labels(record["classes"])
    tokens = LabelTexts(labels, network.config).tokens[:, 0]
    text = network.text.eval()
    outputs = text.ln_final(
        text.transformer(text.token_embedding(tokens) + text.positional_embedding)
    )
    words = torch.nn.functional.normalize(outputs @ text.text_projection, dim=-1)
    classes = to_tensors(embed_labels(network, labels)).class_embeddings
    bank = Bank(classes, words, torch.ones(words.shape[:2], dtype=torch.bool))
    logits = network.eval()(seeded.frames(**record["frames"])[None], bank)[0]
    close(logits / network.head.logit_scale.exp(), record["logits"])


def test_bike_s_mean_gives_its_numbers(imported, seeded):
    record = seeded.record("bike")
    raw = HeadConfig(interaction="mean", pooling="raw")
    close(numbers(imported("bike"), seeded, record, raw)[-1], record["mean_logits"])
    unit = HeadConfig(interaction="mean")
    found = numbers(imported("bike"), seeded, record, unit)[-1].numpy()
    assert np.abs(found - record["mean_logits"]).max() > 1e-4


def test_text4vis_averages_what_its_transformer_gives(imported, seeded):
    record = seeded.record("text4vis")
    _, _, over_time, _, cosines = numbers(imported("text4vis"), seeded, record)
    close(over_time.mean(0), record["video"])
    _, network = load_checkpoint(imported("text4vis"))
    close(cosines * network.head.logit_scale.exp(), record["logits"])


def actionclip(folder, *, temporal):
    """Return its network with or without its temporal transformer."""
    checkpoint, network = load_checkpoint(folder)
    if not temporal:
        plain = STZSAR(dataclasses.replace(checkpoint.model, temporal=None))
        state = network.state_dict()
        plain.load_state_dict({k: v for k, v in state.items() if not k.startswith("temporal.")})
        network = plain
    return network.eval()


@pytest.mark.parametrize("prefix", ["", "mean_"])
def test_actionclip_gives_its_numbers_under_each_prompt(prefix, imported, seeded):
    record = seeded.record("actionclip")
    network = actionclip(imported("actionclip"), temporal=not prefix)
    frames = seeded.frames(**record["frames"])
    each = []
    with torch.no_grad():
        for prompt in PROMPT_SETS["actionclip"]:
            network.use_prompts([prompt])
            bank = to_tensors(embed_labels(network, as_labels(record["classes"])))
            each.append(network(frames[None], bank)[0] / network.head.logit_scale.exp())
    similarities = torch.stack(each)
    close(similarities, record[f"{prefix}similarities"])
    close((100 * similarities).softmax(-1).mean(0), record[f"{prefix}probabilities"], 1e-4)


@pytest.mark.parametrize("prefix", ["", "mean_"])
def test_softmaxes_averaged_over_prompts_are_actionclip_s_score(prefix, imported, seeded):
    record = seeded.record("actionclip")
    labels = as_labels(record["classes"])
    network = actionclip(imported("actionclip"), temporal=not prefix)
    prompts = network.config.prompts
    clip = seeded.frames(**record["frames"]).numpy()[None]
    scores = CheckpointClassifier(network, labels, apart=True).score(clip)
    assert scores.head_vc.shape == (16, 7)
    assert scores.voting_fc is not None
    assert scores.voting_fc.shape == (16 * len(clip[0]), 7)
    found = np.exp(pooled_scores(scores.head_vc))
    assert np.abs(found - record[f"{prefix}probabilities"]).max() <= 1e-4
    assert network.config.prompts == prompts
    # The mean embedding gives other numbers, by more than the tolerance.
    usual = CheckpointClassifier(network, labels).score(clip).head_vc
    assert usual.shape == (1, 7)
    usual = 100 * usual / network.head.logit_scale.exp().item()
    assert np.abs(np.exp(pooled_scores(usual)) - found).max() > 1e-3


def test_mote_merges_its_experts_and_gates_by_the_labels(imported, seeded):
    record = seeded.record("mote")
    checkpoint, features, over_time, bank, cosines = numbers(imported("mote"), seeded, record)
    close(over_time, record["temporal"])
    close(cosines, record["logits"])
    # An open gate: the labels are those of the training.
    _, network = load_checkpoint(imported("mote"))
    assert network.temporal is not None
    network.temporal.gate = None
    with torch.no_grad():
        close(network.temporal(features[None], bank.class_embeddings)[0], record["ungated"])
    assert checkpoint.model.temporal is not None
    assert checkpoint.model.temporal.gate_classes == len(record["seen"])


def test_mote_is_tested_with_a_hundredth_of_clip(imported, seeded):
    record = seeded.record("mote")
    _, _, _, _, cosines = numbers(imported("mote", 0.99), seeded, record)
    close(cosines, record["mixed_logits"])


def test_files_of_bike_and_actionclip_must_be_named(seeded, tmp_path):
    file, _ = write(seeded, "bike", tmp_path)
    with pytest.raises(BundleError, match="name bike or actionclip"):
        import_checkpoint(ImportOptions(file=file, output=tmp_path / "out"))


@pytest.mark.parametrize("name", _LEFT_OUT)
def test_others_are_told_by_their_keys_and_want_clip_s_text_encoder(name, seeded, tmp_path, capsys):
    file, original = write(seeded, name, tmp_path)
    out = tmp_path / "out"
    share = 1.0 if name == "mote" else None
    with pytest.raises(BundleError, match="has no text encoder"):
        import_checkpoint(ImportOptions(file=file, output=out, share=share))
    import_checkpoint(ImportOptions(file=file, output=out, original=original, share=share))
    title = {"mote": "MoTE", "text4vis": "Text4Vis"}[name]
    assert f"is of {title}, by its keys" in capsys.readouterr().err


def test_other_heads_of_actionclip_are_refused_by_name(seeded, tmp_path):
    file, _ = write(seeded, "actionclip", tmp_path)
    document = torch.load(file, weights_only=True)
    document["fusion_model_state_dict"] = {"module.lstm_visual.weight_ih_l0": torch.zeros(4, 4)}
    torch.save(document, file)
    with pytest.raises(BundleError, match="has an LSTM over its frames"):
        import_checkpoint(ImportOptions(file=file, family="actionclip", output=tmp_path / "out"))


def test_experts_that_do_not_fit_their_weights_are_refused(seeded, tmp_path):
    file, original = write(seeded, "mote", tmp_path)
    document = torch.load(file, weights_only=True)
    fusion = document["fusion_model_state_dict"]
    del fusion["transformer.resblocks.0.mlp.fc_up.3.weight"]
    torch.save(document, file)
    with pytest.raises(BundleError, match=r"has 3 experts"):
        import_checkpoint(
            ImportOptions(file=file, original=original, share=1.0, output=tmp_path / "out")
        )


# One export for each takes half a minute; their numbers are compared with the originals' above.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name != "bike")) for name in NAMES]
)
def test_bundles_stream_as_whole_windows(name, imported, seeded, streaming, tmp_path, traced_once):
    video = seeded.frames(7, 32, 4)
    streaming.check_streaming(imported(name), tmp_path / "bundle", video, 4)
