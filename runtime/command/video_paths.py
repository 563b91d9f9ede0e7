"""The paths of what a run writes for each source: annotated videos, pictures of regions."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import StzsarError
from ..sources.spec import SourceSpec
from ..sources.uri import is_live

MAX_STEM_BYTES = 200


def video_paths(
    specs: Sequence[SourceSpec],
    video: Path | None,
    *,
    option: str = "--video",
    suffix: str = ".mp4",
) -> dict[str, Path]:
    """Return the path of each source's annotated video, by the source's name.

    For one source it is `video`, or a file in it if it is a folder. For several, `video` is a
    folder with one file for each, named after the source.

    Args:
        specs: the sources.
        video: what the option names; None is nothing.
        option: the option, for the message.
        suffix: the ending of a file.

    Raises:
        StzsarError: there are several sources, and `video` looks like a file.
    """
    if video is None:
        return {}
    # Regions of a stream share its video.
    specs = list({spec.source: spec for spec in specs}.values())
    if len(specs) == 1 and not video.is_dir():
        return {specs[0].source: video}
    if video.suffix.lower() == suffix and not video.is_dir():
        raise StzsarError(
            f"{len(specs)} sources need a folder for {option}, and {video} is a file."
        )
    paths: dict[str, Path] = {}
    taken: set[str] = set()
    for spec in specs:
        stem = _file_stem(spec)
        names = (f"{stem}{f'-{n}' if n > 1 else ''}{suffix}" for n in range(1, len(specs) + 1))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        paths[spec.source] = video / name
    return paths


def _file_stem(spec: SourceSpec) -> str:
    """Return a file name for the video of a source, without passwords."""
    if spec.source == spec.uri and not is_live(spec.uri):
        stem = Path(spec.uri).stem
    else:
        place = (spec.source.partition("://")[2] or spec.source).partition("?")[0]
        stem = re.sub(r"[^\w.]+", "-", place).strip("-.")
    # File systems count bytes, and 255 of them.
    return (
        stem.encode(errors="surrogateescape")[:MAX_STEM_BYTES].decode(errors="ignore") or "stream"
    )
