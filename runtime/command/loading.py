"""A bundle and its labels as the command opens them: what is taken, and how far it is, is said."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..bundle.bundle import Bundle, open_default_bundle, shipped_bundle
from ..errors import StzsarError
from ..labels.labels import Label, LabelsOf
from ..recognizer import Recognizer
from ..terminal.commandline import say
from ..terminal.progress import loading_progress


def open_bundle(folder: Path | None, *, quiet: bool) -> Bundle:
    """Open the bundle that is named, or find one and say which.

    Raises:
        BundleError: it cannot be used.
    """
    if folder:
        return Bundle.open(folder)
    bundle = open_default_bundle()
    # The shipped one warns of itself, in a quiet run too.
    if not quiet and bundle.path != shipped_bundle():
        knows = bundle.manifest.weights.knows
        say(f"No --bundle is given: taking the newest under runs/; it knows {knows}.")
    return bundle


def check_no_attributes(bundle: Bundle, options: Mapping[str, Any]) -> None:
    """Refuse --no-attributes where no label could have any that ship.

    Raises:
        StzsarError: the bundle embeds no labels.
    """
    if options["no_attributes"] and bundle.manifest.text is None:
        raise StzsarError(
            f"--no-attributes does nothing here: the bundle {bundle.path} has no text encoder and "
            "takes its labels as they were exported."
        )


def load_recognizer(
    bundle: Bundle,
    labels: Sequence[Label] | None,
    options: Mapping[str, Any],
    *,
    top_k: int,
    quiet: bool,
    labels_of: LabelsOf | None = None,
) -> Recognizer:
    """Load a bundle with its labels, show how far that is, and say what is loaded.

    Raises:
        StzsarError: the bundle, the labels or the engine cannot be used.
    """
    with loading_progress(shown=not quiet) as (progress, on_build):
        recognizer = Recognizer.load(
            bundle,
            labels,
            top_k=top_k,
            progress=progress,
            on_build=on_build,
            labels_of=labels_of,
            shipped_attributes=not options["no_attributes"],
            **{name: options[name] for name in ("threads", "engine", "trust_engines")},
        )
    if not quiet:
        say(f"Bundle {bundle.path}. {len(recognizer.labels)} labels, on {recognizer.device}.")
    return recognizer
