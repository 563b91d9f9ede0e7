"""Where the annotated video of each source goes."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import StzsarError
from ..sources.spec import SourceSpec
from ..sources.uri import is_live

MAX_STEM_BYTES = 200


def video_paths(specs: Sequence[SourceSpec], video: Path | None) -> dict[str, Path]:
    """Return the annotated video of each source, by the source's name.

    Of one source it is the file `video`, or a file in it if it is a folder; of several, `video`
    is a folder, and each file has the name of its source.

    Raises:
        StzsarError: several sources, and `video` looks like a file.
    """
    if video is None:
        return {}
    if len(specs) == 1 and not video.is_dir():
        return {specs[0].name: video}
    if video.suffix.lower() == ".mp4" and not video.is_dir():
        raise StzsarError(f"{len(specs)} sources need a folder for --video, and {video} is a file.")
    paths: dict[str, Path] = {}
    taken: set[str] = set()
    for spec in specs:
        stem = _file_stem(spec)
        names = (f"{stem}{f'-{n}' if n > 1 else ''}.mp4" for n in range(1, len(specs) + 1))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        paths[spec.name] = video / name
    return paths


def _file_stem(spec: SourceSpec) -> str:
    """Return a file's name for the video of a source, from which no password can be read."""
    if spec.name == spec.uri and not is_live(spec.uri):
        stem = Path(spec.uri).stem
    else:
        place = (spec.name.partition("://")[2] or spec.name).partition("?")[0]
        stem = re.sub(r"[^\w.]+", "-", place).strip("-.")
    # File systems count bytes, and 255 of them.
    return (
        stem.encode(errors="surrogateescape")[:MAX_STEM_BYTES].decode(errors="ignore") or "stream"
    )
