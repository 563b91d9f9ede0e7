"""What stzsar-import can be asked for."""

from dataclasses import dataclass
from pathlib import Path

from ...models.config import Activation
from ...runtime.errors import StzsarError
from .families import AUTO, NAMES, family_called
from .ost import FAMILY as OST


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """A foreign file, and what is to become of it.

    Raises:
        StzsarError: an option cannot be used, or would have no effect.
    """

    file: Path  # weights, or the folder of one of transformers' CLIPs
    family: str = AUTO
    output: Path | None = None  # the checkpoint's folder; None is runs/<family>-<file>
    original: Path | None = None  # the CLIP that was tuned, of any form that is read here
    share: float | None = None  # of the file's weights, the rest CLIP's; None is the family's own
    # OST's descriptors, of what is seen and of what is done, and the CSV that names their classes
    descriptors: tuple[Path, Path] | None = None
    classes: Path | None = None
    frames: int | None = None
    rate_fps: float | None = None
    prompts: tuple[str, ...] = ()
    activation: Activation | None = None

    def __post_init__(self) -> None:
        if self.family != AUTO:
            family_called(self.family)
        if self.share is not None and not 0 <= self.share <= 1:
            raise StzsarError(
                f"--mix {self.share:g} is not between 0, CLIP alone, and 1, the file alone."
            )
        if self.share is not None and self.share < 1 and self.original is None:
            raise StzsarError(
                f"--mix {self.share:g} mixes with CLIP: name its file with --with FILE."
            )
        if (self.descriptors is None) != (self.classes is None):
            raise StzsarError(
                "--descriptors and --classes go together: descriptors number their classes, and "
                "the classes name them."
            )
        if self.descriptors is not None and self.family not in (AUTO, OST.name):
            raise StzsarError(f"--descriptors works with {OST.name}: leave it out.")
        for prompt in self.prompts:
            if prompt.count("{}") != 1:
                raise StzsarError(f"--prompt {prompt!r:.80} must hold {{}} once, for the label.")


CHOICES = (AUTO, *NAMES)
