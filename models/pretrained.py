"""CLIP's weights, from open_clip by name or from a file, into our own network."""

from pathlib import Path
from typing import Any

from ..runtime.bundle.manifest import WeightsOrigin
from ..runtime.errors import BundleError
from .config import HeadConfig, PatchPath, TemporalConfig
from .open_clip_towers import check_same, copy_weights, describe, hub_tokenizer
from .quiet import quiet
from .stzsar import STZSAR
from .tokenizer_file import find_tokenizer

_FAMILIES = ("MobileCLIP", "PE-Core-", "ViT-")


def load_clip(
    backbone: str,
    pretrained: str,
    *,
    head: HeadConfig,
    temporal: TemporalConfig | None = None,
    patch_path: PatchPath = "block",
    tokenizer: str | None = None,
) -> tuple[STZSAR, WeightsOrigin]:
    """Build STZSAR over a CLIP of open_clip.

    Args:
        backbone: a name in open_clip, e.g. "ViT-B-16" or "MobileCLIP2-S0".
        pretrained: a tag of open_clip ("openai": downloaded once), a file, or "none" for random
            weights.
        head: the head's switches; its weights are at their start (identity projections).
        temporal: the temporal transformer, if there is to be one.
        patch_path: how the last block treats patches.
        tokenizer: the `tokenizer.json` of a backbone that has not CLIP's (SigLIP2); None downloads
            it once.

    Raises:
        BundleError: no such backbone, weights or tokenizer, a file that is none, or a kind of CLIP
            that we do not know.
    """
    source = _create(backbone, pretrained)
    pixels = _pixels(source, backbone, pretrained)
    config = describe(source, backbone, pixels, head=head, temporal=temporal, patch_path=patch_path)
    words = _tokenizer(backbone, tokenizer)
    network = STZSAR(config, words)
    copy_weights(source, network, backbone)
    check_same(source, network, backbone)
    return network, _origin(backbone, pretrained)


def load_original(network: STZSAR, pretrained: str) -> WeightsOrigin:
    """Load CLIP's own weights into a `network` of a configuration that `load_clip` made.

    What CLIP has not is left as it is: of a fresh network, the head is at its start. Nothing is
    compared: a file does not say its activation, and here the configuration does.

    Args:
        network: its name is the backbone's.
        pretrained: a tag of open_clip or a file.

    Returns:
        Where the weights come from.

    Raises:
        BundleError: the weights cannot be had, or are of another architecture.
    """
    backbone = network.config.name
    source = _create(backbone, pretrained, option="--original")
    copy_weights(source, network, backbone)
    return _origin(backbone, pretrained)


def _create(backbone: str, pretrained: str, *, option: str = "--pretrained") -> Any:
    import open_clip

    if backbone not in open_clip.list_models():
        some = [
            name
            for family in _FAMILIES
            for name in [n for n in open_clip.list_models() if n.startswith(family)][:6]
        ]
        raise BundleError(
            f"open_clip has no backbone {backbone!r}; some that it has: {', '.join(some)}, …"
        )
    tag = open_clip.get_pretrained_cfg(backbone, pretrained) if pretrained != "none" else {}
    if pretrained != "none" and not tag and not Path(pretrained).is_file():
        raise BundleError(_unknown(backbone, pretrained, option))
    try:
        with quiet():
            model = open_clip.create_model(
                backbone,
                pretrained=None if pretrained == "none" else pretrained,
                force_quick_gelu=bool(tag.get("quick_gelu", False)),
            )
    except Exception as error:  # downloads and unpickling fail in many ways
        sentence = _cannot_load(backbone, pretrained, error, option if tag else None)
        raise BundleError(sentence) from error
    return model.eval()


def _unknown(backbone: str, pretrained: str, option: str) -> str:
    import open_clip

    known = ", ".join(open_clip.list_pretrained_tags_by_model(backbone)[:6]) or "none"
    found = (
        f"{pretrained!r} is neither a file nor weights that open_clip has for {backbone} "
        f"({known}, …)"
    )
    if option == "--original":
        return f"The original weights cannot be had: {found}; give --original FILE."
    return f"{option} {found}; {option} none takes random weights."


def _cannot_load(backbone: str, pretrained: str, error: Exception, option: str | None) -> str:
    """Say why weights could not be loaded; `option` is how a file is given instead of a tag."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")
    if option is not None:
        again = f"{option} FILE"
        if option == "--pretrained":
            again = f"--backbone {_backbone_of_file(backbone, pretrained)} {again}"
        return (
            f"The weights {pretrained!r} of {backbone} could not be downloaded ({reason}). With "
            "internet, open_clip fetches them once; without, copy their .safetensors file here and "
            f"give it: {again}."
        )
    return (
        f"{pretrained} does not hold weights of {backbone} ({reason}): give a .safetensors or "
        ".pt file with a state dict of that backbone."
    )


def _backbone_of_file(backbone: str, tag: str) -> str:
    """Return the backbone to name with a copy of the weights `tag`: a file has no activation."""
    import open_clip

    quick = f"{backbone}-quickgelu"
    wants_quick = open_clip.get_pretrained_cfg(backbone, tag).get("quick_gelu", False)
    return quick if wants_quick and quick in open_clip.list_models() else backbone


def _pixels(source: Any, backbone: str, pretrained: str) -> dict[str, Any]:
    """Return the mean and deviation that the weights were trained with.

    open_clip knows them by tag. Weights of a file, or random ones, take those of the backbone's
    tags; where these differ among themselves, what open_clip takes.
    """
    import open_clip

    chosen = open_clip.get_model_preprocess_cfg(source)
    if open_clip.get_pretrained_cfg(backbone, pretrained):
        return chosen
    tags = open_clip.list_pretrained_tags_by_model(backbone)
    known = [open_clip.get_pretrained_cfg(backbone, tag) for tag in tags]
    colours = {(tuple(c["mean"]), tuple(c["std"])) for c in known if c.get("mean")}
    if len(colours) != 1:
        return chosen
    mean, std = colours.pop()
    return {"mean": mean, "std": std}


def _tokenizer(backbone: str, given: str | None) -> str | None:
    hub_name = hub_tokenizer(backbone)
    if hub_name is not None:
        return find_tokenizer(given, hub_name, backbone)
    if given is not None:
        raise BundleError(f"--tokenizer is of SigLIP2's backbones: {backbone} has CLIP's own.")
    return None


def _origin(backbone: str, pretrained: str) -> WeightsOrigin:
    if pretrained == "none":
        return WeightsOrigin(
            source=f"{backbone}, random weights", knows="nothing: its weights are random"
        )
    source = Path(pretrained).name if Path(pretrained).is_file() else pretrained
    return WeightsOrigin(
        source=f"{backbone} ({source})",
        knows="what CLIP knows of single frames; its interaction head is not trained",
    )
