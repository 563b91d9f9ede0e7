"""A run of the command: sources one after the other, and where their results go."""

import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .commandline import show_error
from .errors import SourceError, StzsarError
from .progress import SourceProgress
from .recognizer import Recognizer
from .results import Recognition
from .sinks.jsonl import JsonLines
from .sinks.video import AnnotatedVideo
from .sources.frames import Source
from .sources.secrets import without_secrets
from .sources.uri import camera_number, is_live, is_url, open_source
from .stream import follow
from .summary import SourceSummary


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """What a run does with each source.

    Attributes:
        rate_fps: frames that are looked at per second; the bundle's rate if None.
        whole: give one result for each file instead of results over time.
        seconds: stop each source at this time; None reads to its end.
        video: file (one source) or folder (several) of annotated videos; None writes none.
    """

    rate_fps: float | None = None
    whole: bool = False
    seconds: float | None = None
    video: Path | None = None


class Session:
    """Leads sources through a recogniser into its outputs.

    Attributes:
        summaries: one for each source that was opened, in order.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        options: SessionOptions,
        results: JsonLines,
        progress: SourceProgress,
        *,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare a run.

        Args:
            recognizer: what recognises.
            options: what to do with each source.
            results: where results go.
            progress: what is told of frames.
            check: called at every frame; what it raises ends the run.
        """
        self.summaries: list[SourceSummary] = []
        self._recognizer = recognizer
        self._options = options
        self._results = results
        self._progress = progress
        self._check = check

    def run(self, uris: list[str]) -> None:
        """Read the sources in order; one of several that fails does not stop the others.

        Raises:
            SourceError: the only source failed, or some of several did.
            StzsarError: an output cannot be written, or a graph fails.
        """
        videos = video_paths(uris, self._options.video)
        if self._options.video and len(uris) > 1:
            self._options.video.mkdir(parents=True, exist_ok=True)
        failed = 0
        for uri in uris:
            try:
                self._run_one(uri, videos.get(uri))
            except SourceError as error:
                if len(uris) == 1:
                    raise
                failed += 1
                show_error(error)
        if failed:
            raise SourceError(f"{failed} of {len(uris)} sources failed.")

    def _run_one(self, uri: str, video: Path | None) -> None:
        self._check()
        self._progress.start()
        if self._options.whole:
            self._classify(uri)
            return
        source = open_source(uri)
        with ExitStack() as stack:
            stack.callback(source.close)
            self._progress.expect(source.frame_count)
            annotated = None
            if video:
                annotated = AnnotatedVideo(video, fps=source.fps, live=source.live)
                # A run that is stopped, by hand too, leaves the video of what it has seen.
                stack.callback(annotated.finish)
            self._follow(source, annotated)

    def _classify(self, uri: str) -> None:
        clip = self._recognizer.read_clip(uri)
        summary = self._new_summary(uri)
        self._emit(self._recognizer.classify_clip(clip, uri), summary)
        if clip.damage:
            raise clip.damage

    def _follow(self, source: Source, video: AnnotatedVideo | None) -> None:
        stream = self._recognizer.open_stream(
            source.name, rate_fps=self._options.rate_fps, source_fps=source.fps
        )
        summary = self._new_summary(source.name)
        latest: Recognition | None = None
        for frame, recognition in follow(
            source,
            stream,
            every_frame=video is not None,
            until_s=self._options.seconds,
            on_frame=self._tick,
        ):
            self._check()
            if recognition:
                latest = recognition
                self._emit(recognition, summary)
            if frame and video:
                video.write(frame, latest)

    def _tick(self, time_s: float) -> None:
        self._check()
        self._progress.tick(time_s)

    def _new_summary(self, name: str) -> SourceSummary:
        self.summaries.append(SourceSummary(name))
        return self.summaries[-1]

    def _emit(self, recognition: Recognition, summary: SourceSummary) -> None:
        self._results.write(recognition)
        summary.add(recognition)


def check_sources(uris: list[str], options: SessionOptions) -> None:
    """Refuse what could not work, before anything is loaded.

    Raises:
        StzsarError: live sources where only files can be read, or options that contradict.
    """
    live = next((uri for uri in uris if is_live(uri)), None)
    shown = without_secrets(live) if live and is_url(live) else live
    if live and options.whole:
        raise StzsarError(
            f"--whole looks at whole files and {shown!r} has no end: leave --whole out."
        )
    if live and len(uris) > 1 and options.seconds is None:
        raise StzsarError(
            f"Sources are read one after the other and {shown!r} has no end: give it alone, or "
            "say with --seconds how long to look at each."
        )
    over_time = {"video": options.video, "seconds": options.seconds, "rate": options.rate_fps}
    for name, value in over_time.items():
        if options.whole and value is not None:
            raise StzsarError(f"--whole looks at whole files: leave out --whole or --{name}.")


def check_outputs(
    uris: list[str],
    options: SessionOptions,
    *,
    output: Path | None,
    labels: Path | None,
    bundle: Path,
) -> None:
    """Refuse to overwrite what is read, or one output by another.

    Raises:
        StzsarError: an output is a source, the label file, in the bundle, or another output.
    """
    taken = {_identity(Path(uri)): "a source" for uri in uris if not is_live(uri)}
    if labels:
        taken[_identity(labels)] = "the label file"
    folder = Path(os.path.realpath(bundle))
    for path in (output, *video_paths(uris, options.video).values()):
        if path is None:
            continue
        if folder in Path(os.path.realpath(path)).parents:
            raise StzsarError(f"{path} lies in the bundle {bundle}: name a file elsewhere.")
        identity = _identity(path)
        if identity in taken:
            raise StzsarError(
                f"{path} is {taken[identity]} and would be overwritten: name another file."
            )
        taken[identity] = "another output"


def _identity(path: Path) -> object:
    """Return what all names of a file have in common, through links too."""
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def video_paths(uris: list[str], video: Path | None) -> dict[str, Path]:
    """Return the annotated video of each source.

    Of one source it is the file `video`, or a file in it if it is a folder; of several, `video`
    is a folder, and each file has the name of its source.

    Raises:
        StzsarError: several sources, and `video` looks like a file.
    """
    if video is None:
        return {}
    if len(uris) == 1 and not video.is_dir():
        return {uris[0]: video}
    if video.suffix.lower() == ".mp4" and not video.is_dir():
        raise StzsarError(f"{len(uris)} sources need a folder for --video, and {video} is a file.")
    paths: dict[str, Path] = {}
    taken: set[str] = set()
    for uri in uris:
        stem = _file_stem(uri)
        names = (f"{stem}{f'-{n}' if n > 1 else ''}.mp4" for n in range(1, len(uris) + 1))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        paths[uri] = video / name
    return paths


def _file_stem(uri: str) -> str:
    """Return a file's name for the video of a source, from which no password can be read."""
    number = camera_number(uri)
    if number is not None:
        return f"camera-{number}"
    if not is_url(uri):
        return Path(uri).stem
    address = urlsplit(without_secrets(uri))
    return re.sub(r"[^\w.]+", "-", address.netloc + address.path).strip("-.")[:100] or "stream"
