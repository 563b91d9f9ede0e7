"""Where a trained row looks: its weights and f against the ground truth of the drawn scenes.

Drawn clips have this ground truth: when the action goes on, and where its thing is.
"""

import dataclasses

import numpy as np
import torch
from torch import Tensor

from ...models.interaction import Bank
from ...models.label_texts import embed_labels, to_tensors
from ...models.stzsar import STZSAR
from ...runtime.engines.graph import Array
from ...runtime.shapes.clips import DrawnClip
from ...runtime.shapes.scenes import SIZE_PX
from ...train.data.dataset import ClipRequest
from .encoder import EncodedClips
from .exams import Exam
from .variants import Variant

ON_ACTION, ON_ACTION_BY_CHANCE = "weights on the action", "weights on the action by chance"
ON_THING, ON_THING_BY_CHANCE = "f's patch on the thing", "f's patch on the thing by chance"
# A patch shows the thing if this share of its pixels does.
_COVERED = 0.05
_BATCH = 64


@torch.no_grad()
def read(variant: Variant, network: STZSAR, exam: Exam, clips: EncodedClips) -> dict[str, float]:
    """Return the shares of the weights on the action and of f on the thing, by the exam's name.

    They are those of the true class of each clip.
    """
    network.eval()
    if variant.head == "mean":
        return {}
    labels = [variant.label(action, exam.setting) for action in exam.actions]
    bank = to_tensors(embed_labels(network, labels), torch.device("cpu"))
    weights, patches = [], []
    for tokens, classes in zip(
        clips.tokens.split(_BATCH), clips.classes.split(_BATCH), strict=True
    ):
        state = network.encode_frames(tokens.flatten(0, 1), bank)
        windows = {n: value.unflatten(0, tuple(tokens.shape[:2])) for n, value in state.items()}
        saliency = network.score_window(windows, bank).saliency
        weights.append(saliency[torch.arange(len(classes)), classes].numpy())
        if variant.parts.uses_patches:
            patches.append(_winning_patches(network, tokens, bank, classes))
    drawn = exam.clips()
    scenes = [drawn.drawn(ClipRequest(place, place)) for place in range(len(clips))]
    acts = np.stack([clip.acts() for clip in scenes])
    found = {
        ON_ACTION: float((np.concatenate(weights) * acts).sum(1).mean()),
        ON_ACTION_BY_CHANCE: float(acts.mean()),
    }
    if patches:
        shown = np.stack([shown_patches(clip, network) for clip in scenes])
        there = shown.any(-1)  # no patch is right in a frame that shows nothing
        best = np.concatenate(patches)[..., None]
        right = np.take_along_axis(shown, best, -1)[..., 0]
        found |= {
            ON_THING: float(right[there].mean()),
            ON_THING_BY_CHANCE: float(shown[there].mean()),
        }
    return {f"{exam.setting}: {name}": value for name, value in found.items()}


def _winning_patches(network: STZSAR, tokens_btpd: Tensor, bank: Bank, classes_b: Tensor) -> Array:
    """Return the patch of each frame that is nearest to an attribute of the class, [B, T]."""
    seen = network.visual(tokens_btpd.flatten(0, 1))
    patches = network.head.features(seen.frame, seen.patches)["patch_embeddings"]
    unit = torch.nn.functional.normalize(patches, dim=-1).unflatten(0, tuple(tokens_btpd.shape[:2]))
    words, mask = bank.attribute_embeddings[classes_b], bank.attribute_mask[classes_b]
    cosines = unit @ words[:, None].transpose(-1, -2)
    return cosines.masked_fill(~mask[:, None, None], -2).amax(-1).argmax(-1).numpy()


def shown_patches(clip: DrawnClip, network: STZSAR) -> Array:
    """Return which patches show the thing and its prop, bool [T, P]; none does in a pause."""
    rows, columns = network.config.vision.patch_grid
    blank = np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8)
    pauses = tuple(dataclasses.replace(pause, picture=blank) for pause in clip.scene.pauses)
    bare = dataclasses.replace(clip.scene, backdrop=blank, distractors=(), pauses=pauses)
    pictures = dataclasses.replace(clip, scene=bare).frames()
    covered = (pictures > 0).any(-1)
    blocks = covered.reshape(len(pictures), rows, SIZE_PX // rows, columns, SIZE_PX // columns)
    return blocks.mean((2, 4)).reshape(len(pictures), -1) > _COVERED
