"""Suggests labels to ignore: class names that describe ordinary footage, by how often each wins."""

import sys
from collections import Counter

import numpy as np

from ..decisions.events import Decider
from ..decisions.footage import SeenWindows
from ..decisions.policy import Policy
from ..errors import LabelError
from ..labels.labels import Label
from ..labels.names import name_key
from ..labels.shipped import LABEL_SETS, everyday_labels, shipped_labels
from ..results import Recognition, Score
from ..terminal.commandline import say
from ..terminal.outputs import check_outputs
from .loading import load_recognizer, open_bundle
from .options import SuggestOptions
from .reading import files_read, footage_from, stream_options
from .seeing import see

# The best label of each window is decided on, however well it fits.
_BEST = Policy(score=1e-9, keep_score=1e-9)


def suggest(options: SuggestOptions) -> None:
    """Write the class names that describe footage as a label file; see `run`."""
    specs = footage_from(options.footage, options, quiet=options.quiet)
    bundle = open_bundle(options)
    sampled = stream_options(bundle.manifest, options)
    read = {
        options.label_file: "the label file",
        options.ignore_file: "the file to ignore",
        **files_read(specs),
    }
    check_outputs(written=[options.output], read=read, bundle=bundle.path)
    known = (*(options.read_labels() or bundle.bank.labels), *options.read_ignored())
    candidates = _candidates({name_key(label.name) for label in known})
    recognizer = load_recognizer(bundle, candidates, options, top_k=1)
    seen = see(recognizer, specs, options, sampled, output=options.output, quiet=options.quiet)
    names = [label.name for label in candidates]
    alarms, windows = count(seen, names, 1 / sampled.sampling(bundle.manifest).rate_fps)
    lines = [
        f"# {alarms[name]} event{'s' * (alarms[name] != 1)}, best in "
        f"{windows[name] / max(1, len(seen)):.1%} of the time\n! {name}\n"
        for name, _ in alarms.most_common()
    ]
    text = "# Keep what the footage really shows, and strike the rest.\n" + "".join(lines)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    say(
        f"Class names that describe the footage: {len(lines)} of {len(names)}. Strike what it does "
        "not show, and give the file to --ignore."
    )


def count(
    seen: SeenWindows, names: list[str], period_s: float
) -> tuple[Counter[str], Counter[str]]:
    """Return how many events each label would have made, and in how many windows it was best."""
    alarms, windows = Counter[str](), Counter[str]()
    for source, (times_s, rows) in seen.of_source.items():
        decider = Decider(_BEST, source)
        for time_s, row in zip(times_s, rows, strict=True):
            best = int(np.argmax(row))
            windows[names[best]] += 1
            top = (Score(names[best], 1.0, float(row[best])),)
            window = Recognition(source, time_s - period_s, time_s, 1, top, rate_fps=1 / period_s)
            alarms.update(e.label for e in decider.decide(window)[1] if e.event == "start")
    return alarms, windows


def _candidates(taken: set[str]) -> list[Label]:
    """Return every class that ships and every everyday scene once, but for the actions."""
    found: dict[str, Label] = {}
    for label in (
        *everyday_labels(),
        *(own for name in LABEL_SETS for own in shipped_labels(name)),
    ):
        key = name_key(label.name)
        if key not in taken:
            found.setdefault(key, label)
    if not found:
        raise LabelError("Every class name that ships is one of the labels: give fewer labels.")
    return list(found.values())
