"""What peers load: labels, weights and graphs, made once for each choice of sizes, and kept."""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...runtime.labels.shipped import default_labels
from .environments import Environments, run_logged
from .process import WorkerError
from .roster import OWN
from .workers.serving import Spec

ATTRIBUTES = 8
SCRIPTS = Path(__file__).parent / "workers"
_ROOT = Path(__file__).parents[2]
# By the file that is there when it is made: what the script calls it.
_FILES = {
    "xclip": "xclip",
    "open_clip": "open_clip.pt",
    "tower": "tower",
    "swin3d": "swin3d_s.pt",
}
_EXPORT = "from stzsar.export.cli import main; main()"


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What all peers have in common.

    Attributes:
        backbone: as open_clip names it.
        labels: how many.
        frames: T, of a window.
        threads: of the CPU.
    """

    backbone: str
    labels: int
    frames: int
    threads: int


class Materials:
    """The folder of one choice of sizes.

    Args:
        folder: where those of all choices lie.
        sizes: the choice.
        clips: video files.
        environments: where files are made.
        say: told what takes a while.
    """

    def __init__(
        self,
        folder: Path,
        sizes: Sizes,
        clips: Sequence[str],
        environments: Environments,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._sizes, self._environments, self._say = sizes, environments, say
        name = f"{sizes.backbone}-{sizes.frames}-frames-{sizes.labels}-labels"
        self.folder = folder / name.replace("/", "-")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._refused: dict[str, str] = {}
        names = label_names(sizes.labels)
        spec = Spec(
            clips=[str(Path(clip).resolve()) for clip in clips],
            labels=names,
            frames=sizes.frames,
            threads=sizes.threads,
            backbone=sizes.backbone,
            folder=str(self.folder.resolve()),
            bundle=bundle_name(),
        )
        text = json.dumps(asdict(spec))
        # Runs with other clips or threads may go on beside this one.
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        self.spec = self.folder / f"spec-{digest}.json"
        self.spec.write_text(text, encoding="utf-8")

    def make(self, name: str) -> None:
        """Make one of them unless it is there.

        Raises:
            WorkerError: it cannot be made, the second time at once.
        """
        path = self.folder / (bundle_name() if name == "bundle" else _FILES[name])
        if path.exists():
            return
        if name in self._refused:
            raise WorkerError(self._refused[name])
        self._say(f"Preparing {path}")
        try:
            if name == "bundle":
                self._export(path)
            else:
                self._run_script(name)
        except WorkerError as error:
            self._refused[name] = str(error)
            raise

    def _export(self, path: Path) -> None:
        labels = self.folder / "labels.json"
        labels.write_text(json.dumps(with_attributes(label_names(self._sizes.labels))))
        options = {
            "--backbone": self._sizes.backbone,
            "--pretrained": "none",
            "--labels": str(labels),
            "--frames": str(self._sizes.frames),
            "--output": str(path),
        }
        words = [word for option in options.items() for word in option]
        # Labels are embedded at export: the text encoder would never be read.
        command = [self._environments.interpreter(OWN), "-c", _EXPORT, *words, "--no-text-encoder"]
        log = self.folder / "bundle.log"
        run_logged(command, log, "stzsar-export fails", environment=OWN)

    def _run_script(self, name: str) -> None:
        script = str(SCRIPTS / "prepare.py")
        command = [self._environments.interpreter("torch"), script, str(self.spec), name]
        log = self.folder / f"{name}.log"
        run_logged(command, log, f"its file {_FILES[name]} cannot be made", environment="torch")


@functools.cache
def bundle_name() -> str:
    """Return what this project's bundle is called: another graph must not be taken for today's."""
    digest = hashlib.sha256()
    for path in sorted(
        path for part in ("export", "models") for path in (_ROOT / part).glob("*.py")
    ):
        digest.update(path.read_bytes())
    return f"bundle-{digest.hexdigest()[:8]}"


def label_names(count: int) -> list[str]:
    """Return so many labels: those of Kinetics, and again with numbers where they do not do."""
    known = [label.name for label in default_labels()]
    return [
        known[place % len(known)] + (f" {place // len(known)}" if place >= len(known) else "")
        for place in range(count)
    ]


def with_attributes(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the labels with eight made-up attributes each, of usual length, none of them twice."""
    words = [name.split()[0] for name in names]
    return [
        {
            "label": name,
            "attributes": [
                f"{words[(place + number) % len(words)]} {number}"
                for number in range(1, ATTRIBUTES + 1)
            ],
        }
        for place, name in enumerate(names)
    ]
