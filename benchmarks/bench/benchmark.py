"""One run of the benchmark: what it measures, in which order."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from ...runtime.atomic import write_file
from ...runtime.bundle.bundle import Bundle
from ...runtime.command.loading import open_bundle
from ...runtime.command.options import ModelOptions
from ...runtime.decisions.policy import Policy
from ...runtime.errors import StzsarError
from ...runtime.labels.bank import LabelBank
from ...runtime.labels.label_files import labels_from
from ...runtime.labels.labels import as_labels
from ...runtime.recognizer import Recognizer
from ...runtime.sources.uri import is_live
from ...runtime.terminal.commandline import Output, console, log, say
from ...runtime.terminal.outputs import check_outputs, check_writable
from ...runtime.terminal.progress import bar
from ...runtime.text.choose_labels import choose_labels
from ..random_bundles import resized
from .accuracy import Judged, judge, labelled_clips
from .cold_start import ColdStart, start_cold
from .environment import load_average
from .instruments.find import find_instruments
from .instruments.instrument import Instrument, State
from .live import LiveTurn, run_live
from .options import Options
from .plot import draw
from .record import Build, Record
from .report import show
from .results import Outcome, summarise
from .sources import Footage, open_footage
from .stopwatch import Stopwatch
from .task import Task
from .throughput import Turn, run_independent, run_streaming
from .watch import Watch, peak_rss_mib, rss_mib

IDLE_S = 3.0
_KEPT_WINDOWS = 2
_TOP = 5  # labels of a result, the default of stzsar-run


def run(options: Options) -> Record:
    bundle = _open(options)
    record, ages_ms = measure(options, bundle)
    to_stdout = options.json == Path("-")
    if to_stdout:
        click.echo(record.to_json(), nl=False)
    elif options.json:
        write_file(options.json, record.to_json())
    if options.plot:
        draw(record, ages_ms, options.plot)
    show(record, console if to_stdout else Output())
    for path in options.written:
        say(f"Wrote {path}.")
    return record


def _open(options: Options) -> Bundle:
    """Open the bundle, and refuse now what would fail after a long run."""
    try:
        import psutil  # noqa: F401 (only whether it is installed)
    except ImportError as error:
        raise StzsarError(
            "stzsar-bench needs psutil: run pip install '.[cpu,bench]' in stzsar's folder."
        ) from error
    bundle = open_bundle(ModelOptions(bundle=options.bundle))
    read = {options.data: "the data"} if options.data else {}
    if not is_live(options.source):
        read[Path(options.source)] = "a source"
    check_outputs(written=options.written, read=read, bundle=bundle.path)
    for path in options.written:
        check_writable(path)
    return bundle


def measure(options: Options, bundle: Bundle) -> tuple[Record, Sequence[float]]:
    """Measure everything; return the record, and the ages of all live decisions in milliseconds."""
    sampling, most = options.sampling.sampling(bundle.manifest), bundle.manifest.sampling.max_frames
    if sampling.frames > most:
        raise StzsarError(
            f"--frames {sampling.frames} is too long: this bundle takes windows of 1 to {most} "
            "frames."
        )
    if options.data:
        labelled_clips(bundle, options.data)
    footage = open_footage(options.source, kept_s=_KEPT_WINDOWS * sampling.window_s)
    instruments, absent = find_instruments()
    try:
        outcome = _measure(options, bundle, footage, instruments, absent)
    finally:
        for instrument in instruments:
            instrument.close()
    ages_ms = [age for turn in outcome.lives for age in turn.ages_ms]
    return summarise(options, bundle, outcome), ages_ms


def _measure(
    options: Options,
    bundle: Bundle,
    footage: Footage,
    instruments: Sequence[Instrument],
    absent: Mapping[str, str],
) -> Outcome:
    load_start, before_mib = load_average(), rss_mib()
    with Watch(instruments) as watch, bar() as progress:
        # Each turn has a cold start and three modes; then there are loading and the data.
        steps = 4 * options.repeat + 1 + (options.data is not None)
        task_id = progress.add_task("", total=steps)

        @contextmanager
        def step(what: str) -> Iterator[None]:
            progress.update(task_id, description=what)
            with watch.during(what):
                yield
            progress.advance(task_id)

        if any(instrument.measures for instrument in instruments):
            with watch.during("idle"):
                time.sleep(IDLE_S)
        states = _states(instruments)
        with step("load"):
            started, stopwatch, building = time.perf_counter(), Stopwatch(), _BuildWatch()
            recognizer = _load(options, bundle, stopwatch, building)
            load_s = time.perf_counter() - started
        after_mib = rss_mib()
        task = Task(
            recognizer=recognizer,
            stopwatch=stopwatch,
            sampling=options.sampling,
            footage=footage,
            streams=options.live_streams,
            seconds=options.seconds,
        )
        turns: dict[str, list[Turn]] = defaultdict(list)
        lives: list[LiveTurn] = []
        colds: list[ColdStart] = []
        for turn in range(options.repeat):
            with step("cold start"):
                colds.append(_cold_start(options, bundle))
            modes = [("independent", run_independent), ("streaming", run_streaming)]
            for name, run_mode in modes if turn % 2 == 0 else reversed(modes):
                with step(name):
                    turns[name].append(run_mode(task))
            with step("filling windows"):
                lives.append(run_live(task, on_full=lambda: watch.go_over_to("live")))
        rss = (before_mib, after_mib, rss_mib(), peak_rss_mib())
        ends = _states(instruments)
        judged: Judged | None = None
        if options.data:
            with step("accuracy"):
                clips = labelled_clips(bundle, options.data)
                clip_task = progress.add_task("clips", total=len(clips))
                judged = judge(bundle, clips, options, lambda: progress.advance(clip_task))
    return Outcome(
        task=task,
        footage=footage,
        turns=turns,
        lives=lives,
        colds=colds,
        load_s=load_s,
        rss_mib=rss,
        build=building.build(watch),
        watch=watch,
        instruments=instruments,
        states=(states, ends),
        absent=absent,
        judged=judged,
        load_averages=(load_start, load_average()),
    )


class _BuildWatch:
    """Called by TensorRT while it builds an engine."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._last_s = 0.0

    def __call__(self, _share: float, _phase: str) -> None:
        self._last_s = time.monotonic()
        self._first_s = self._last_s if self._first_s is None else self._first_s

    def build(self, watch: Watch) -> Build | None:
        if self._first_s is None:
            return None
        return Build(
            seconds=self._last_s - self._first_s,
            peak_rss_mib=watch.largest_rss_mib("load"),
            peak_gpu_mib=watch.largest("load").get("nvml", {}).get("gpu_memory_mib"),
        )


def _load(
    options: Options, bundle: Bundle, stopwatch: Stopwatch, building: _BuildWatch
) -> Recognizer:
    bundle = Bundle.open(bundle.path)  # again, since its time counts
    return Recognizer(
        bundle,
        _bank(options, bundle),
        top_k=max(_TOP, Policy().labels_needed),
        threads=options.threads,
        engine=options.engine,
        trust_engines=options.trust_engines,
        on_build=building,
        stages=stopwatch,
    )


def _bank(options: Options, bundle: Bundle) -> LabelBank:
    if options.labels is None:
        return bundle.bank
    if isinstance(options.labels, int):
        return resized(bundle.bank, options.labels)
    return choose_labels(bundle, labels_from(options.labels), threads=options.threads)


def _cold_start(options: Options, bundle: Bundle) -> ColdStart:
    sampling = options.sampling.sampling(bundle.manifest)
    arguments = [
        *("--bundle", str(bundle.path), "--source", options.source),
        *("--engine", options.engine, "--threads", str(options.threads)),
        *("--rate", repr(sampling.rate_fps), "--window", repr(sampling.window_s)),
        *(["--trust-engines"] if options.trust_engines else []),
    ]
    if options.labels is None:
        return start_cold(arguments)
    if not isinstance(options.labels, int):
        return start_cold(arguments, labels_from(options.labels))
    own = as_labels(bundle.bank.names)
    return start_cold(arguments, own[: options.labels] if options.labels < len(own) else None)


def _states(instruments: Sequence[Instrument]) -> dict[str, State]:
    states: dict[str, State] = {}
    for instrument in instruments:
        try:
            states[instrument.name] = dict(instrument.state())
        except Exception as error:  # a dead service must not lose the measurements
            log.warning("%s does not answer any more: %s", instrument.name, error)
            states[instrument.name] = {}
    return states
