"""The work of one process: the encoder of a seed, or one of its rows."""

from dataclasses import replace
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from ...models.config import PatchPath
from ...models.stzsar import STZSAR
from ...runtime.atomic import write_file
from ...train.data.dataset import ClipRequest, Example
from ...train.data.moving_shapes import MovingShapes
from .encoder import EncodedClips, Seen, network_config, train_encoder
from .exams import EXAMS, FINER, READ, Exam
from .options import Options
from .readings import read
from .training import accuracies, train_row
from .variants import MOST, TrainedRow, Variant

ENCODER, _CLIPS = "encoder.safetensors", "clips.safetensors"
# From this clip on, a mix is complete.
_FULL_MIX = 100_000


class FullMix(MovingShapes):
    """Training clips that are mixed from the start."""

    def __init__(self, options: Options, seed: int) -> None:
        super().__init__("train", options.setting, seed=seed)

    def __getitem__(self, request: ClipRequest) -> Example:
        return super().__getitem__(request._replace(draw=request.draw + _FULL_MIX))


def prepare(folder: Path, options: Options, seed: int, path: PatchPath) -> None:
    """Train the encoder of a seed, and encode the clips of training and tests for a patch path.

    What is there already stays.
    """
    torch.set_num_threads(1)
    clips = folder / path
    clips.mkdir(parents=True, exist_ok=True)
    if not (folder / ENCODER).exists():
        network = train_encoder(steps=options.encoder_steps, batch=options.batch, seed=seed)
        write_file(folder / ENCODER, safetensors.torch.save(network.state_dict()))
    if options.end_to_end:
        return
    visual = _shared_network(folder, path).visual
    for exam in (*EXAMS, *FINER):
        if not (clips / exam.file).exists():
            _exam_clips(exam, options, visual).save(clips / exam.file)
    if not (clips / _CLIPS).exists():
        EncodedClips.of(FullMix(options, seed), options.clips, visual).save(clips / _CLIPS)


def train_and_test(variant: Variant, folder: Path, options: Options, seed: int) -> TrainedRow:
    torch.set_num_threads(1)
    encoded = folder / variant.patch_path
    clips = FullMix(options, seed) if options.end_to_end else EncodedClips.load(encoded / _CLIPS)
    shared = _shared_network(folder, variant.patch_path)
    network = train_row(variant, shared, clips, steps=options.steps, batch=options.batch, seed=seed)
    # The finer tests compare heads, and other numbers of attributes add nothing to them.
    tests = (*EXAMS, *FINER) if variant.attributes == MOST else EXAMS
    if options.end_to_end:
        visual = network.eval().visual
        exams = {exam: _exam_clips(exam, options, visual) for exam in tests}
        network.visual = Seen()  # type: ignore[assignment]  # the clips are encoded now
    else:
        exams = {exam: EncodedClips.load(encoded / exam.file) for exam in tests}
    found = accuracies(variant, network, exams)
    for exam in READ:
        found |= read(variant, network, exam, exams[exam])
    return TrainedRow(variant, seed, found)


def _exam_clips(exam: Exam, options: Options, visual: nn.Module) -> EncodedClips:
    count = max(1, options.tested // 2) if exam.finer else options.tested
    return EncodedClips.of(exam.clips(), count, visual)


def _shared_network(folder: Path, path: PatchPath) -> STZSAR:
    config = network_config()
    network = STZSAR(replace(config, vision=replace(config.vision, patch_path=path)))
    network.load_state_dict(safetensors.torch.load_file(folder / ENCODER))
    return network.eval()
