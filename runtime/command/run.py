"""A run of stzsar-run, from its options to its end: what is opened, in which order, and closed."""

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..bundle.manifest import SamplingSpec
from ..decisions.calibrator import Calibrator
from ..decisions.footage import FootageSink
from ..decisions.policy import Policy
from ..labels.labels import MAX_LABELS
from ..labels.per_source import LabelFiles
from ..labels.watch import LabelWatch
from ..recognizer import Recognizer
from ..recordings.recorder import DEFAULT_PATCHES, Recorder
from ..scoring.explain import check_explainable
from ..sinks.choose import OpenSinks, SinkOptions, open_sinks
from ..sinks.sink import Fanout, Sink
from ..sinks.videos import VideoPlan
from ..sources.spec import SourceSpec, specs_of
from ..sources.streams_file import read_streams
from ..sources.uri import expand_sources, is_live
from ..terminal.commandline import console, log, say
from ..terminal.outputs import check_outputs
from ..terminal.signals import StopSignals
from .loading import check_no_attributes, load_recognizer, open_bundle
from .policies import PolicyFor, policies_of, policy_of, with_score
from .run_progress import RunProgress
from .session import Session, SessionOptions, check_sources, stream_options
from .summary import Summaries
from .video_paths import video_paths

DEFAULT_CALIBRATION = Path("calibration.json")
DEFAULT_PER_DAY = 1.0
# What closing may take of the two seconds that Ctrl-C leaves, and where nobody waits.
FLUSH_S, RECORD_S = 1.0, 0.3
PATIENT_FLUSH_S = 15.0
_SESSION = tuple(field.name for field in fields(SessionOptions))


class Run:
    """One run of the command over sources.

    Everything that can be refused is refused before the bundle's graphs are loaded, which takes
    seconds, and before any output is opened.
    """

    def __init__(self, options: Mapping[str, Any], *, quiet: bool) -> None:
        """Find the sources and the bundle.

        Args:
            options: the command's, by name.
            quiet: whether only warnings and errors are shown.

        Raises:
            StzsarError: something cannot be used.
        """
        self._options = options
        self._quiet = quiet
        self._specs = self._find_sources()
        self._settings = SessionOptions(
            **{name: options[name] for name in _SESSION if name in options},
            keep_features=options["record_features"],
        )
        check_sources(self._specs, self._settings)
        self._bundle = open_bundle(options["bundle"], quiet=quiet)
        check_no_attributes(self._bundle, options)
        if options["explain"]:
            check_explainable(self._bundle)
        for spec in self._specs:
            stream_options(self._bundle.manifest, self._settings, spec)
        self._videos = video_paths(self._specs, options["video"])
        self._check_files()
        self._labels = LabelFiles(
            options["labels"],
            {spec.name: spec.labels for spec in self._specs if spec.labels},
            sources=[spec.name for spec in self._specs],
            known=self._bundle.bank.labels,
        )

    def go(self) -> None:
        """Recognise until the sources end, or somebody ends it.

        Raises:
            StzsarError: a source failed, or an output cannot be written.
            KeyboardInterrupt: Ctrl-C.
            SystemExit: SIGTERM.
        """
        policy = policy_of(self._options)
        footage = bool(self._options["footage"])
        recognizer = self._load(policy, footage=footage)
        if footage:
            self._calibrate(recognizer, policy)
        else:
            self._recognize(
                recognizer, {} if self._options["whole"] else self._policies(recognizer, policy)
            )

    def _find_sources(self) -> tuple[SourceSpec, ...]:
        options = self._options
        if options["footage"]:
            return specs_of(expand_sources(options["footage"]))
        camera, uris = options["camera"], list(options["sources"])
        if camera is None and not uris and not options["streams"]:
            camera = 0
            if not self._quiet:
                say("No --source is given: looking at camera 0.")
        if camera is not None:
            uris.append(str(camera))
        named = read_streams(options["streams"]) if options["streams"] else ()
        taken = {spec.name for spec in named}
        return (*named, *specs_of(expand_sources(uris), taken=taken))

    def _check_files(self) -> None:
        options = self._options
        read = {Path(spec.uri): "a source" for spec in self._specs if not is_live(spec.uri)}
        read |= {path: "the label file" for path in (options["labels"],) if path}
        read |= {spec.labels: "a label file" for spec in self._specs if spec.labels}
        if options["streams"]:
            read[options["streams"]] = "the file of streams"
        written = [options["output"], options["record"], *self._videos.values()]
        if options["footage"]:
            written.append(options["calibration"] or DEFAULT_CALIBRATION)
        elif options["calibration"]:
            read[options["calibration"]] = "the calibration"
        check_outputs(
            written=[path for path in written if path],
            read=read,
            bundle=self._bundle.path,
        )

    def _load(self, policy: Policy, *, footage: bool) -> Recognizer:
        """Load the bundle with the labels, and say what is loaded."""
        labels = self._labels.all_labels()
        options = self._options
        if footage:
            top_k = MAX_LABELS
        else:
            scores = (with_score(policy, spec.threshold or policy.score) for spec in self._specs)
            top_k = max(options["top"], *(own.labels_needed for own in scores))
        return load_recognizer(
            self._bundle,
            labels,
            options,
            top_k=top_k,
            quiet=self._quiet,
            labels_of=self._labels.labels_of(),
        )

    def _policies(self, recognizer: Recognizer, policy: Policy) -> dict[str, PolicyFor]:
        manifest = self._bundle.manifest
        return policies_of(
            self._specs,
            recognizer.scorer,
            manifest,
            policy,
            calibration=self._options["calibration"],
            sampling_of=lambda spec: self._sampling(spec),
        )

    def _sampling(self, spec: SourceSpec | None = None) -> SamplingSpec:
        manifest = self._bundle.manifest
        return stream_options(manifest, self._settings, spec).sampling(manifest)

    def _recognize(self, recognizer: Recognizer, policies: Mapping[str, PolicyFor]) -> None:
        summaries = Summaries()
        try:
            with self._session(recognizer, [summaries], policies) as session:
                session.run(self._specs)
        finally:
            if summaries and not self._quiet:
                console.print(summaries.table())

    def _calibrate(self, recognizer: Recognizer, policy: Policy) -> None:
        sampling = self._sampling()
        calibrator = Calibrator(recognizer.labels, self._bundle.manifest, policy, sampling=sampling)
        sink = FootageSink(calibrator, [label.name for label in recognizer.labels])
        with self._session(recognizer, [sink], {}) as session:
            session.run(self._specs)
        path = self._options["calibration"] or DEFAULT_CALIBRATION
        found = calibrator.thresholds(self._options["per_day"] or DEFAULT_PER_DAY)
        found.write(path)
        say(f"{path} has the thresholds of {len(recognizer.labels)} labels, from "
            f"{found.hours:.2g} hours of footage.")  # fmt: skip
        if found.caution:
            log.warning("%s", found.caution)

    @contextlib.contextmanager
    def _session(
        self,
        recognizer: Recognizer,
        inner: Sequence[Sink],
        policies: Mapping[str, PolicyFor],
    ) -> Iterator[Session]:
        """Open the sinks and close them again, however the block ends."""
        footage = bool(self._options["footage"])
        shown = not self._quiet and (footage or bool(self._options["output"]) or not _on_terminal())
        sessions: list[Session] = []
        with StopSignals() as signals, contextlib.ExitStack() as stack:
            outer = self._open_sinks(sessions)
            fanout = Fanout([*outer.sinks, *inner])
            # Closed in the opposite order; somebody who waits has two seconds for all of it.
            stack.callback(lambda: fanout.close(FLUSH_S if signals.received else PATIENT_FLUSH_S))
            # The recording is emptied only once everything else has been opened.
            recorder = self._open_recorder(recognizer)
            if recorder:
                stack.callback(recorder.close, RECORD_S)
            session = Session(
                recognizer,
                self._settings,
                fanout,
                stack.enter_context(RunProgress(shown=shown)),
                policies=policies,
                recorder=recorder,
                top=None if footage else self._options["top"],
                on_round=outer.observe_round,
                check=signals.check,
                on_end=signals.end_has_begun,
            )
            sessions.append(session)
            signals.on_signal = session.wake
            if not footage and any(is_live(spec.uri) for spec in self._specs):
                stack.enter_context(LabelWatch(self._labels, recognizer))
            stack.callback(signals.end_has_begun)
            yield session

    def _open_sinks(self, sessions: Sequence[Session]) -> OpenSinks:
        """Open what results go to; it asks the session, which there is only later."""
        if self._options["footage"]:
            return OpenSinks([], lambda _seconds, _batch: None, None)
        options = self._options
        for path in self._videos.values():
            if len(self._specs) > 1:
                path.parent.mkdir(parents=True, exist_ok=True)
        plans = {
            spec.name: VideoPlan(
                self._videos[spec.name],
                is_live(spec.uri),
                lambda name=spec.name: sessions[0].fps_of(name),
            )
            for spec in self._specs
            if spec.name in self._videos
        }
        names = ("output", "show", "webhook", "webhook_secret", "webhook_results", "mqtt",
                 "mqtt_ca", "metrics")  # fmt: skip
        return open_sinks(
            SinkOptions(
                live=any(is_live(spec.uri) for spec in self._specs),
                only_events=options["events_only"],
                videos=plans,
                **{name: options[name] for name in names},
            ),
            on_quit=lambda: sessions[0].end(),
            counters=lambda: sessions[0].counters() if sessions else {},
        )

    def _open_recorder(self, recognizer: Recognizer) -> Recorder | None:
        path = self._options["record"]
        if path is None:
            return None
        sampling = self._sampling()
        return Recorder(
            path,
            self._bundle,
            recognizer.scorer.bank,
            frames=sampling.frames,
            rate_fps=sampling.rate_fps,
            features=self._options["record_features"],
            patches=self._options["record_patches"] or DEFAULT_PATCHES,
        )


def _on_terminal() -> bool:
    """Say whether results themselves show how far a run is; a bar would be torn by them."""
    return sys.stdout is not None and sys.stdout.isatty()
