"""Builds our networks from CLIP's weights, which open_clip downloads or reads from a file."""

from pathlib import Path
from typing import Any

from ..runtime.bundle.manifest import UNTRAINED_HEAD, WeightsOrigin
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
    """Build a network over one of open_clip's CLIPs, with an untrained head.

    Args:
        backbone: open_clip's name, such as "ViT-B-16" or "MobileCLIP2-S0".
        pretrained: open_clip's tag (downloaded once), a file, or "none" for random weights.
        head: the head's configuration.
        temporal: the temporal transformer's configuration, if there should be one.
        patch_path: what patches pass through in the last block.
        tokenizer: the `tokenizer.json` of a SigLIP2 backbone; None downloads it once.

    Raises:
        BundleError: the backbone, weights or tokenizer do not exist or are not supported.
    """
    source = _create(backbone, pretrained)
    pixels = _pixels(source, backbone, pretrained)
    config = describe(source, backbone, pixels, head=head, temporal=temporal, patch_path=patch_path)
    network = STZSAR(config, _tokenizer(backbone, tokenizer))
    copy_weights(source, network, backbone)
    check_same(source, network, backbone)
    return network, _origin(backbone, pretrained)


def load_original(network: STZSAR, pretrained: str) -> WeightsOrigin:
    """Load CLIP's weights into the towers of a network that `load_clip` built; return their origin.

    The rest of the network stays as it is. The embeddings are not compared: a file does not record
    its activation function, and the network's configuration already does.

    Raises:
        BundleError: the weights cannot be loaded or do not fit.
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
            f"open_clip has no backbone {backbone!r}. Some that it has: {', '.join(some)}, …"
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
    except Exception as error:  # downloads and unpickling raise many types
        sentence = _cannot_load(backbone, pretrained, error, option if tag else None)
        raise BundleError(sentence) from error
    return model.eval()


def _unknown(backbone: str, pretrained: str, option: str) -> str:
    import open_clip

    known = ", ".join(open_clip.list_pretrained_tags_by_model(backbone)[:6]) or "none"
    problem = (
        f"{pretrained!r} is neither a file nor one of open_clip's weights for {backbone} "
        f"({known}, …)"
    )
    if option == "--original":
        return f"Cannot find the original weights: {problem}. Name a file with --original FILE."
    return f"{option} {problem}. Use {option} none for random weights."


def _cannot_load(backbone: str, pretrained: str, error: Exception, option: str | None) -> str:
    """Return the message for weights that do not load; `option` names the tag's option."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")
    if option is not None:
        again = f"{option} FILE"
        if option == "--pretrained":
            again = f"--backbone {_backbone_of_file(backbone, pretrained)} {again}"
        return (
            f"Cannot download the weights {pretrained!r} of {backbone} ({reason}). With internet, "
            "open_clip downloads them once. Without, copy their .safetensors file to this machine "
            f"and name it: {again}."
        )
    return (
        f"{pretrained} does not hold weights of {backbone} ({reason}). Name a .safetensors or .pt "
        "file with a state dict of that backbone."
    )


def _backbone_of_file(backbone: str, tag: str) -> str:
    # A file does not record its activation function, the backbone's name does.
    import open_clip

    quick = f"{backbone}-quickgelu"
    wants_quick = open_clip.get_pretrained_cfg(backbone, tag).get("quick_gelu", False)
    return quick if wants_quick and quick in open_clip.list_models() else backbone


def _pixels(source: Any, backbone: str, pretrained: str) -> dict[str, Any]:
    """Return the mean and standard deviation that the weights were trained with.

    open_clip knows them by tag. Weights from a file and random weights use those of the backbone's
    tags if all tags agree, otherwise open_clip's default.
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


def _tokenizer(backbone: str, file: str | None) -> str | None:
    hub_name = hub_tokenizer(backbone)
    if hub_name is not None:
        return find_tokenizer(file, hub_name, backbone)
    if file is not None:
        raise BundleError(
            f"--tokenizer works with SigLIP2's backbones only: {backbone} uses CLIP's tokenizer. "
            "Leave it out."
        )
    return None


def _origin(backbone: str, pretrained: str) -> WeightsOrigin:
    if pretrained == "none":
        return WeightsOrigin(
            source=f"{backbone}, random weights", knows="nothing: its weights are random"
        )
    source = Path(pretrained).name if Path(pretrained).is_file() else pretrained
    return WeightsOrigin(
        source=f"{backbone} ({source})",
        knows=UNTRAINED_HEAD,
    )
