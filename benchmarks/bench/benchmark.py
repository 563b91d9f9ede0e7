"""One run of the benchmark: what is measured, in which order, and what comes of it."""

import functools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import Progress

from ...runtime.bundle.bundle import Bundle
from ...runtime.decisions.policy import Policy
from ...runtime.errors import StzsarError
from ...runtime.recognizer import Recognizer
from ...runtime.terminal.commandline import log
from ..timing import progress_bar
from .accuracy import Accuracy, accuracy, check_data, judge
from .cold_start import ColdStart, start_cold
from .drawn_labels import draw_labels
from .instruments.find import find_instruments
from .instruments.instrument import Instrument, State
from .live import LiveTurn, run_live
from .record import Build, Record
from .request import Request
from .results import Outcome, summarise
from .setting import load_average
from .sources import Footage, open_footage
from .stopwatch import Stopwatch
from .task import WARM_UP_S, Task
from .throughput import Turn, run_independent, run_streaming
from .watch import Watch, peak_rss_mib, rss_mib

IDLE_S = 3.0
KEPT_WINDOWS = 2
# Labels of a result, as `stzsar-run` has them by default.
_TOP = 5


class _BuildWatch:
    """Hears from TensorRT when it builds."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._last_s = 0.0

    def __call__(self, _share: float, _phase: str) -> None:
        self._last_s = time.monotonic()
        self._first_s = self._last_s if self._first_s is None else self._first_s

    @property
    def seconds(self) -> float | None:
        """From its first word to its last; None if nothing was built."""
        return None if self._first_s is None else self._last_s - self._first_s


def measure(request: Request) -> tuple[Record, Sequence[float]]:
    """Measure everything, with a bar on stderr; return it, and all live ages in milliseconds.

    Raises:
        StzsarError: the bundle, the source or the data cannot be used.
    """
    looked_at = request.looked_at.sampling(request.bundle.manifest)
    most = request.bundle.manifest.sampling.max_frames
    if looked_at.frames > most:
        raise StzsarError(f"This bundle takes windows of 1 to {most} frames: give fewer --frames.")
    if request.data:
        check_data(request.bundle, request.data)
    footage = open_footage(request.source, kept_s=KEPT_WINDOWS * looked_at.window_s)
    instruments, absent = find_instruments()
    try:
        return _measure(request, footage, instruments, absent)
    finally:
        for instrument in instruments:
            instrument.close()


def _measure(
    request: Request,
    footage: Footage,
    instruments: Sequence[Instrument],
    absent: Mapping[str, str],
) -> tuple[Record, Sequence[float]]:
    load_start, before_mib = load_average(), rss_mib()
    # One step for each mode and turn, for the cold starts, for loading and for the data.
    steps = 4 * request.repeat + 1 + (request.data is not None)
    with Watch(instruments) as watch, progress_bar() as bar:
        task = bar.add_task("", total=steps)

        @contextmanager
        def step(what: str) -> Iterator[None]:
            bar.update(task, description=what)
            with watch.during(what):
                yield
            bar.advance(task)

        if any(instrument.measures for instrument in instruments):
            bar.update(task, description="idle")
            with watch.during("idle"):
                time.sleep(IDLE_S)
        states = _states(instruments)
        with step("load"):
            started, stopwatch, building = time.perf_counter(), Stopwatch(), _BuildWatch()
            recognizer = _load(request, stopwatch, building)
            load_s = time.perf_counter() - started
        after_mib = rss_mib()
        todo = Task(
            recognizer=recognizer,
            stopwatch=stopwatch,
            looked_at=request.looked_at,
            open_endless=footage.endless,
            open_live=footage.live,
            streams=request.streams,
            seconds=request.seconds,
            warm_up_s=min(WARM_UP_S, request.seconds),
        )
        turns: dict[str, list[Turn]] = defaultdict(list)
        lives: list[LiveTurn] = []
        colds: list[ColdStart] = []
        for turn in range(request.repeat):
            with step("cold start"):
                colds.append(_cold_start(request, recognizer))
            order = [("independent", run_independent), ("streaming", run_streaming)]
            for name, run in order if turn % 2 == 0 else reversed(order):
                with step(name):
                    turns[name].append(run(todo))
            with step("filling windows"):
                lives.append(run_live(todo, on_full=lambda: watch.go_over_to("live")))
        at_end_mib, most_mib = rss_mib(), peak_rss_mib()
        ends = _states(instruments)
        judged = None
        if request.data:
            with step("accuracy"):
                judged = _accuracy(request, request.data, bar)
    built = None
    if building.seconds is not None:
        gpu = watch.largest("load").get("nvml", {}).get("gpu_memory_mib")
        built = Build(
            seconds=building.seconds,
            peak_rss_mib=watch.largest_rss_mib("load"),
            peak_gpu_mib=gpu,
        )
    record = summarise(
        request,
        Outcome(
            task=todo,
            footage=footage,
            turns=turns,
            lives=lives,
            cold_s=[cold.seconds for cold in colds],
            run_peaks_mib=[cold.peak_mib for cold in colds],
            load_s=load_s,
            rss_mib=(before_mib, after_mib, at_end_mib, most_mib),
            build=built,
            watch=watch,
            instruments=instruments,
            states=(states, ends),
            absent=absent,
            accuracy=judged,
            load_averages=(load_start, load_average()),
        ),
    )
    return record, [age for turn in lives for age in turn.ages_ms]


def _load(request: Request, stopwatch: Stopwatch, building: _BuildWatch) -> Recognizer:
    bundle = Bundle.open(request.bundle.path)  # once more, since the time of it counts
    bank = bundle.bank if request.labels is None else draw_labels(bundle.bank, request.labels)
    return Recognizer(
        bundle,
        bank,
        top_k=max(_TOP, Policy().labels_needed),
        threads=request.threads,
        engine=request.engine,
        trust_engines=request.trust_engines,
        on_build=building,
        stages=stopwatch,
    )


def _cold_start(request: Request, recognizer: Recognizer) -> ColdStart:
    looked_at = request.looked_at.sampling(recognizer.manifest)
    options = [
        *("--bundle", str(request.bundle.path), "--source", request.source),
        *("--engine", request.engine, "--threads", str(request.threads)),
        *("--rate", repr(looked_at.rate_fps), "--window", repr(looked_at.window_s)),
    ]
    if request.trust_engines:
        options.append("--trust-engines")
    own = request.bundle.bank.names
    fewer = request.labels is not None and request.labels < len(own)
    return start_cold(options, own[: request.labels] if fewer else None)


def _accuracy(request: Request, data: Path, bar: Progress) -> Accuracy:
    recognizer, clips = judge(
        request.bundle,
        data,
        engine=request.engine,
        threads=request.threads,
        trust_engines=request.trust_engines,
    )
    task = bar.add_task("clips", total=len(clips))
    return accuracy(recognizer, clips, functools.partial(bar.advance, task))


def _states(instruments: Sequence[Instrument]) -> dict[str, State]:
    states: dict[str, State] = {}
    for instrument in instruments:
        try:
            states[instrument.name] = dict(instrument.state())
        except Exception as error:  # a service that died is no reason to lose what was measured
            log.warning("%s does not answer any more: %s", instrument.name, error)
            states[instrument.name] = {}
    return states
