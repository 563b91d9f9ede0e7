"""Teaching on the page: examples and marks to a calibration, which a person takes or leaves."""

import dataclasses
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from ... import atomic
from ...decisions.calibration import Calibration
from ...decisions.policy import Policy
from ...errors import CalibrationError, StzsarError
from ...events.filters import EventFilter
from ...events.keeper import EventKeeper
from ...events.questions import FindOptions, find
from ...events.record import Mark, StoredEvent
from ...labels.label_saving import save_labels
from ...labels.labels import actions
from ...labels.names import name_key
from ...recognizer import Recognizer
from ...streams.lane import Lane, PolicyFor
from ...streams.table import StreamTable
from ..errands import waited
from ..messages.teaching import (
    Example,
    NewExample,
    Ordinary,
    TeachingInfo,
    TeachingJob,
    TeachingStart,
    WrongEvent,
)
from ..recordings import FOLDER, SUFFIX, Recordings
from ..refusal import RefusalError, unknown_stream, without_folders
from .arguments import TeachingArguments
from .clips import write_event, write_moment
from .facts import (
    example_of,
    levels_of,
    missing,
    read_moments,
    seconds_of,
    taught,
)
from .job import Job, JobStoppedError, MarkedClip

NO_TEACHING = "Teaching needs kept events: start stzsar-run with --events DIR."
MAX_EXAMPLES = 500
_LIST, _CALIBRATION, _IN_USE = "moments.json", "site.json", "in-use.json"


class Teaching:
    """What there is to teach with, and the job that does it; methods may be called from any thread.

    Everything lies in `teaching/` of the events' folder: moments, the last calibration.
    """

    def __init__(
        self,
        keeper: EventKeeper,
        *,
        recognizer: Recognizer,
        table: StreamTable,
        recordings: Recordings,
        arguments: TeachingArguments,
        on_change: Callable[[TeachingInfo], None],
    ) -> None:
        """Begin with what is in the folder.

        Args:
            keeper: has the events and the last pictures.
            recognizer: of the run.
            table: the lanes of the run.
            recordings: of ordinary times.
            arguments: of the programs that teach.
            on_change: told of each change.
        """
        self._keeper, self._recognizer, self._table = keeper, recognizer, table
        self._recordings, self._arguments = recordings, arguments
        self._on_change = on_change
        self._now = arguments.now  # what decides now, for stzsar-run
        self._events = keeper.folder.path
        self._folder = self._events / "teaching"
        self._changing = threading.Lock()
        self._job: Job | None = None
        self._state: TeachingJob | None = None
        self._is_used = False
        self._moments = read_moments(self._folder / _LIST)

    @property
    def info(self) -> TeachingInfo:
        """What there is, and how far it is."""
        right, wrong = self._marked("right"), self._marked("wrong")
        examples = (*self._moments, *map(example_of, right))
        ordinary = self._ordinary()
        return TeachingInfo(
            examples=examples,
            ordinary=ordinary,
            wrong=tuple(WrongEvent(event=one.id, label=one.label) for one in wrong),
            job=self._state,
            used=self._is_used,
            missing=missing(examples, ordinary),
        )

    def add(self, asked: NewExample) -> TeachingInfo:
        """Make an example of the last seconds of a stream or a lane.

        Raises:
            RefusalError: there is no such stream or label, or there are too many examples.
            StzsarError: there are too few pictures.
        """
        lane = self._lane(asked.stream)
        names = [label.name for label in actions(lane.stream.scorer.labels_in(lane.name))]
        label = {name_key(name): name for name in names}.get(name_key(asked.label))
        if label is None:
            raise RefusalError(422, f"{asked.label!r:.80} is none of the actions: add it first.")
        with self._changing:
            if len(self._moments) >= MAX_EXAMPLES:
                raise RefusalError(409, f"There are {MAX_EXAMPLES} examples: remove some.")
            pictures = self._keeper.moment(lane.source, asked.seconds)
            now = time.time()
            id_ = f"moment-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
            seconds = write_moment(
                self._folder / "moments" / f"{id_}.mp4",
                pictures,
                self._keeper.plan.rate_fps,
                lane.region,
            )
            example = Example(
                id=id_,
                label=label,
                stream=lane.name,
                seconds=round(seconds, 2),
                time=round(now, 3),
                kind="moment",
            )
            self._keep((*self._moments, example))
        return self._told()

    def remove(self, id: str) -> TeachingInfo:  # noqa: A002
        """Remove an example; that of an event goes with its mark.

        Raises:
            RefusalError: there is no such example.
        """
        with self._changing:
            if all(one.id != id for one in self._moments):
                raise RefusalError(404, f"There is no moment {id!r:.80}: look again.")
            self._keep(tuple(one for one in self._moments if one.id != id))
            (self._folder / "moments" / f"{id}.mp4").unlink(missing_ok=True)
        return self._told()

    def start(self, asked: TeachingStart) -> TeachingInfo:
        """Teach in the background.

        Raises:
            RefusalError: something is missing, or it is going on.
        """
        with self._changing:
            info = self.info
            if self._job:
                raise RefusalError(409, "Teaching goes on: wait for it, or stop it.")
            if info.missing:
                raise RefusalError(409, info.missing)
            names = {one.name for one in info.ordinary}
            chosen = names if asked.ordinary is None else names & set(asked.ordinary)
            if not chosen:
                raise RefusalError(409, "None of these recordings is there: choose others.")
            self._job, self._is_used = Job(self._note_said), False
            self._state = TeachingJob(
                state="running",
                started=round(time.time(), 3),
                error=None,
                said=(),
                before=(),
                after=(),
                hours=None,
                false_alarms_per_day=asked.false_alarms_per_day,
            )
            work = threading.Thread(
                target=self._teach,
                args=(self._job, self._state, info.examples, sorted(chosen)),
                name="page teaching",
                daemon=True,
            )
            work.start()
        return self._told()

    def stop(self) -> TeachingInfo:
        """Stop to teach."""
        if job := self._job:
            job.stop()
        return self._told()

    def use(self) -> TeachingInfo:
        """Decide by what was taught from now on, in all streams.

        Raises:
            RefusalError: nothing was taught.
            CalibrationError: it does not fit a stream.
        """
        state = self._state
        if state is None or state.state != "done":
            raise RefusalError(409, "Nothing was taught that could be used: teach first.")
        calibration = Calibration.read(self._folder / _CALIBRATION)
        manifest = self._recognizer.manifest
        self._recognizer.measure_with(calibration.context)
        scorer = self._recognizer.scorer

        def change() -> None:
            made: list[tuple[Lane, PolicyFor]] = []
            for lane in self._table.lanes:
                if lane.decider is None:
                    continue
                own = dataclasses.replace(
                    lane.decider.policy, thresholds=None, evidence=None, score=Policy.score,
                    keep_score=Policy.keep_score,
                )  # fmt: skip
                sampling = lane.stream.options.sampling(manifest)
                labels = scorer.labels_in(lane.name)
                policy_for = calibration.policy_for(own, manifest, labels, sampling=sampling)
                made.append((lane, policy_for))
            for lane, policy_for in made:
                lane.policy_for = policy_for
                lane.levels.clear()
                labels = scorer.labels_in(lane.name)
                # Else the batcher has it decide so with the first frame for these labels.
                if lane.stream.scorer.labels_in(lane.name) == labels:
                    lane.decide_by(labels)

        waited(self._table.ask(lambda _loop: change()))
        used = self._folder / _IN_USE
        atomic.write_file(used, (self._folder / _CALIBRATION).read_bytes())
        self._now, self._is_used = ("--calibration", str(used)), True
        return self._told()

    def close(self) -> None:
        """Stop to teach; the run has ended."""
        if job := self._job:
            job.stop()

    def _teach(
        self, job: Job, state: TeachingJob, examples: Sequence[Example], ordinary: Sequence[str]
    ) -> None:
        work = self._folder / "work"
        try:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            labels = tuple(one for one in self._recognizer.labels if one.role != "context")
            save_labels(work / "labels.json", labels)
            self._write_examples(work / "examples", examples)
            wrong = [one for one in self._marked("wrong") if one.clip]
            common = [*self._arguments.common, "--labels", str(work / "labels.json")]
            footage = [self._events / FOLDER / name for name in ordinary]
            footage += [self._events / one.clip for one in wrong if one.clip]
            new = work / _CALIBRATION
            job.teach(
                [
                    *common,
                    *("--examples", str(work / "examples")),
                    *(part for path in footage for part in ("--ordinary", str(path))),
                    *("--false-alarms", f"{state.false_alarms_per_day:g}"),
                    *("--output", str(new)),
                ]
            )
            found = Calibration.read(new)
            marked = [
                MarkedClip(self._events / one.clip, one.label, one.mark == "right")
                for one in (*self._marked("right"), *wrong)
                if one.clip
            ]
            lines = work / "lines.jsonl"
            before = job.found(marked, [*common, *self._now], lines)
            after = job.found(marked, [*common, "--calibration", str(new)], lines)
            atomic.write_file(self._folder / _CALIBRATION, new.read_bytes())
            self._state = msgspec.structs.replace(
                state,
                state="done",
                said=tuple(job.said),
                before=taught(labels, {}, marked, before),
                after=taught(labels, levels_of(found), marked, after),
                hours=found.hours,
            )
        except Exception as error:
            why = (
                str(error) if isinstance(error, StzsarError) else f"{type(error).__name__}: {error}"
            )
            if isinstance(error, JobStoppedError):
                why = "It was stopped."
            self._state = msgspec.structs.replace(
                state, state="failed", error=without_folders(why), said=tuple(job.said)
            )
        finally:
            shutil.rmtree(work, ignore_errors=True)
            self._job = None
            self._told()

    def _write_examples(self, folder: Path, examples: Sequence[Example]) -> None:
        events = {one.id: one for one in self._marked("right")}
        for number, example in enumerate(examples):
            if "/" in example.label or example.label.startswith("."):
                raise CalibrationError(f"No folder can be called {example.label!r:.80}: rename it.")
            path = folder / example.label / f"{number:04d}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            if example.event is None:
                shutil.copyfile(self._folder / "moments" / f"{example.id}.mp4", path)
                continue
            event = events.get(example.event)
            clip = self._keeper.folder.file_of(event.clip) if event and event.clip else None
            if event is None or clip is None:
                continue
            place = f"{event.source}/{event.region}" if event.region else event.source
            lane = next((one for one in self._table.lanes if one.name == place), None)
            write_event(
                path,
                clip,
                seconds=event.duration_s,
                after_s=self._keeper.plan.after_s,
                region=lane.region if lane else None,
            )

    def _marked(self, mark: Mark) -> list[StoredEvent]:
        wanted = EventFilter(mark=mark, limit=MAX_EXAMPLES)
        known = {label.name for label in actions(self._recognizer.labels)}
        found = find(FindOptions(folder=self._events, wanted=wanted))
        return [one for one in found if one.clip and one.label in known]

    def _ordinary(self) -> tuple[Ordinary, ...]:
        folder, busy = self._events / FOLDER, self._recordings.info.name
        paths = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
        return tuple(
            Ordinary(name=path.name, seconds=seconds_of(path))
            for path in paths
            if path.name != busy
        )

    def _lane(self, name: str) -> Lane:
        for lane in self._table.lanes:
            if name == lane.name or (name == lane.source and lane.region is None):
                return lane
        raise unknown_stream(name)

    def _keep(self, moments: tuple[Example, ...]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        atomic.write_file(self._folder / _LIST, msgspec.json.encode(moments))
        self._moments = moments

    def _note_said(self) -> None:
        job, state = self._job, self._state
        if job and state and state.state == "running":
            self._state = msgspec.structs.replace(state, said=tuple(job.said))
            self._told()

    def _told(self) -> TeachingInfo:
        info = self.info
        self._on_change(info)
        return info
