"""The options of stzsar-train. None stands for the default of the configuration."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import click
import cloup

from ..models.config import FRAME_WEIGHTS, INTERACTIONS, PATCH_PATHS
from ..runtime.bundle.manifest import MAX_FRAMES, MAX_RATE_FPS
from .config import Loss, PrecisionName, Setting

NEWEST = ""
_number = partial(cloup.option, metavar="N", type=click.IntRange(min=1))
_count = partial(cloup.option, metavar="N", type=click.IntRange(min=0))
_rate = partial(cloup.option, metavar="X", type=click.FloatRange(min=0, min_open=True))
_decay = partial(cloup.option, metavar="X", type=click.FloatRange(0, 1, max_open=True))
_probability = partial(cloup.option, metavar="P", type=click.FloatRange(0, 1))
_file = partial(cloup.option, metavar="FILE", type=click.Path())
_path = partial(cloup.option, metavar="PATH", type=click.Path())
_labels = partial(cloup.option, metavar="FILE|A,B")
_switch = partial(cloup.option, default=None)

_DATA = cloup.option_group(
    "Data",
    _path(
        "--data",
        show_default="moving-shapes",
        help="moving-shapes, a folder of class/clip.mp4, or a CSV of path,label; with --lists any "
        "folder of clips",
    ),
    _path(
        "--lists",
        help="Train on the clips listed here: the folder of the official split files of UCF-101 "
        "or HMDB-51, Kinetics' train.csv, or a list of paths with labels",
    ),
    _number("--split", show_default="the first", help="Take this split of the folder"),
    _file(
        "--classes",
        show_default="classInd.txt or class_names.csv beside the list",
        help="Read the names of a list's numbers: rows id,name or lines `1 Name`",
    ),
    _number("--shots", show_default="all", help="Take N clips of each class, chosen by the seed"),
    _switch(
        "--allow-missing/--no-allow-missing",
        show_default="off",
        help="Train without clips that are missing, and with classes that have too few",
    ),
    cloup.option(
        "--setting",
        type=click.Choice(get_args(Setting)),
        show_default="mixed",
        help="Choose the setting of MovingShapes; mixed begins plain and grows to half hard, all "
        "grows to a third hard and a third untrimmed",
    ),
    _labels(
        "--labels",
        show_default="their names",
        help="Take the classes' labels and attributes from a JSON, YAML, CSV or text file, or "
        "their labels from words with commas between them",
    ),
    _switch(
        "--attributes/--no-attributes",
        show_default="on",
        help="Give classes of Kinetics, UCF-101 and HMDB-51 without attributes those that ship; "
        "other names are their own attribute",
    ),
    cloup.option(
        "--frames",
        metavar="N",
        type=click.IntRange(1, MAX_FRAMES),
        show_default="8",
        help="Read N frames of a clip",
    ),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=click.FloatRange(0, MAX_RATE_FPS, min_open=True),
        show_default="4",
        help="Set the sampling rate of the runtime, in frames a second",
    ),
    _switch(
        "--augment/--no-augment",
        show_default="on",
        help="Crop clips at random, mirror them, make them grey",
    ),
    _probability(
        "--flip",
        show_default="0.5",
        help="Mirror a clip with this probability; use 0 if left and right are different labels",
    ),
    _probability("--grey", show_default="0.2", help="Make a clip grey with this probability"),
)

_VALIDATION = cloup.option_group(
    "Validation",
    _path(
        "--validate",
        help="Test on these clips during training, a folder of class/clip.mp4 or a CSV, among "
        "their own classes",
    ),
    _labels(
        "--validate-labels",
        show_default="those of --labels, or those that ship",
        help="Take the labels of those classes in the same way",
    ),
    _number("--validate-every", show_default="500", help="Test every N steps, and at the end"),
    _switch(
        "--keep-best/--no-keep-best",
        show_default="off",
        help="Keep the checkpoint of the best test too, as checkpoints/best",
    ),
)

_NETWORK = cloup.option_group(
    "Network",
    _path(
        "--from",
        "from_checkpoint",
        help="Train the network of this run or checkpoint further, as a new run",
    ),
    cloup.option(
        "--backbone",
        metavar="NAME",
        show_default="small on MovingShapes, else ViT-B-32",
        help="small, from scratch at 64 px, or a backbone of open_clip: ViT-B-32, MobileCLIP2-S0, "
        "…",
    ),
    cloup.option(
        "--pretrained",
        metavar="TAG|FILE|none",
        show_default="openai",
        help="Start from these weights of the backbone: a tag of open_clip, a file, or none",
    ),
    _file(
        "--tokenizer",
        show_default="downloaded once",
        help="Read tokenizer.json of a SigLIP2 backbone",
    ),
    cloup.option(
        "--interaction",
        type=click.Choice(INTERACTIONS),
        show_default="product, residual over CLIP",
        help="Choose how patches weigh a frame; mean is plain mean pooling",
    ),
    cloup.option(
        "--frame-weights",
        type=click.Choice(FRAME_WEIGHTS),
        show_default="saliency",
        help="Choose what weighs the frames of a window: saliency by attributes, guided by the "
        "class as label and attributes describe it, or the mean of both",
    ),
    _switch(
        "--learned-temperature/--no-learned-temperature",
        show_default="off",
        help="Learn how sharply frames are weighed",
    ),
    cloup.option(
        "--patch-path",
        type=click.Choice(PATCH_PATHS),
        show_default="block",
        help="Take the patches of the last block, or those of its value path",
    ),
    _switch(
        "--projections/--no-projections",
        show_default="off",
        help="Learn maps I + ΔW before the similarities",
    ),
    _switch(
        "--temporal/--no-temporal",
        show_default="on from scratch, off over CLIP",
        help="Add a temporal transformer",
    ),
    _switch(
        "--train-text/--no-train-text",
        show_default="on from scratch, off over CLIP",
        help="Train the text tower",
    ),
)

_OPTIMISATION = cloup.option_group(
    "Optimisation",
    cloup.option(
        "--loss",
        type=click.Choice(get_args(Loss)),
        show_default="cross-entropy",
        help="Share the target among clips of one class, or soften it as ActionCLIP and BIKE do, "
        "under the Kullback-Leibler divergence; both symmetric between video and text",
    ),
    _number("--steps", show_default="3600, 5000 over CLIP", help="Take N optimiser steps"),
    _number(
        "--batch", show_default="48, 32 over CLIP", help="Take N clips a step, over all processes"
    ),
    _number(
        "--accumulate",
        show_default="1",
        help="Cut a step into N parts to save memory; the loss of each is over its own clips",
    ),
    _rate(
        "--learning-rate",
        show_default="1e-3, 5e-5 over CLIP",
        help="Set the peak rate of the new parts",
    ),
    _rate(
        "--clip-learning-rate",
        show_default="that of the new parts, 5e-6 over CLIP",
        help="Set the peak rate of the towers",
    ),
    cloup.option(
        "--weight-decay",
        metavar="X",
        type=click.FloatRange(min=0),
        show_default="0.05, 0.2 over CLIP",
        help="Set AdamW's weight decay, which applies to matrices",
    ),
    _decay(
        "--beta2",
        show_default="0.98, 0.999 over CLIP",
        help="Set AdamW's decay of squared gradients",
    ),
    _count(
        "--warmup-steps",
        show_default="50, 500 over CLIP, at most a tenth of --steps",
        help="Warm up linearly for N steps before the cosine",
    ),
    _count(
        "--bias-steps",
        show_default="an eighth of --steps, 0 if these are below 400",
        help="Measure the bias towards trained classes in two trainings of N steps that leave "
        "classes out; 0 measures none",
    ),
    _decay(
        "--ema",
        show_default="0, no average",
        help="Save a moving average of the weights with this decay, such as 0.999",
    ),
    _switch(
        "--checkpoint-activations/--no-checkpoint-activations",
        show_default="off",
        help="Compute blocks twice instead of storing what their gradients need",
    ),
    cloup.option(
        "--precision",
        type=click.Choice(get_args(PrecisionName)),
        show_default="auto",
        help="Compute the towers in this precision; auto is bf16 or fp16 on a GPU, fp32 on a CPU",
    ),
    cloup.option(
        "--seed",
        metavar="N",
        type=click.IntRange(0, 2**63 - 1),
        show_default="0",
        help="Seed the weights, the clips and their order",
    ),
)

_RUN = cloup.option_group(
    "Run",
    cloup.option(
        "--output",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        show_default="runs/<data>-<date>",
        help="Write the run into this folder",
    ),
    cloup.option(
        "--resume",
        metavar="FOLDER",
        type=click.Path(),
        is_flag=False,
        flag_value=NEWEST,
        help="Resume a run as it was configured; the newest if no folder is given. --data and "
        "other paths may be given again if files were moved",
    ),
    _number("--checkpoint-every", show_default="100", help="Write a checkpoint every N steps"),
    _count(
        "--workers",
        show_default="1, 0 if /dev/shm is too small",
        help="Read clips in N processes; 0 reads them in the main one",
    ),
    cloup.option(
        "--device",
        metavar="NAME",
        default="auto",
        show_default=True,
        help="Train on cpu, cuda, cuda:1, …; auto takes a GPU if there is one. Under torchrun each "
        "process has its own",
    ),
)


def train_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for group in (_RUN, _OPTIMISATION, _NETWORK, _VALIDATION, _DATA):
        command = group(command)
    return command
