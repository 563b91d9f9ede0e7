"""The sources of a run, how each is sampled, and the loop that reads them."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ..bundle.manifest import Manifest
from ..errors import StzsarError
from ..sources.address import parse_address
from ..sources.feed import FeedOptions
from ..sources.spec import SourceSpec, specs_of
from ..sources.streams_file import read_streams
from ..sources.uri import expand_sources, is_live, is_pictures
from ..sources.video_file import check_readable
from ..streams.loop import StreamLoop
from ..streams.stream import StreamOptions
from ..terminal.commandline import say
from ..terminal.signals import StopSignals
from ..video.pictures import DEFAULT_FPS
from .options import ReadingOptions, RunOptions


def specs_from(options: RunOptions) -> tuple[SourceSpec, ...]:
    """Return the sources of a run: named streams first, else camera 0 where none is given.

    Raises:
        SourceError: one is of no kind that can be read, or the streams file is wrong.
        StzsarError: an option has no effect on these sources.
    """
    uris = [str(source) for source in options.sources]
    if not uris and not options.streams:
        uris = ["0"]
        if not options.quiet:
            say("No source is given: looking at camera 0.")
    named = tuple(
        replace(spec, frame_rate=spec.frame_rate or options.frame_rate)
        for spec in (read_streams(options.streams) if options.streams else ())
    )
    others = specs_of(
        expand_sources(uris),
        taken={name for spec in named for name in (spec.name, spec.source)},
        frame_rate=options.frame_rate,
    )
    specs = (*named, *others)
    _check_pictures(specs, options, quiet=options.quiet)
    if options.whole:
        _check_whole(specs)
    check_give_up(specs, options)
    _check_only_file(specs)
    return specs


def footage_from(
    footage: Iterable[str | Path],
    options: ReadingOptions,
    *,
    quiet: bool,
    beside: Sequence[SourceSpec] = (),
) -> tuple[SourceSpec, ...]:
    """Return the sources of footage to look through; raise as `specs_from` does.

    Args:
        footage: as users name it.
        options: how it is read.
        quiet: do not say how fast pictures are shown.
        beside: sources that are read with the same options.
    """
    uris = expand_sources(str(source) for source in footage)
    specs = specs_of(uris, frame_rate=options.frame_rate)
    _check_pictures([*specs, *beside], options, quiet=quiet)
    check_give_up(specs, options)
    _check_only_file(specs)
    return specs


def check_give_up(specs: Sequence[SourceSpec], options: ReadingOptions) -> None:
    """Refuse `give_up_s` where every source is a file.

    Raises:
        StzsarError: there is no live source.
    """
    if options.give_up_s is not None and not any(is_live(spec.uri) for spec in specs):
        raise StzsarError("--give-up is for live sources, and there are only files: leave it out.")


def _check_only_file(specs: Sequence[SourceSpec]) -> None:
    """Refuse the only source at once if it is a file that is not there; several run on without it.

    Raises:
        SourceError: it cannot be opened, or is empty.
    """
    if len(specs) == 1 and not is_live(uri := specs[0].uri) and not is_pictures(uri):
        check_readable(Path(str(parse_address(uri).target)))


def _check_pictures(specs: Sequence[SourceSpec], options: ReadingOptions, *, quiet: bool) -> None:
    """Say once how fast pictures are shown, and refuse a rate where there are none."""
    clips = [spec for spec in specs if is_pictures(spec.uri)]
    if not clips and options.frame_rate is not None:
        raise StzsarError("--frame-rate is for pictures, and no source is a folder of them.")
    clips = [spec for spec in clips if spec.frame_rate is None]
    if clips and not quiet:
        what = clips[0].name if len(clips) == 1 else f"{clips[0].name} and {len(clips) - 1} more"
        say(
            f"{what}: taking the pictures for a clip of {DEFAULT_FPS:g} a second; --frame-rate "
            "changes that."
        )


def _check_whole(specs: Sequence[SourceSpec]) -> None:
    for spec in specs:
        if is_live(spec.uri):
            raise StzsarError(
                f"--whole reads whole files, and {spec.name!r} has no end: leave --whole out."
            )
        if spec.rate_fps or spec.frame_rate or spec.threshold or spec.calibration:
            raise StzsarError(
                "--whole gives one result for each file, so the rate, frame-rate, threshold or "
                f"calibration of {spec.name!r} has no effect: leave it or --whole out."
            )
        if spec.mask or spec.region:
            raise StzsarError(
                f"--whole reads whole pictures, and {spec.source!r} has a mask or regions: leave "
                "them or --whole out."
            )


def stream_options(
    manifest: Manifest,
    options: ReadingOptions,
    spec: SourceSpec | None = None,
    *,
    explain: bool = False,
    keep_features: bool = False,
) -> StreamOptions:
    """Return how a source is sampled; its own rate overrides the run's.

    Raises:
        StzsarError: the window has more frames than the bundle takes, or none.
    """
    sampling = manifest.sampling
    rate_fps = (spec and spec.rate_fps) or options.rate_fps
    frames = None
    if options.window_s is not None:
        if rate_fps is None:
            rate_fps = sampling.frames / options.window_s
        frames = round(rate_fps * options.window_s)
        if not 1 <= frames <= sampling.max_frames:
            raise StzsarError(
                f"A window of {options.window_s:g} s at {rate_fps:g} frames per second has "
                f"{frames} frames, and this bundle takes 1 to {sampling.max_frames}: change "
                "--window or --rate."
            )
    return StreamOptions(
        rate_fps=rate_fps,
        frames=frames,
        motion_gate=options.motion_gate,
        explain=explain,
        keep_features=keep_features,
    )


def files_read(specs: Sequence[SourceSpec]) -> dict[Path | None, str]:
    """Return the files that sources and their own options name, with what to call them."""
    read: dict[Path | None, str] = {
        spec.labels: "a label file" for spec in specs if isinstance(spec.labels, Path)
    }
    read |= {spec.calibration: "a calibration" for spec in specs}
    return read | {Path(spec.uri): "a source" for spec in specs if not is_live(spec.uri)}


def feed_options(options: ReadingOptions) -> FeedOptions:
    """Return the time limits of the run's feeds."""
    return FeedOptions(
        seconds=options.seconds, stalled_s=options.stalled_s, give_up_s=options.give_up_s
    )


def read_to_the_end(
    loop: StreamLoop, signals: StopSignals, on_step: Sequence[Callable[[], None]] = ()
) -> None:
    """Run a loop until it ends or a signal comes; each of `on_step` is called some times a second.

    Raises:
        StzsarError: as `StreamLoop.steps`.
        KeyboardInterrupt: Ctrl-C.
        SystemExit: SIGTERM.
    """
    with closing(loop.steps()) as steps:
        for _ in steps:
            signals.check()
            for call in on_step:
                call()
