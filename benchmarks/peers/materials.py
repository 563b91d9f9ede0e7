"""The files that peers load: labels, weights and graphs, made once and kept."""

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...runtime.labels.shipped import default_labels
from ...runtime.terminal.commandline import say
from .environments import Environments, run_logged
from .process import WorkerError
from .roster import OWN, Options
from .workers.serving import FILES, Spec

ATTRIBUTES = 8
SCRIPTS = Path(__file__).parent / "workers"
_ROOT = Path(__file__).parents[2]
_EXPORT = "from stzsar.export.cli import main; main()"


class Materials:
    """The files that the peers load, for one choice of sizes."""

    def __init__(self, options: Options, clips: Sequence[str], environments: Environments) -> None:
        self._environments = environments
        name = f"{options.backbone}-{options.frames}-frames-{options.labels}-labels"
        self.folder = options.environments / "materials" / name.replace("/", "-")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._failed: dict[str, str] = {}
        self._spec = Spec(
            clips=[str(Path(clip).resolve()) for clip in clips],
            labels=label_names(options.labels),
            frames=options.frames,
            threads=options.cores,
            backbone=options.backbone,
            folder=str(self.folder.resolve()),
            bundle=bundle_name(),
        )
        text = json.dumps(asdict(self._spec))
        # Runs with other clips or threads may go on beside this one.
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        self.spec = self.folder / f"spec-{digest}.json"
        self.spec.write_text(text, encoding="utf-8")

    def make(self, name: str) -> None:
        """Make a file unless it exists; raise WorkerError, then and later, if that fails."""
        path = self.folder / (bundle_name() if name == "bundle" else FILES[name])
        if path.exists():
            return
        if name in self._failed:
            raise WorkerError(self._failed[name])
        say(f"Preparing {path}")
        try:
            if name == "bundle":
                self._export(path)
            else:
                self._run_script(name)
        except WorkerError as error:
            self._failed[name] = str(error)
            raise

    def _export(self, path: Path) -> None:
        labels = self.folder / "labels.json"
        labels.write_text(json.dumps(with_attributes(self._spec.labels)))
        command = [
            *(self._environments.interpreter(OWN), "-c", _EXPORT),
            *("--backbone", self._spec.backbone, "--pretrained", "none"),
            *("--labels", str(labels), "--frames", str(self._spec.frames)),
            # Labels are embedded at export: nobody would read the text encoder.
            *("--output", str(path), "--no-text-encoder"),
        ]
        log = self.folder / "bundle.log"
        run_logged(command, log, "stzsar-export failed", environment=OWN)

    def _run_script(self, name: str) -> None:
        script = str(SCRIPTS / "prepare.py")
        command = [self._environments.interpreter("torch"), script, str(self.spec), name]
        log = self.folder / f"{name}.log"
        run_logged(command, log, f"Cannot make {FILES[name]}", environment="torch")


@functools.cache
def bundle_name() -> str:
    """Return a name that changes with the code that exports: an old graph must not be reused."""
    digest = hashlib.sha256()
    for path in sorted(
        path for part in ("export", "models") for path in (_ROOT / part).glob("*.py")
    ):
        digest.update(path.read_bytes())
    return f"bundle-{digest.hexdigest()[:8]}"


def label_names(count: int) -> list[str]:
    """Return those of Kinetics; beyond 400, again with numbers."""
    known = [label.name for label in default_labels()]
    return [
        known[place % len(known)] + (f" {place // len(known)}" if place >= len(known) else "")
        for place in range(count)
    ]


def with_attributes(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the labels with eight different attributes of usual length each."""
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
