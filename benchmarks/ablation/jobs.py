"""The work of one process: the encoder of a seed, or one of its rows."""

from pathlib import Path

import safetensors.torch
import torch

from ...models.stzsar import STZSAR
from ...runtime.atomic import write_file
from ...train.data.dataset import ClipRequest, Example
from ...train.data.moving_shapes import MovingShapes
from .encoder import EncodedClips, Seen, network_config, train_encoder
from .options import Options
from .readings import read
from .training import EXAMS, UNSEEN_HARD, Exam, accuracies, train_row
from .variants import TrainedRow, Variant

ENCODER, _CLIPS = "encoder.safetensors", "clips.safetensors"
# From this clip on, half of the mixed setting is hard.
_HALF_HARD = 100_000


class HalfHard(MovingShapes):
    """Training clips of which half are hard from the start."""

    def __init__(self, seed: int) -> None:
        super().__init__("train", "mixed", seed=seed)

    def __getitem__(self, request: ClipRequest) -> Example:
        return super().__getitem__(request._replace(draw=request.draw + _HALF_HARD))


def prepare(folder: Path, options: Options, seed: int) -> None:
    """Train the encoder of a seed, and encode the clips of training and tests."""
    torch.set_num_threads(1)
    folder.mkdir(exist_ok=True)
    if not (folder / ENCODER).exists():
        network = train_encoder(steps=options.encoder_steps, batch=options.batch, seed=seed)
        write_file(folder / ENCODER, safetensors.torch.save(network.state_dict()))
    if options.end_to_end:
        return
    visual = _shared_network(folder).visual
    for exam in EXAMS:
        _exam_clips(exam, options, visual).save(folder / exam.file)
    EncodedClips.of(HalfHard(seed), options.clips, visual).save(folder / _CLIPS)


def train_and_test(variant: Variant, folder: Path, options: Options, seed: int) -> TrainedRow:
    torch.set_num_threads(1)
    clips = HalfHard(seed) if options.end_to_end else EncodedClips.load(folder / _CLIPS)
    shared = _shared_network(folder)
    network = train_row(variant, shared, clips, steps=options.steps, batch=options.batch, seed=seed)
    if options.end_to_end:
        exams = {exam: _exam_clips(exam, options, network.eval().visual) for exam in EXAMS}
        network.visual = Seen()  # type: ignore[assignment]  # the clips are encoded now
    else:
        exams = {exam: EncodedClips.load(folder / exam.file) for exam in EXAMS}
    readings = read(variant, network, UNSEEN_HARD, exams[UNSEEN_HARD])
    return TrainedRow(variant, seed, accuracies(variant, network, exams) | readings)


def _exam_clips(exam: Exam, options: Options, visual: torch.nn.Module) -> EncodedClips:
    return EncodedClips.of(MovingShapes(exam.split, exam.setting), options.tested, visual)


def _shared_network(folder: Path) -> STZSAR:
    network = STZSAR(network_config())
    network.load_state_dict(safetensors.torch.load_file(folder / ENCODER))
    return network.eval()
