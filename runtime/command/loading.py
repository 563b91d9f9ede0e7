"""Opens a bundle and loads it with labels, and says which bundle and how far that is."""

from collections import Counter
from collections.abc import Sequence

from ..bundle.bundle import Bundle, open_default_bundle
from ..errors import StzsarError
from ..labels.labels import Label, LabelsOf
from ..recognizer import Recognizer
from ..terminal.commandline import say
from ..terminal.progress import loading_progress
from .options import ModelOptions


def open_bundle(options: ModelOptions) -> Bundle:
    """Open the bundle that the options name, or find one and say which.

    Raises:
        BundleError: it cannot be used.
        StzsarError: the options ask for something that it cannot do.
    """
    if options.bundle:
        bundle = Bundle.open(options.bundle)
    else:
        bundle = open_default_bundle()
        # Of the shipped bundle, which knows moving shapes only, a quiet run hears too, later.
        if not options.quiet and not bundle.is_fallback:
            knows = bundle.manifest.weights.knows
            say(f"No --bundle is given: taking the newest under runs/; it knows {knows}.")
    if not options.shipped_attributes and bundle.manifest.text is None:
        raise StzsarError(
            f"--no-attributes has no effect: the bundle {bundle.path} has no text encoder and "
            "takes its labels as they were exported. Leave it out."
        )
    return bundle


def load_recognizer(
    bundle: Bundle,
    labels: Sequence[Label] | None,
    options: ModelOptions,
    *,
    top_k: int,
    ignore: Sequence[Label] = (),
    context: Sequence[Label] = (),
    labels_of: LabelsOf | None = None,
) -> Recognizer:
    """Load a bundle with its labels, show the progress, and say what is loaded.

    Raises:
        StzsarError: the bundle, the labels or the engine cannot be used.
    """
    with loading_progress(shown=not options.quiet) as (progress, on_build):
        recognizer = Recognizer.load(
            bundle,
            labels,
            ignore=ignore,
            context=context,
            top_k=top_k,
            threads=options.threads,
            engine=options.engine,
            trust_engines=options.trust_engines,
            progress=progress,
            on_build=on_build,
            labels_of=labels_of,
            shipped_attributes=options.shipped_attributes,
            seen_bias=options.seen_bias,
        )
    if not options.quiet:
        roles = Counter(label.role for label in recognizer.labels)
        to_ignore = f" and {roles['ignore']} to ignore" if roles["ignore"] else ""
        say(f"Bundle {bundle.path}. {roles['action']} labels{to_ignore}, on {recognizer.device}.")
    return recognizer
