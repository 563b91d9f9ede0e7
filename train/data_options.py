"""The options of stzsar-train that say which clips it trains on, and which of them do nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from ..runtime.bundle.manifest import MAX_FRAMES, MAX_RATE_FPS
from ..runtime.errors import StzsarError

if TYPE_CHECKING:
    from .config import TrainConfig

_COUNT = click.IntRange(min=1)
_PART = click.FloatRange(0, 1)

data_options = cloup.option_group(
    "Data",
    cloup.option(
        "--data",
        metavar="PATH",
        help="moving-shapes (default), a folder of class/clip.mp4, or a CSV of path,label; with "
        "--lists any folder of clips.",
    ),
    cloup.option(
        "--lists",
        metavar="PATH",
        type=click.Path(),
        help="Which clips train: the folder of the official split files of UCF-101 or HMDB-51, "
        "Kinetics' train.csv, or a list of paths with labels.",
    ),
    cloup.option(
        "--split", metavar="N", type=_COUNT, help="Which split of the folder (default the first)."
    ),
    cloup.option(
        "--classes",
        metavar="FILE",
        type=click.Path(),
        help="What the numbers of a list mean: rows id,name or lines `1 Name` (default: "
        "classInd.txt or class_names.csv beside it).",
    ),
    cloup.option(
        "--shots",
        metavar="N",
        type=_COUNT,
        help="Few-shot: take N clips of each class, chosen by the seed (default all).",
    ),
    cloup.option(
        "--allow-missing/--no-allow-missing",
        default=None,
        help="Go on without clips that are missing, and where classes have too few (default off).",
    ),
    cloup.option(
        "--setting",
        type=click.Choice(["plain", "hard", "mixed"]),
        help="Of MovingShapes; mixed (default) begins plain and grows to half hard.",
    ),
    cloup.option(
        "--labels",
        metavar="FILE",
        type=click.Path(),
        help="JSON list of {label, attributes} of the classes (default: their names).",
    ),
    cloup.option(
        "--attributes/--no-attributes",
        default=None,
        help="Give classes of Kinetics, UCF-101 and HMDB-51 that have none the attributes that "
        "ship for them (default on); else a name is its own attribute.",
    ),
    cloup.option(
        "--frames",
        metavar="N",
        type=click.IntRange(1, MAX_FRAMES),
        help="Frames of a clip (default 8).",
    ),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=click.FloatRange(0, MAX_RATE_FPS, min_open=True),
        help="Frames a second that the runtime shall sample (default 4).",
    ),
    cloup.option(
        "--augment/--no-augment",
        default=None,
        help="Crop clips at random, mirror them, make them grey (default on).",
    ),
    cloup.option(
        "--flip",
        metavar="P",
        type=_PART,
        help="Probability that a clip is mirrored (default 0.5); 0 where left and right are "
        "different labels.",
    ),
    cloup.option(
        "--grey", metavar="P", type=_PART, help="Probability that a clip is grey (default 0.2)."
    ),
)


def refuse_idle_data(config: "TrainConfig", options: dict[str, Any]) -> None:
    """Raise StzsarError where an option about the data would do nothing for it."""

    def first_given(*names: str) -> str | None:
        return next((_flag(name) for name in names if options[name] is not None), None)

    if config.is_moving_shapes:
        given = first_given(
            *("lists", "split", "classes", "shots", "labels", "attributes"),
            *("frames", "rate_fps", "augment", "flip", "grey"),
            *(() if config.validate else ("allow_missing",)),
        )
        if given:
            raise StzsarError(
                "MovingShapes is drawn, with its own labels, frames and rate, and never augmented: "
                f"leave out {given}, or give --data."
            )
        return
    if options["setting"] is not None:
        raise StzsarError("--setting is of MovingShapes: leave it out, or leave out --data.")
    of_lists = first_given("split", "classes")
    if config.lists is None and of_lists:
        raise StzsarError(f"{of_lists} is of --lists: leave it out, or give --lists.")
    if config.lists is not None:
        is_folder = Path(config.lists).is_dir()
        if is_folder and config.classes:
            raise StzsarError(
                f"--classes is of one list, and {config.lists} is a folder of official lists, "
                "which name their classes: leave it out."
            )
        if not is_folder and config.split:
            raise StzsarError(
                f"--split is of a folder of official lists, and {config.lists} is one list: "
                "leave it out."
            )
    of_augment = first_given("flip", "grey")
    if not config.augment and of_augment:
        raise StzsarError(f"{of_augment} is of --augment: leave it out, or leave out --no-augment.")


def _flag(name: str) -> str:
    return "--rate" if name == "rate_fps" else f"--{name.replace('_', '-')}"
