"""Proposes regions from where things move, as tables for a file of streams, with a picture."""

import threading
from pathlib import Path

import numpy as np

from .. import atomic
from ..errors import SourceError
from ..preprocessing.opencv import load_cv2
from ..sources.areas import Array
from ..sources.feed import FeedOptions
from ..sources.moving import MotionMap, Proposal
from ..sources.open_feed import open_feed
from ..sources.spec import SourceSpec
from ..sources.uri import is_live
from ..terminal.commandline import say
from ..terminal.outputs import unused
from .options import RunOptions
from .reading import specs_from
from .show_regions import draw_area
from .video_paths import video_paths

RATE_FPS, LOOKS_S = 5.0, 60.0
_GREEN, _WARM = (80, 200, 60), (0, 120, 255)  # BGR


def propose_regions(options: RunOptions) -> None:
    """Watch each source for a while, and write regions and a picture; see `RunOptions.regions`.

    Raises:
        StzsarError: a source gives no pictures, or a file cannot be written.
    """
    specs = {spec.source: spec for spec in specs_from(options)}
    target = options.output or Path("regions.toml" if len(specs) == 1 else "regions")
    paths = video_paths(list(specs.values()), target, option="--output", suffix=".toml")
    for source, spec in specs.items():
        motion, picture = _watched(spec, options)
        proposals = motion.proposals()
        path = unused(paths[source])
        path.parent.mkdir(parents=True, exist_ok=True)
        text = as_tables(source, motion.pictures, proposals)
        atomic.write_file(path, text.encode())
        image = drawn(picture, motion.heat(), proposals)
        png = load_cv2().imencode(".png", image)[1].tobytes()
        atomic.write_file(path.with_suffix(".png"), png)
        if not options.quiet:
            found = f"{len(proposals)} regions" if len(proposals) != 1 else "1 region"
            say(f"{source}: {found} in {path}, drawn in {path.with_suffix('.png')}.")


def as_tables(source: str, pictures: int, proposals: list[Proposal]) -> str:
    """Return regions as TOML, to be pasted below the `[[stream]]` that they are for."""
    head = (
        f"# stzsar-run --regions auto: what moved in {pictures} pictures of {_comment(source)}.\n"
    )
    if not proposals:
        return f"{head}# No region: nothing moves, or it moves everywhere. Try tiles = [3, 2].\n"
    tables = (
        f'\n[[stream.region]]  # moving {one.moving:.0%} of the time\nname = "{one.region.name}"\n'
        f"box = [{', '.join(f'{share:g}' for share in _box(one))}]\n"
        for one in proposals
    )
    return f"{head}# Paste what you want below its [[stream]], and give names.\n{''.join(tables)}"


def drawn(image_hwc: Array, heat: Array, proposals: list[Proposal]) -> Array:
    """Return a picture with its motion in a warm colour, and the regions drawn on it."""
    cv2 = load_cv2()
    height, width = image_hwc.shape[:2]
    share = np.sqrt(heat / max(1e-9, float(heat.max()))) if heat.any() else heat
    warm = cv2.resize(share.astype(np.float32), (width, height))[:, :, None] * 0.6
    picture = (image_hwc * (1 - warm) + np.asarray(_WARM) * warm).astype(np.uint8)
    for one in proposals:
        draw_area(picture, one.region.area, one.region.name, _GREEN)
    return picture


def _watched(spec: SourceSpec, options: RunOptions) -> tuple[MotionMap, Array]:
    seconds = options.seconds or (LOOKS_S if is_live(spec.uri) else None)
    wake = threading.Event()
    feed = open_feed(spec, FeedOptions(wake=wake, seconds=seconds), RATE_FPS)
    motion, picture = MotionMap(), None
    if not options.quiet:
        say(f"{spec.source}: watching {f'{seconds:g} s' if seconds else 'all of it'}.")
    feed.start()
    try:
        while not feed.finished:
            if captured := feed.take():
                picture = captured.frame.image_hwc
                motion.add(picture)
            else:
                wake.wait(0.1)
                wake.clear()
    finally:
        feed.stop()
    if feed.error and motion.pictures < 2:
        raise feed.error
    if picture is None:
        raise SourceError(f"{spec.source} has given no picture: check it with --show-regions.")
    return motion, picture


def _box(one: Proposal) -> tuple[float, float, float, float]:
    (left, top), _, (right, bottom), _ = one.region.area.corners
    return left, top, right, bottom


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
