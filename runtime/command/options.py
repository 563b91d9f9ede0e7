"""The options of a run: what `stzsar-run` and Python programs hand to `run`.

There is one class for each kind of run: `RunOptions` watches sources, `ReplayOptions` scores a
recording again, `CalibrationOptions` looks for thresholds. What they share are their bases, so that
a function takes the part that it needs. Each refuses values and combinations that make no sense.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..archive.index.run_options import ArchivingOptions
from ..decisions.policy import Policy
from ..errors import StzsarError
from ..events.options import KeepingOptions
from ..page.options import PageOptions
from ..receivers.choose import SinkOptions, check_json
from ..verify.options import VerifyOptions
from .model_options import ModelOptions, check_attributes


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How sources are read and sampled.

    Attributes:
        seconds: stop each source after so many seconds; None reads to its end.
        rate_fps: frames sampled per second; None takes the bundle's rate.
        window_s: length of a window in seconds; None takes the bundle's number of frames.
        motion_gate: encode a frame only if it changed by this much of 255; None encodes all.
        batch_wait_ms: how long a frame waits for those of other streams, to share their batch.
        stalled_s: a live source without a new frame for so long is stalled.
        give_up_s: a live source that is lost for so long has ended; None waits for ever.
        frame_rate: pictures per second of a clip that is a folder of them; None is 25.
    """

    seconds: float | None = None
    rate_fps: float | None = None
    window_s: float | None = None
    motion_gate: float | None = None
    batch_wait_ms: float = 10.0
    stalled_s: float = 10.0
    give_up_s: float | None = None
    frame_rate: float | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that no source can be read with.

        Raises:
            StzsarError: a number is out of its range.
        """
        for option, number, limit in (
            ("--seconds", self.seconds, math.inf),
            ("--rate", self.rate_fps, math.inf),
            ("--window", self.window_s, math.inf),
            ("--motion-gate", self.motion_gate, 255),
            ("--stalled", self.stalled_s, math.inf),
            ("--give-up", self.give_up_s, math.inf),
            ("--frame-rate", self.frame_rate, 1000),
        ):
            if number is not None and not 0 < number < limit:
                above = "" if limit == math.inf else f" and below {limit}"
                raise StzsarError(f"{option} must be above 0{above}, got {number!r}.")
        if not 0 <= self.batch_wait_ms <= 1000:
            raise StzsarError(f"--batch-wait must be 0 to 1000, got {self.batch_wait_ms!r}.")


@dataclass(frozen=True, kw_only=True)
class EventOptions:
    """When an action is an event; None takes the default of `Policy`.

    Attributes:
        min_length_s: the shortest action that is an event, in seconds.
        cool_down_s: the shortest pause that ends an action, in seconds.
    """

    min_length_s: float | None = None
    cool_down_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that make no policy.

        Raises:
            StzsarError: a number is out of its range.
        """
        _ = self.policy

    @property
    def policy(self) -> Policy:
        """What makes decisions and events of results."""
        policy = Policy()
        if self.min_length_s is not None:
            policy = replace(policy, min_length_s=self.min_length_s)
        if self.cool_down_s is not None:
            policy = replace(policy, cool_down_s=self.cool_down_s)
        return policy


@dataclass(frozen=True, kw_only=True)
class DecisionOptions(EventOptions):
    """What decides on a label, and when that is an event.

    Attributes:
        threshold: the score that decides on a label; None takes the default of `Policy`.
        calibration: file of similarity thresholds, which a calibration wrote.
    """

    threshold: float | None = None
    calibration: Path | None = None

    @property
    def policy(self) -> Policy:
        """What makes decisions and events of results, where no calibration applies."""
        policy = super().policy
        return policy if self.threshold is None else policy.with_score(self.threshold)


@dataclass(frozen=True, kw_only=True)
class RunOptions(
    ModelOptions,
    ReadingOptions,
    DecisionOptions,
    SinkOptions,
    KeepingOptions,
    ArchivingOptions,
    VerifyOptions,
    PageOptions,
):
    """What a run over sources reads, recognises and writes.

    Attributes:
        sources: files, folders, patterns, camera numbers and addresses; camera 0 if neither these
            nor `streams` are given.
        streams: file of named streams with labels and thresholds of their own, schedules, rules
            and receivers.
        idle: encode nothing of a stream that is switched off or outside its schedule.
        show_regions: draw the first picture of each source with its regions and masks into this
            file, or with several sources into this folder, and do nothing else.
        regions: "auto" proposes regions from where things move: it watches each source for
            `seconds` (None is 60; a file is watched whole), writes them into `output`
            (regions.toml) with a picture beside it, and does nothing else.
        whole: give one result for each file instead of results over time.
        explain: say why each result has its label.
        top: labels in a result.
        video: file for the annotated video; with several sources a folder.
        record: file for a recording, which `ReplayOptions` reads.
        record_features: record what new labels need, too.
        record_patches: patches of a frame that `record_features` keeps; None is 16.
    """

    sources: Sequence[str | Path] = ()
    streams: Path | None = None
    idle: bool = False
    show_regions: Path | None = None
    regions: Literal["auto"] | None = None
    whole: bool = False
    explain: bool = False
    top: int = 5
    video: Path | None = None
    record: Path | None = None
    record_features: bool = False
    record_patches: int | None = None

    def __post_init__(self) -> None:
        """Refuse options that would have no effect.

        Raises:
            StzsarError: an option has no effect beside another, or requires one that is missing.
        """
        ModelOptions.__post_init__(self)
        ReadingOptions.__post_init__(self)
        DecisionOptions.__post_init__(self)
        SinkOptions.__post_init__(self)
        KeepingOptions.__post_init__(self)
        ArchivingOptions.__post_init__(self)
        VerifyOptions.__post_init__(self)
        PageOptions.__post_init__(self)
        if isinstance(self.sources, str):  # which is a sequence of letters, too
            object.__setattr__(self, "sources", (self.sources,))
        if self.idle and not (self.streams or self.mqtt or self.serve):
            raise StzsarError(
                "--idle needs a schedule in --streams, or --serve or --mqtt to switch streams off: "
                "give one."
            )
        if (self.verify or self.verify_llm) and not self.events:
            raise StzsarError("--verify looks at the pictures of --events DIR: give that too.")
        if self.record_features and not self.record:
            raise StzsarError("--record-features requires --record FILE: give that too.")
        if self.record_patches and not self.record_features:
            raise StzsarError("--record-patches requires --record-features: give that too.")
        check_attributes(self, has_labels=bool(self.labels or self.ignore or self.streams))
        if self.whole:
            self._check_whole()

    def _check_whole(self) -> None:
        for option, value in (
            ("--frame-rate", self.frame_rate),
            ("--seconds", self.seconds),
            ("--rate", self.rate_fps),
            ("--window", self.window_s),
            ("--motion-gate", self.motion_gate),
            ("--threshold", self.threshold),
            ("--min-length", self.min_length_s),
            ("--cool-down", self.cool_down_s),
            ("--calibration", self.calibration),
            ("--events-only", self.only_events),
            ("--explain", self.explain),
            ("--video", self.video),
            ("--show", self.show),
            ("--record", self.record),
            ("--events", self.events),
            ("--archive", self.archive),
            ("--idle", self.idle),
            ("--serve", self.serve),
        ):
            if value is not None and value is not False:
                raise StzsarError(
                    f"{option} has no effect with --whole, which gives one result for each file: "
                    "leave one of them out."
                )


@dataclass(frozen=True, kw_only=True)
class ReplayOptions(ModelOptions, DecisionOptions):
    """What a replay scores and writes.

    Attributes:
        recording: file that a run recorded.
        top: labels in a result.
        output: file for the results, as JSON lines; None is stdout.
        json: write the JSON lines to stdout also where that is a terminal.
        only_events: leave the results out of the lines.
    """

    recording: Path
    top: int = 5
    output: Path | None = None
    json: bool = False
    only_events: bool = False

    def __post_init__(self) -> None:
        """Refuse options that would have no effect.

        Raises:
            StzsarError: a number is out of its range, or an option requires one that is missing.
        """
        ModelOptions.__post_init__(self)
        DecisionOptions.__post_init__(self)
        check_json(output=self.output, json=self.json)
        check_attributes(self, has_labels=bool(self.labels or self.ignore))


@dataclass(frozen=True, kw_only=True)
class FootageOptions(ModelOptions, ReadingOptions):
    """What looks through footage of ordinary days, by similarities alone.

    Attributes:
        footage: files, folders, patterns, addresses and recordings that show none of the actions.
    """

    footage: Sequence[str | Path]

    def __post_init__(self) -> None:
        """Refuse options that would have no effect.

        Raises:
            StzsarError: a number is out of its range, the labels are none, or a bias is given.
        """
        ModelOptions.__post_init__(self)
        ReadingOptions.__post_init__(self)
        if isinstance(self.footage, str):
            object.__setattr__(self, "footage", (self.footage,))
        if self.seen_bias is not None:
            raise StzsarError(
                "--seen-bias changes scores, and footage is measured by similarities: leave it out."
            )


@dataclass(frozen=True, kw_only=True)
class ThresholdOptions(FootageOptions, EventOptions):
    """What sets thresholds on ordinary footage.

    Attributes:
        false_alarms_per_day: false events that are acceptable in a day, of all labels together.
    """

    false_alarms_per_day: float = 1.0

    def __post_init__(self) -> None:
        """Refuse options that would have no effect.

        Raises:
            StzsarError: a number is out of its range, or an option requires one that is missing.
        """
        FootageOptions.__post_init__(self)
        EventOptions.__post_init__(self)
        if not 0 < self.false_alarms_per_day < math.inf:
            raise StzsarError(f"--false-alarms must be above 0, got {self.false_alarms_per_day!r}.")
        check_attributes(self, has_labels=bool(self.labels or self.ignore))


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions(ThresholdOptions):
    """What a calibration looks at and writes.

    Attributes:
        thresholds: file for the thresholds, which `RunOptions.calibration` reads.
    """

    thresholds: Path = Path("calibration.json")


@dataclass(frozen=True, kw_only=True)
class SuggestOptions(FootageOptions):
    """What a search for labels to ignore looks at and writes.

    Attributes:
        output: label file with the suggestions; None is stdout.
    """

    output: Path | None = None


@dataclass(frozen=True, kw_only=True)
class TeachOptions(ThresholdOptions):
    """What teaching looks at and writes.

    Attributes:
        examples: folder with a folder of clips or recordings for each label; None teaches nothing,
            and the file is a calibration.
        output: file for the calibration, which `RunOptions.calibration` reads.
    """

    examples: Path | None = None
    output: Path = Path("site.json")
