"""Families that cannot stream exactly: how they are told, and why they are refused."""

import re
from typing import NamedTuple

from ...runtime.errors import BundleError
from .family import ForeignFile


class Refused(NamedTuple):
    title: str
    mark: str  # a pattern of names of tensors that no other family has
    reason: str


_ACROSS = "inside its frame encoder, so a frame has another embedding in every window"
# The narrowest first.
REFUSED = (
    Refused("DiST", r"(dist|ladder)_net\.", f"its temporal branch convolves over frames {_ACROSS}"),
    Refused("X-CLIP", r"message_attn\.|^mit\.", f"frames send messages to one another {_ACROSS}"),
    Refused("EZ-CLIP", r"T_Adapter\.|T_prompt_embeddings", f"adapters mix frames {_ACROSS}"),
    Refused("ST-Adapter", r"adapter_pre_(attn|mlp)\.", f"adapters convolve over frames {_ACROSS}"),
    Refused(
        "Vita-CLIP", r"^visual\.(time_embed|global_prompts)$|summary_",
        f"summary tokens of all frames enter the attention of each frame {_ACROSS}",
    ),
    Refused(
        "TC-CLIP", r"local_global_bias_table|image_encoder\..*\.attn\.q_proj\.",
        f"tokens gathered from all frames enter the attention of each frame {_ACROSS}",
    ),
    Refused(
        "FROSTER", r"^projector_[vt]\.",
        f"like Open-VCLIP, which it tunes, patches attend to those of the next frames {_ACROSS}",
    ),
    Refused(
        "Open-VCLIP", r"^model\.visual\.conv1\.weight$",
        f"patches attend to those of the frames before and after, in every layer, {_ACROSS}",
    ),
    Refused(
        "ViFi-CLIP with learned prompts", r"\.VPT(_shallow)?$|^prompt_learner\.ctx$",
        "its learned tokens stand among the patches and words, which the towers here do not have",
    ),
    Refused("MAXI with LoRA", r"\.lora_[AB]$", "its low-rank parts must be merged first"),
)  # fmt: skip


def refuse_unstreamable(file: ForeignFile) -> None:
    """Raise a BundleError that names the family and the reason, if the file is of one of these."""
    for family in REFUSED:
        mark = re.compile(family.mark)
        found = next((name for name in file.tensors if mark.search(name)), None)
        if found is not None:
            raise BundleError(
                f"{file.path} is of {family.title} (it has {found!r:.80}), which stzsar does not "
                f"import: {family.reason}."
            )
    model = file.settings.get("MODEL")
    if isinstance(model, dict) and model.get("USE_TEMP_ATTENTION"):
        raise BundleError(
            f"{file.path} is of MAXI with temporal attention, which stzsar does not import: frames "
            f"exchange keys {_ACROSS}."
        )
