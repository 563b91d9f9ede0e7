"""What a family of foreign checkpoints is: how its files are told, and how they become ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from ...models.config import Activation, ModelConfig
from ...runtime.bundle.manifest import SamplingSpec
from ...runtime.errors import BundleError

Tensors = Mapping[str, Tensor]
Form = Literal["torch", "torchscript", "safetensors", "transformers"]


@dataclass(frozen=True, eq=False)
class ForeignFile:
    """A file of weights, read without running anything in it."""

    path: Path
    form: Form
    tensors: dict[str, Tensor]  # its state dict; without the `module.` of DataParallel
    # The configuration that lies beside the weights, as a plain dict; empty if there is none
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    # Entries of the file that are no weights: an optimiser's state, an epoch
    other: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the caller decides instead of the family; None or nothing is the family's own."""

    frames: int | None = None  # T of a window
    rate_fps: float | None = None
    prompts: tuple[str, ...] = ()
    activation: Activation | None = None
    # The tensors of the CLIP that was tuned, by OpenAI's names, for what a file leaves out
    original: Tensors | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A foreign checkpoint in our terms."""

    config: ModelConfig  # with prompts, head and temporal layers: all that makes its numbers
    tensors: dict[str, Tensor]  # the state dict of `STZSAR(config)`
    sampling: SamplingSpec  # of the runtime
    view: str  # how its authors cut and sample test clips, a name of `stzsar-eval --view`


class Keys:
    """The tensors of a file, each to be taken once or dropped knowingly."""

    def __init__(self, file: ForeignFile) -> None:
        self.file = file
        self._left = dict(file.tensors)
        self.dropped: dict[str, str] = {}  # why, by name

    def take(self, name: str) -> Tensor:
        """Return a tensor.

        Raises:
            BundleError: the file does not have it.
        """
        try:
            return self._left.pop(name)
        except KeyError:
            raise BundleError(f"{self.file.path} has no tensor {name!r:.120}.") from None

    def take_all(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with `prefix`, by the rest of their names."""
        found = [name for name in self._left if name.startswith(prefix)]
        return {name.removeprefix(prefix): self._left.pop(name) for name in found}

    def has(self, prefix: str) -> bool:
        """Whether a tensor is left whose name begins so."""
        return any(name.startswith(prefix) for name in self._left)

    def drop(self, pattern: str, why: str) -> None:
        """Leave out the tensors whose names fit a pattern of shells, for a reason."""
        for name in [name for name in self._left if fnmatchcase(name, pattern)]:
            del self._left[name]
            self.dropped[name] = why

    def left(self) -> tuple[str, ...]:
        """Return the names that nobody took."""
        return tuple(self._left)


@dataclass(frozen=True, kw_only=True)
class Family:
    name: str  # what the command calls it
    title: str  # what its authors call it
    source: str  # the page of its authors
    knows: str  # what its training taught it, as the end of "it knows …"
    recognise: Callable[[ForeignFile], bool]  # by the names of tensors, or the settings beside them
    read: Callable[[Keys, Choices], Reading]
    licence: str = ""  # of the weights, as an SPDX identifier; "" if the authors name none
    # The share of its own weights that its authors test with, the rest CLIP's; None without mixing
    share: float | None = None
