"""MovingShapes as files: its labels for export, and sample clips.

Run it as `python -m stzsar.train.data.sample labels labels.json`, `… video sample.mp4`,
`… picture annotated.mp4 demo.png`, or `… clips FOLDER`.
"""

import json
from pathlib import Path

import click
import numpy as np
from rich.progress import track

from ...runtime.errors import StzsarError
from ...runtime.shapes.scenes import SAMPLING, Action, find_action, seen_actions, unseen_actions
from ...runtime.sources.clips import read_clip
from ...runtime.terminal.commandline import at_the_edge, console
from .moving_shapes import write_video

# Five classes that training never showed.
SAMPLE_ACTIONS = (
    "red heart moving left",
    "white diamond swinging on a rope",
    "blue hourglass growing",
    "white ring shaking",
    "blue circle falling",
)
PICTURE_PX = 256
_DEBUG = click.option("--debug", is_flag=True, help="Show tracebacks")


@click.group()
def main() -> None:
    """Write MovingShapes to files."""


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--all", "seen_too", is_flag=True, help="Write all 120 classes instead of the 24 unseen ones"
)
@_DEBUG
@at_the_edge
def labels(path: Path, *, seen_too: bool) -> None:
    actions = (*unseen_actions(), *(seen_actions() if seen_too else ()))
    rows = [
        {"label": action.label.name, "attributes": action.label.attributes} for action in actions
    ]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--action",
    "names",
    multiple=True,
    help="Show this class; may be given several times. Five unseen ones by default",
)
@click.option(
    "--seconds", default=4.0, show_default=True, help="Show each action for so many seconds"
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed the scenes"
)
@_DEBUG
@at_the_edge
def video(path: Path, names: tuple[str, ...], seconds: float, seed: int) -> None:
    """Write one video of several actions, one after the other."""
    actions = [find_action(name) for name in names or SAMPLE_ACTIONS]
    write_video(path, actions, seconds_each=seconds, seed=seed, scale=4)


@main.command()
@click.argument("annotated", type=click.Path(path_type=Path))
@click.argument("path", type=click.Path(path_type=Path))
@_DEBUG
@at_the_edge
def picture(annotated: Path, path: Path) -> None:
    """Put a frame of each action side by side, from a sample that stzsar-run annotated."""
    import cv2

    clip = read_clip(annotated, frames=len(SAMPLE_ACTIONS), size_px=PICTURE_PX)
    if not cv2.imwrite(str(path), np.hstack(list(clip.images_thwc))):
        raise StzsarError(f"Cannot write {path}: its folder must exist, and its name end in .png.")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--count", default=2, show_default=True, help="Write so many clips of each class")
@click.option("--unseen", is_flag=True, help="Write the unseen classes instead of the seen ones")
@_DEBUG
@at_the_edge
def clips(folder: Path, count: int, *, unseen: bool) -> None:
    """Write FOLDER/class/clip.mp4, which stzsar-train --data reads."""
    actions: tuple[Action, ...] = unseen_actions() if unseen else seen_actions()
    for action in track(actions, "writing", console=console):
        target = folder / action.label.name
        target.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            write_video(
                target / f"{number}.mp4", [action], seconds_each=SAMPLING.window_s, seed=number
            )


if __name__ == "__main__":
    main()
