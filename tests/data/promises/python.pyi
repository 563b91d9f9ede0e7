from dataclasses import dataclass, field


# stzsar.runtime.Recognizer
class Recognizer:

    def __init__(self, bundle: Bundle, bank: LabelBank, *, top_k: int=5, threads: int=0, engine: str='auto', trust_engines: bool=False, on_build: OnBuild | None=None, labels_of: LabelsOf | None=None, stages: Stages=UNTIMED, context: Sequence[Label]=(), shipped_attributes: bool=True, seen_bias: float | None=None) -> None:
        ...

    @classmethod
    def load(cls, bundle: str | Path | Bundle | None=None, labels: LabelsLike | None=None, *, ignore: LabelsLike | None=None, context: Sequence[Label]=(), top_k: int=5, threads: int=0, engine: str='auto', trust_engines: bool=False, progress: OnEmbedded | None=None, on_build: OnBuild | None=None, labels_of: LabelsOf | None=None, shipped_attributes: bool=True, seen_bias: float | None=None) -> 'Recognizer':
        ...

    def __enter__(self) -> 'Recognizer':
        ...

    def __exit__(self, *_: object) -> None:
        ...

    def close(self) -> None:
        ...

    def __repr__(self) -> str:
        ...

    @property
    def manifest(self) -> Manifest:
        ...

    @property
    def labels(self) -> tuple[Label, ...]:
        ...

    def use_labels(self, labels: LabelsLike | None, *, ignore: LabelsLike | None=None, labels_of: LabelsOf | None=None, progress: OnEmbedded | None=None) -> None:
        ...

    @overload
    def classify(self, clip: ClipLike, *, policy: Policy | None=None) -> Recognition:
        ...

    @overload
    def classify(self, clip: Sequence[ClipLike], *, policy: Policy | None=None) -> list[Recognition]:
        ...

    def classify(self, clip: ClipLike | Sequence[ClipLike], *, policy: Policy | None=None) -> Recognition | list[Recognition]:
        ...

    @overload
    def stream(self, source: SourceLike, options: StreamOptions | None=None, *, policy: Policy | None=None, calibration: str | Path | None=None, events: Literal[False]=False) -> ResultStream[Recognition]:
        ...

    @overload
    def stream(self, source: SourceLike, options: StreamOptions | None=None, *, policy: Policy | None=None, calibration: str | Path | None=None, events: Literal[True]) -> ResultStream[Recognition | ActionEvent]:
        ...

    def stream(self, source: SourceLike, options: StreamOptions | None=None, *, policy: Policy | None=None, calibration: str | Path | None=None, events: bool=False) -> ResultStream[Recognition] | ResultStream[Recognition | ActionEvent]:
        ...

    def open_stream(self, name: str, options: StreamOptions | None=None, *, source_fps: float | None=None) -> Stream:
        ...


# stzsar.runtime.StreamOptions
@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    rate_fps: float | None = None
    frames: int | None = None
    motion_gate: float | None = None
    explain: bool = False
    keep_features: bool = False
    top_k: int | None = None

    @property
    def features(self) -> bool:
        ...

    def sampling(self, manifest: Manifest) -> SamplingSpec:
        ...


# stzsar.runtime.Frames
class Frames:
    live: bool = False

    def __init__(self, frames: Array | Iterable[OwnFrame], *, fps: float | None=None, order: Literal['BGR', 'RGB']='BGR', name: str='frames') -> None:
        ...

    def __repr__(self) -> str:
        ...

    def at(self, fps: float) -> 'Frames':
        ...

    def frames(self, due: Due | None=None) -> Iterator[Frame]:
        ...

    def close(self) -> None:
        ...


# stzsar.runtime.Policy
@dataclass(frozen=True, kw_only=True)
class Policy:
    score: float = 0.5
    keep_score: float = 0.3
    thresholds: Mapping[str, float] | None = None
    keep_similarity: float = 0.9
    min_length_s: float = 0.5
    cool_down_s: float = 2.0
    evidence: Evidence | None = None
    rules: Mapping[str, LabelRule] = field(default_factory=dict)

    def with_score(self, score: float) -> 'Policy':
        ...

    def with_level(self, label: str | None, level: float) -> 'Policy':
        ...

    def by_evidence(self, evidence: Evidence, thresholds: Mapping[str, float]) -> 'Policy':
        ...

    def rule_of(self, label: str) -> LabelRule:
        ...

    @property
    def longest_min_length_s(self) -> float:
        ...

    @property
    def names(self) -> tuple[str, ...]:
        ...

    @cached_property
    def levels(self) -> Array:
        ...

    @staticmethod
    def may_stay(above: Array) -> Array:
        ...

    @property
    def labels_needed(self) -> int:
        ...

    def warning(self, label_count: int) -> str | None:
        ...

    def decide(self, recognition: Recognition, before: str | None) -> Score | None:
        ...


# stzsar.runtime.LabelRule
@dataclass(frozen=True, kw_only=True)
class LabelRule:
    min_length_s: float | None = None
    cool_down_s: float | None = None
    repeat_s: float | None = None
    priority: Priority | None = None

    def over(self, general: 'LabelRule') -> 'LabelRule':
        ...


# stzsar.runtime.decisions.detector.Evidence
class Evidence(Protocol):

    @property
    def names(self) -> tuple[str, ...]:
        ...

    @property
    def places(self) -> Array:
        ...

    def of(self, similarities: Array) -> Array:
        ...


# stzsar.runtime.ResultStream
class ResultStream(Generic[T]):

    def __init__(self, results: Generator[T, None, None], stop: Callable[[], None]) -> None:
        ...

    def __iter__(self) -> 'ResultStream[T]':
        ...

    def __next__(self) -> T:
        ...

    def __enter__(self) -> 'ResultStream[T]':
        ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        ...

    def close(self) -> None:
        ...

    def __aiter__(self) -> 'ResultStream[T]':
        ...

    async def __anext__(self) -> T:
        ...

    async def __aenter__(self) -> 'ResultStream[T]':
        ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        ...

    async def aclose(self) -> None:
        ...


# stzsar.runtime.fetch.pipeline.fetch
def fetch(options: FetchOptions) -> Path:
    ...


# stzsar.runtime.fetch.options.FetchOptions
@dataclass(frozen=True, kw_only=True)
class FetchOptions:
    backbone: str | None = None
    pretrained: str | None = None
    revision: str | None = None
    weights: Path | None = None
    labels: LabelsLike | None = None
    precision: Precision | None = None
    accept_licence: bool = False
    output: Path | None = None


# stzsar.runtime.Recognition
@dataclass(frozen=True)
class Recognition:
    source: str
    start_s: float
    end_s: float
    frames: int
    top: tuple[Score, ...]
    decision: str | None = None
    rival: str | None = None
    gap_s: float = 0.0
    encoded: int = 0
    rate_fps: float | None = None
    time: float | None = None
    age_ms: float | None = None
    explanation: Explanation | None = None
    region: str | None = None
    everything: AllScores | None = field(default=None, compare=False, repr=False)

    @property
    def label(self) -> str:
        ...

    @property
    def score(self) -> float:
        ...

    @property
    def decided(self) -> Score | None:
        ...

    @property
    def ranked(self) -> tuple[Score, ...]:
        ...

    def decided_on(self, found: Score | None, top_k: int | None) -> 'Recognition':
        ...

    def __repr__(self) -> str:
        ...

    def to_dict(self) -> dict[str, Any]:
        ...

    def to_json(self) -> str:
        ...


# stzsar.runtime.Score
@dataclass(frozen=True)
class Score:
    label: str
    score: float
    similarity: float


# stzsar.runtime.ActionEvent
@dataclass(frozen=True)
class ActionEvent:
    event: Literal['start', 'repeat', 'end']
    source: str
    label: str
    time_s: float
    time: float | None
    peak: float
    duration_s: float
    region: str | None = None
    priority: Priority | None = None
    still: str | None = field(default=None, repr=False)
    still_url: str | None = None
    verdict: Verdict | None = None


# stzsar.runtime.results.Verdict
@dataclass(frozen=True)
class Verdict:
    answer: messages.VerdictAnswer
    by: str
    score: float | None = None
    said: str = ''


# stzsar.runtime.results.Explanation
@dataclass(frozen=True)
class Explanation:
    label: str
    frames: tuple[FrameReason, ...]


# stzsar.runtime.results.AllScores
@dataclass(frozen=True, eq=False)
class AllScores:
    names: tuple[str, ...]
    scores: Array
    similarities: Array
    scale: float = 1.0

    def of(self, place: int) -> Score:
        ...


# stzsar.runtime.sources.frames.Source
class Source(Protocol):
    name: str
    fps: float | None
    size_wh: tuple[int, int]
    frame_count: int | None
    live: bool

    def frames(self, due: Due | None=None) -> Iterator[Frame]:
        ...

    def close(self) -> None:
        ...


# stzsar.runtime.Bundle
@dataclass(frozen=True, eq=False)
class Bundle:
    path: Path
    manifest: Manifest
    bank: LabelBank
    is_fallback: bool = False

    @classmethod
    def open(cls, path: str | Path) -> 'Bundle':
        ...


# stzsar.runtime.bundle.manifest.Manifest
class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    created: str
    precision: Precision
    opset: Annotated[int, Meta(ge=1, le=1000)]
    pixels: PixelSpec
    sampling: BundleSampling
    states: Names
    label_states: Names
    features: Names
    patch_grid: tuple[Size, Size] | None
    text: TextSpec | None
    weights: WeightsOrigin
    seen: SeenLabels | None = None
    model: Mapping[str, Any]
    versions: Mapping[str, str]
    files: Annotated[Mapping[str, str], Meta(max_length=64)]
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        ...

    @classmethod
    def from_json(cls, text: bytes | str, *, where: str) -> 'Manifest':
        ...


# stzsar.runtime.bundle.manifest.PixelSpec
class PixelSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    size_px: Size
    mean: Triple
    std: Triple


# stzsar.runtime.bundle.manifest.BundleSampling
class BundleSampling(SamplingSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    max_frames: Frames


# stzsar.runtime.bundle.manifest.TextSpec
class TextSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    prompts: Annotated[tuple[str, ...], Meta(max_length=MAX_PROMPTS)]
    context_length: Tokens


# stzsar.runtime.bundle.manifest.WeightsOrigin
class WeightsOrigin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    source: str
    knows: str
    licence: str = ''
    url: str = ''
    revision: str = ''
    sha256: str = ''


# stzsar.runtime.bundle.manifest.SeenLabels
class SeenLabels(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    labels: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_SEEN_LABELS)]
    bias: Annotated[float, Meta(ge=0, le=MAX_SEEN_BIAS)] | None


# stzsar.runtime.Label
@dataclass(frozen=True)
class Label:
    name: str
    text: str = ''
    attributes: tuple[str, ...] = ()
    role: Role = 'action'


# stzsar.runtime.LabelBank
@dataclass(frozen=True, eq=False)
class LabelBank:
    labels: tuple[Label, ...]
    class_embeddings: Array
    attribute_embeddings: Array
    attribute_mask: Array

    @property
    def names(self) -> tuple[str, ...]:
        ...

    def arrays(self) -> dict[str, Array]:
        ...

    def select(self, indices: Sequence[int], wanted: Sequence[Label]=()) -> 'LabelBank':
        ...

    def save(self, path: Path | BinaryIO) -> None:
        ...

    @classmethod
    def load(cls, path: Path | BinaryIO, *, where: str | Path | None=None) -> 'LabelBank':
        ...


# stzsar.runtime.StzsarError
class StzsarError(Exception):
    exit_code = 2


# stzsar.runtime.command.run
def run(options: RunOptions | ReplayOptions | CalibrationOptions | SuggestOptions) -> None:
    ...


# stzsar.runtime.command.options.RunOptions
@dataclass(frozen=True, kw_only=True)
class RunOptions(ModelOptions, ReadingOptions, DecisionOptions, SinkOptions, KeepingOptions, VerifyOptions, PageOptions):
    sources: Sequence[str | Path] = ()
    streams: Path | None = None
    idle: bool = False
    show_regions: Path | None = None
    regions: Literal['auto'] | None = None
    whole: bool = False
    explain: bool = False
    top: int = 5
    video: Path | None = None
    record: Path | None = None
    record_features: bool = False
    record_patches: int | None = None


# stzsar.runtime.command.options.ReplayOptions
@dataclass(frozen=True, kw_only=True)
class ReplayOptions(ModelOptions, DecisionOptions):
    recording: Path
    top: int = 5
    output: Path | None = None
    json: bool = False
    only_events: bool = False


# stzsar.runtime.command.options.CalibrationOptions
@dataclass(frozen=True, kw_only=True)
class CalibrationOptions(ThresholdOptions):
    thresholds: Path = Path('calibration.json')


# stzsar.runtime.command.options.SuggestOptions
@dataclass(frozen=True, kw_only=True)
class SuggestOptions(FootageOptions):
    output: Path | None = None


# stzsar.runtime.command.teach.teach
def teach(options: TeachOptions) -> None:
    ...


# stzsar.runtime.command.options.TeachOptions
@dataclass(frozen=True, kw_only=True)
class TeachOptions(ThresholdOptions):
    examples: Path | None = None
    output: Path = Path('site.json')
