"""What to fetch and how: the options of stzsar-fetch as a dataclass."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import StzsarError
from ..labels.label_files import LabelsLike
from .hub_bundle import HUB, HubAddress, hub_address

Precision = Literal["fp32", "fp16"]


@dataclass(frozen=True, kw_only=True)
class FetchOptions:
    """What to fetch and how; `stzsar-fetch --help` describes each option.

    Attributes:
        backbone: open_clip's name of the network, or "hub:owner/name@revision", a ready bundle;
            None takes the default, or the one of `weights`.
        pretrained: open_clip's name of the weights; None takes the backbone's default. With
            `weights` it says what the file must be.
        revision: a commit, branch or tag on the hub; None takes the pinned commit.
        weights: a safetensors file that is there already; None downloads it.
        labels: of the bank, as `Recognizer.load` takes them; None takes those of Kinetics-400.
        precision: "fp32" or "fp16"; None takes fp16 where there is a GPU.
        accept_licence: whether the user accepts a licence for research only.
        output: the bundle's folder; None is `runs/<backbone>-<pretrained>/bundle-<precision>`.

    Raises:
        StzsarError: an option has no effect, or cannot be meant.
    """

    backbone: str | None = None
    pretrained: str | None = None
    revision: str | None = None
    weights: Path | None = None
    labels: LabelsLike | None = None
    precision: Precision | None = None
    accept_licence: bool = False
    output: Path | None = None

    @property
    def ready(self) -> HubAddress | None:
        """The ready bundle to download; None makes one."""
        is_address = self.backbone is not None and self.backbone.startswith(HUB)
        return hub_address(self.backbone or "") if is_address else None

    def __post_init__(self) -> None:
        if self.ready:
            self._check_ready()
        if self.pretrained is not None and self.backbone is None:
            raise StzsarError(
                f"--pretrained {self.pretrained} needs the backbone that it is of, such as "
                f"stzsar-fetch ViT-B-32 --pretrained {self.pretrained}."
            )
        if self.revision is not None and self.weights is not None:
            raise StzsarError(
                "--revision has no effect with --weights, which downloads nothing. Leave one out."
            )
        is_name = re.fullmatch(r"[\w.-]+(/[\w.-]+)*", self.revision or "main")
        if not is_name or ".." in (self.revision or ""):
            raise StzsarError(
                f"{self.revision!r:.80} is no revision: name a commit, a branch or a tag."
            )

    def _check_ready(self) -> None:
        for option, value in (
            ("--pretrained", self.pretrained),
            ("--revision", self.revision),
            ("--weights", self.weights),
            ("--labels", self.labels),
            ("--fp16 or --fp32", self.precision),
        ):
            if value is not None:
                raise StzsarError(
                    f"{option} has no effect on {self.backbone}, which is a ready bundle. Leave it "
                    "out; a revision stands behind its name, as in hub:owner/name@revision."
                )
