"""The weights that stzsar-fetch knows: where they lie, pinned, and under which licence.

Names are open_clip's; a test holds this list to the installed open_clip. The pins were gathered
where others recorded them; `python -m stzsar.runtime.fetch.hub` compares them with the hub.
"""

from dataclasses import dataclass

from ..errors import StzsarError

FILE = "open_clip_model.safetensors"
DEFAULT_BACKBONE = "ViT-B-32"
_QUICK_GELU = "-quickgelu"


@dataclass(frozen=True)
class Licence:
    """A licence of weights.

    Attributes:
        name: an SPDX identifier, or the licence's own name.
        url: its text.
        hub_name: what model cards on the hub call it.
        research_only: whether it forbids everything but research.
    """

    name: str
    url: str
    hub_name: str
    research_only: bool = False


_MIT_OPENAI = Licence("MIT", "https://github.com/openai/CLIP/blob/main/LICENSE", "mit")
_MIT_OPEN_CLIP = Licence(
    "MIT", "https://github.com/mlfoundations/open_clip/blob/main/LICENSE", "mit"
)
_APPLE = Licence(
    "Apple Machine Learning Research Model License Agreement",
    "https://github.com/apple/ml-mobileclip/blob/main/LICENSE_MODELS",
    "apple-amlr",
    research_only=True,
)
# Of what stzsar-train made from nothing, such as the shipped bundle.
OURS = Licence("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0", "apache-2.0")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights on the hub.

    Attributes:
        backbone: open_clip's name of the network.
        tag: open_clip's name of the weights.
        repo: the repository on the hub.
        licence: the licence of the weights.
        revision: the pinned commit; "" where none is known, and the hub's newest is taken.
        sha256: the pinned hash of the file; "" where none is known, and the hub's word is taken.
        quick_gelu: whether the weights were trained with OpenAI's activation function.
    """

    backbone: str
    tag: str
    repo: str
    licence: Licence
    revision: str = ""
    sha256: str = ""
    quick_gelu: bool = False

    @property
    def graphs(self) -> str:
        """The backbone whose graphs these weights fill, activation function included."""
        return self.backbone + _QUICK_GELU * self.quick_gelu

    @property
    def name(self) -> str:
        """The weights as people name them: "ViT-B-32 (openai)"."""
        return f"{self.backbone} ({self.tag})"

    @property
    def page(self) -> str:
        """The page of the weights."""
        return f"https://huggingface.co/{self.repo}"


# The first of a backbone is its default. DataComp's ViT-B-16 is missing: its repository has a
# pickle only, which can run code.
CATALOGUE: tuple[Weights, ...] = (
    Weights(
        backbone="ViT-B-32",
        tag="openai",
        repo="timm/vit_base_patch32_clip_224.openai",
        licence=_MIT_OPENAI,
        revision="a6f597a30f7b82c51704746581f9a4e41421e878",
        sha256="e6d1bd7789aa45192b3bf90570a789b478bae1b74ebcce7eddd908e83a2b7c31",
        quick_gelu=True,
    ),
    Weights(
        backbone="ViT-B-32",
        tag="laion2b_s34b_b79k",
        repo="laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        licence=_MIT_OPEN_CLIP,
        revision="1a25a446712ba5ee05982a381eed697ef9b435cf",
        sha256="ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6",
    ),
    Weights(
        backbone="ViT-B-32",
        tag="datacomp_xl_s13b_b90k",
        repo="laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
        licence=_MIT_OPEN_CLIP,
        revision="f0e2ffa09cbadab3db6a261ec1ec56407ce42912",
        sha256="3c00043509d2e3f35ec62bd85a643a393883dcda624d8208d034cc390c708297",
    ),
    Weights(
        backbone="ViT-B-16",
        tag="openai",
        repo="timm/vit_base_patch16_clip_224.openai",
        licence=_MIT_OPENAI,
        revision="977e3dd0ec55ab8da155f2fbeb6b5f54948b6e3d",
        sha256="4b8699299b1e8997753c64b052ba32031449d5d853f55a039148560ee02b820f",
        quick_gelu=True,
    ),
    Weights(
        backbone="ViT-B-16",
        tag="laion2b_s34b_b88k",
        repo="laion/CLIP-ViT-B-16-laion2B-s34B-b88K",
        licence=_MIT_OPEN_CLIP,
        revision="7288da5a0d6f0b51c4a2b27c624837a9236d0112",
    ),
    Weights(
        backbone="MobileCLIP2-S0",
        tag="dfndr2b",
        repo="timm/MobileCLIP2-S0-OpenCLIP",
        licence=_APPLE,
        revision="095906d28bf54d7584dc411e8ffe448f34289e05",
        sha256="ab91a1a0c4330d6b1913e24d5035dfdea15423316aaec649610c6b1c6ddd0e95",
    ),
    Weights(
        backbone="MobileCLIP2-S2",
        tag="dfndr2b",
        repo="timm/MobileCLIP2-S2-OpenCLIP",
        licence=_APPLE,
        revision="ac6b37c8fc40b62b623d09ed228a6f0c9bc29fe6",
    ),
)


def find_weights(backbone: str, tag: str | None) -> Weights:
    """Return the weights of a backbone, its default ones without a tag.

    Raises:
        StzsarError: the catalogue has no such backbone or tag.
    """
    plain = backbone.removesuffix(_QUICK_GELU)
    of_backbone = [weights for weights in CATALOGUE if weights.backbone == plain]
    if backbone != plain:
        of_backbone = [weights for weights in of_backbone if weights.quick_gelu]
    if not of_backbone:
        known = ", ".join(dict.fromkeys(weights.backbone for weights in CATALOGUE))
        raise StzsarError(
            f"stzsar-fetch does not know the backbone {backbone!r:.80}. It knows {known}; "
            "stzsar-export exports the others, with torch."
        )
    for weights in of_backbone:
        if tag in (None, weights.tag):
            return weights
    tags = ", ".join(weights.tag for weights in of_backbone)
    raise StzsarError(
        f"stzsar-fetch does not know the weights {tag!r:.80} of {backbone}. It knows {tags}; name "
        "a file of others with --weights."
    )


def weights_of_file(sha256: str) -> Weights | None:
    """Return the weights whose pinned file has this hash, or None."""
    return next((weights for weights in CATALOGUE if sha256 == weights.sha256), None)


def licence_named(name: str) -> Licence | None:
    """Return the licence that a manifest names, or None."""
    licences = (*(weights.licence for weights in CATALOGUE), OURS)
    return next((licence for licence in licences if licence.name == name), None)
