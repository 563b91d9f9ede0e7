"""The options of what recognises: the bundle, its labels, the engine."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import StzsarError
from ..labels.label_files import LabelsLike, label_source, labels_from
from ..labels.labels import Label


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """What recognises.

    Attributes:
        bundle: folder of the bundle; None takes the newest under runs/, else the shipped one.
        labels: what to recognise: a label file's path, words with commas between them, a list, a
            dict of attributes by label; None takes all labels of the bundle.
        ignore: what is ordinary, in the same forms: it competes with the labels and is never
            reported.
        shipped_attributes: use the attributes that stzsar ships for labels it knows by name.
        seen_bias: subtract this from the logits of labels that training saw; None takes what
            training measured.
        engine: "auto" or another of `runtime.engines.opening.ENGINES`.
        trust_engines: load TensorRT engines that others built; an engine can run code.
        threads: CPU threads; 0 leaves the number to the engine.
        quiet: show warnings and errors only.
    """

    bundle: Path | None = None
    labels: LabelsLike | None = None
    ignore: LabelsLike | None = None
    shipped_attributes: bool = True
    seen_bias: float | None = None
    engine: str = "auto"
    trust_engines: bool = False
    threads: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        """Tell labels from the file that holds them.

        Raises:
            LabelError: one of them is neither.
        """
        for name in ("labels", "ignore"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, label_source(value, f"--{name}"))

    @property
    def label_file(self) -> Path | None:
        """The file that holds the labels, if they are in one."""
        return self.labels if isinstance(self.labels, Path) else None

    @property
    def ignore_file(self) -> Path | None:
        """The file that holds the labels to ignore, if they are in one."""
        return self.ignore if isinstance(self.ignore, Path) else None

    def read_labels(self) -> tuple[Label, ...] | None:
        """Return the labels; None for all labels of the bundle.

        Raises:
            LabelError: the file cannot be used.
        """
        return None if self.labels is None else labels_from(self.labels)

    def read_ignored(self) -> tuple[Label, ...]:
        """Return the labels to ignore.

        Raises:
            LabelError: the file cannot be used.
        """
        return () if self.ignore is None else labels_from(self.ignore)


def check_attributes(options: ModelOptions, *, has_labels: bool) -> None:
    """Refuse `shipped_attributes=False` where there is no label that could have any.

    Raises:
        StzsarError: no labels are given.
    """
    if not options.shipped_attributes and not has_labels:
        raise StzsarError("--no-attributes requires --labels: give that too.")
