"""Where a trained row looks: S and f against the ground truth of the drawn scenes.

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
from ...runtime.shapes.scenes import SIZE_PX, Scene
from ...train.data.dataset import ClipRequest
from ...train.data.moving_shapes import MovingShapes
from .encoder import EncodedClips
from .training import Exam
from .variants import Variant

ON_ACTION, ON_ACTION_BY_CHANCE = "S on the action", "S on the action by chance"
ON_THING, ON_THING_BY_CHANCE = "f's patch on the thing", "f's patch on the thing by chance"
# A patch shows the thing if this share of its pixels does.
_COVERED = 0.05


@torch.no_grad()
def read(variant: Variant, network: STZSAR, exam: Exam, clips: EncodedClips) -> dict[str, float]:
    """Return the shares of S on the action and of f on the thing, for the true class of each clip.

    The exam is a hard one: in the plain setting the action fills every frame.
    """
    network.eval()
    if variant.head == "mean":
        return {}
    labels = [variant.label(action, exam.setting) for action in exam.actions]
    bank = to_tensors(embed_labels(network, labels), torch.device("cpu"))
    drawn = MovingShapes(exam.split, exam.setting)
    saliency, patches = [], []
    for tokens, label in zip(clips.tokens, clips.classes.tolist(), strict=True):
        state = network.encode_frames(tokens, bank)
        window = {name: value[None] for name, value in state.items()}
        saliency.append(network.score_window(window, bank).saliency[0, label].numpy())
        if variant.head != "off":
            patches.append(_winning_patches(network, tokens, bank, label))
    scenes = [drawn.scene(ClipRequest(place, place)) for place in range(len(clips))]
    active = np.stack([_active(scene, times_s) for scene, times_s in scenes])
    found = {
        ON_ACTION: float((np.stack(saliency) * active).sum(1).mean()),
        ON_ACTION_BY_CHANCE: float(active.mean()),
    }
    if variant.head == "off":
        return found
    shown = np.stack([_shown(scene, times_s, network) for scene, times_s in scenes])
    there = shown.any(-1)  # no patch is right in a frame that shows nothing
    right = np.take_along_axis(shown, np.stack(patches)[..., None], -1)[..., 0]
    return found | {
        ON_THING: float(right[there].mean()),
        ON_THING_BY_CHANCE: float(shown[there].mean()),
    }


def _winning_patches(network: STZSAR, tokens_tpd: Tensor, bank: Bank, label: int) -> Array:
    """Return the patch of each frame that is nearest to an attribute of `label`, [T]."""
    seen = network.visual(tokens_tpd)
    patches = network.head.features(seen.frame, seen.patches)["patch_embeddings"]
    unit = torch.nn.functional.normalize(patches, dim=-1)
    cosines = unit @ bank.attribute_embeddings[label].T
    return cosines.masked_fill(~bank.attribute_mask[label], -2).amax(-1).argmax(-1).numpy()


def _active(scene: Scene, times_s: Array) -> Array:
    """Return in which frames the action goes on, bool [T]."""
    if scene.active_s is None:
        return np.ones(len(times_s), bool)
    first, last = (times_s[0] + offset for offset in scene.active_s)
    return (times_s >= first) & (times_s <= last)


def _shown(scene: Scene, times_s: Array, network: STZSAR) -> Array:
    """Return which patches show the thing and its prop, bool [T, P]."""
    rows, columns = network.config.vision.patch_grid
    bare = dataclasses.replace(
        scene, backdrop=np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8), distractors=()
    )
    pictures = np.stack([bare.frame(time_s, times_s[0]) for time_s in times_s])
    covered = (pictures > 0).any(-1)
    blocks = covered.reshape(len(times_s), rows, SIZE_PX // rows, columns, SIZE_PX // columns)
    return blocks.mean((2, 4)).reshape(len(times_s), -1) > _COVERED
