"""stzsar-eval: a checkpoint or a bundle tested on labelled clips, as papers report it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from ...runtime.engines.opening import ENGINES
from ...runtime.errors import StzsarError
from ...runtime.terminal.commandline import Output, at_the_edge, say
from .protocols import PROTOCOLS, Plan, plan, with_seen

if TYPE_CHECKING:
    from ...runtime.labels.labels import Label
    from .model import Model
    from .report import Report
    from .scoring import Outcome

_COUNT = click.IntRange(min=1)
_EXAMPLE = """\b
Examples:
  stzsar-eval runs/shipped --data videos/
      tests the newest checkpoint of a run on videos/<class>/<clip>.mp4
  stzsar-eval bundle/ --data UCF-101/ --protocol splits --lists ucfTrainTestlist/ \\
        --labels ucf-101.json --json ucf.json --plot ucf.png
      tests a bundle on the three official splits of UCF-101
  stzsar-eval bundle/ --data k600/test/ --protocol k600-160 --lists k600-splits/
      tests on the three splits of 160 classes that Kinetics-400 does not have
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.argument(
    "model",
    metavar="CHECKPOINT_OR_BUNDLE",
    type=click.Path(path_type=Path),
    help="The folder of a bundle, a checkpoint, or a run, of which the newest is taken.",
)
@cloup.option_group(
    "Clips",
    cloup.option(
        "--data",
        metavar="PATH",
        required=True,
        type=click.Path(path_type=Path),
        help="A folder of class/clip.mp4, or a CSV of path,label.",
    ),
    cloup.option(
        "--protocol",
        type=click.Choice(list(PROTOCOLS)),
        default="plain",
        show_default=True,
        help="; ".join(f"{name}: {what}" for name, what in PROTOCOLS.items()) + ".",
    ),
    cloup.option(
        "--lists",
        metavar="PATH",
        type=click.Path(path_type=Path),
        help="The official files: the folder of split lists (full, splits, halves), of lists of "
        "160 classes (k600-160), or the list of unseen classes (truze).",
    ),
    cloup.option(
        "--split",
        metavar="N",
        type=_COUNT,
        help="Of splits: the one to test, where another's test clips were trained on (default "
        "all).",
    ),
    cloup.option(
        "--allow-missing",
        is_flag=True,
        help="Go on without clips that are missing or broken, and where labels fit no class.",
    ),
    cloup.option(
        "--seed",
        metavar="N",
        type=click.IntRange(0, 2**32 - 11),
        help="Of the halves (default 0, which gives those of the literature).",
    ),
)
@cloup.option_group(
    "Candidates",
    cloup.option(
        "--labels",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Labels with attributes, of the data's classes (default: what the model knows by "
        "their names, else the names).",
    ),
    cloup.option(
        "--seen",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Labels of the training classes, to compete too: the generalised test.",
    ),
    cloup.option(
        "--no-attributes",
        is_flag=True,
        help="Take names that the model does not know as they stand, without the attributes that "
        "ship for actions of Kinetics, UCF-101 and HMDB-51.",
    ),
)
@cloup.option_group(
    "Views",
    cloup.option(
        "--clips",
        metavar="N",
        type=_COUNT,
        default=1,
        show_default=True,
        help="Clips in time, whose scores are averaged.",
    ),
    cloup.option(
        "--crops",
        type=click.Choice(["1", "3"]),
        default="1",
        show_default=True,
        help="The centre square, or the first, centre and last along the longer side.",
    ),
)
@cloup.option_group(
    "Report",
    cloup.option(
        "--json",
        "json_path",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write everything, with each clip's prediction.",
    ),
    cloup.option(
        "--plot",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Draw the confusion matrix: .png, .pdf or .svg (needs matplotlib).",
    ),
    cloup.option("--per-class", is_flag=True, help="Print each class's accuracy, worst first."),
)
@cloup.option_group(
    "Machine",
    cloup.option("--device", metavar="NAME", help="Of checkpoints: cpu, cuda, cuda:1, … or auto."),
    cloup.option(
        "--engine", type=click.Choice(ENGINES), help="Of bundles: what runs them (default auto)."
    ),
    cloup.option(
        "--threads", metavar="N", type=_COUNT, help="Of bundles: CPU threads (default: all)."
    ),
    cloup.option(
        "--readers",
        metavar="N",
        type=_COUNT,
        default=2,
        show_default=True,
        help="Threads that decode clips ahead.",
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(
    model: Path,
    data: Path,
    protocol: str,
    lists: Path | None,
    seed: int | None,
    split: int | None,
    json_path: Path | None,
    plot: Path | None,
    **options: Any,
) -> None:
    """Test a checkpoint or a bundle: top-1, top-5, and what it confuses.

    Beside the head's accuracy stands that of frame voting: each frame's embedding, as it comes,
    against the classes, softmax, mean over the frames. Published zero-shot figures of BIKE are of
    it.
    """
    if seed is not None and protocol != "halves":
        raise StzsarError("--seed is of --protocol halves: leave it out.")
    if split is not None and protocol != "splits":
        raise StzsarError("--split is of --protocol splits: leave it out.")
    read = [data, lists, options["labels"], options["seen"]]
    _check_outputs(
        [path for path in (json_path, plot) if path], [p for p in read if p], model, plot
    )
    made = plan(
        protocol,
        data,
        lists,
        seed=seed or 0,
        split=split,
        allow_missing=options["allow_missing"],
    )
    tested = _open(model, options)
    labels, seen = _candidates(made, tested, options)
    outcome, no_voting, device = _run(tested, made, labels, seen, options)
    report = _report(outcome, made, labels, seen)
    _print(report, made, outcome, no_voting, options)
    if json_path:
        about = {
            "model": str(tested.path),
            "kind": tested.kind,
            "knows": tested.knows,
            "device": device,
            "protocol": protocol,
            "data": str(data),
            "lists": lists and str(lists),
            "labels": options["labels"] and str(options["labels"]),
            "shipped_attributes": not options["no_attributes"],
            "seen": options["seen"] and str(options["seen"]),
            "seed": seed or 0,
            "split": split,
            "frames": tested.frames,
            "clips": options["clips"],
            "crops": int(options["crops"]),
            "no_voting": no_voting,
            "missing": made.clips.missing,
            "broken": outcome.broken,
            "damaged": outcome.damaged,
        }
        document = json.dumps({**about, **report.to_json()}, indent=1, ensure_ascii=False)
        json_path.write_text(document + "\n", encoding="utf-8")
    if plot:
        from .confusion_plot import plot_confusions

        title = f"{tested.path.name}, {protocol}, {data.name}"
        plot_confusions(plot, report.matrix, made.clips.classes, title)


def _check_outputs(
    written: Sequence[Path], read: Sequence[Path], model: Path, plot: Path | None
) -> None:
    """Look before hours of work whether what comes out of them can be written."""
    from ...runtime.bundle.bundle import MANIFEST
    from ...runtime.terminal.outputs import check_outputs, check_writable
    from .confusion_plot import check_plot

    # Beside a run's checkpoints there is room for reports.
    folder = model if (model / MANIFEST).is_file() else model / "checkpoints"
    check_outputs(written=written, read=dict.fromkeys(read, "read here"), bundle=folder)
    for path in written:
        check_writable(path)
    if plot:
        check_plot(plot)


def _open(path: Path, options: dict[str, Any]) -> "Model":
    from .opening import Placement, open_model

    return open_model(path, Placement(options["device"], options["engine"], options["threads"]))


def _candidates(
    made: Plan, tested: "Model", options: dict[str, Any]
) -> "tuple[tuple[Label, ...], tuple[int, ...]]":
    """Return all labels, in the order of the rows, and the rows of the training classes."""
    from ...runtime.labels.labels import read_labels
    from ..lists.class_labels import add_seen, described, labels_of_file, labels_of_model

    classes, file = made.clips.classes, options["labels"]
    if file:
        labels = labels_of_file(
            classes,
            made.clips.others,
            read_labels(file),
            file,
            allow_extra=options["allow_missing"],
        )
    else:
        labels = labels_of_model(classes, tested.labels)
    rows: tuple[int, ...] = ()
    if options["seen"]:
        labels, rows = add_seen(labels, read_labels(options["seen"]), tested.labels)
    return (labels if options["no_attributes"] else described(labels, tested.labels)), rows


def _run(
    tested: "Model",
    made: Plan,
    labels: "tuple[Label, ...]",
    seen: tuple[int, ...],
    options: dict[str, Any],
) -> "tuple[Outcome, str | None, str]":
    """Return what came out, why there is no frame voting, and where the model ran."""
    from .scoring import ViewSpec, check_files, run_contests

    readers = options["readers"]
    contests = [*made.contests, *(with_seen(c, seen) for c in made.contests if seen)]
    wanted = sorted({place for contest in contests for place in contest.clips})
    if not options["allow_missing"]:
        check_files([made.clips.clips[place] for place in wanted], readers=readers)
    classifier = tested.with_labels(labels)
    views = ViewSpec(tested.frames, tested.size_px, options["clips"], int(options["crops"]))
    say(
        f"Testing the {tested.kind} {tested.path} on {classifier.device}: {len(wanted)} clips, "
        f"{len(labels)} classes. It knows {tested.knows}."
    )
    outcome = run_contests(
        classifier,
        made.clips,
        contests,
        views,
        readers=readers,
        allow_broken=options["allow_missing"],
    )
    return outcome, classifier.no_voting, classifier.device


def _report(
    outcome: "Outcome", made: Plan, labels: "tuple[Label, ...]", seen: tuple[int, ...]
) -> "Report":
    from .report import make_report

    # Classes are called as the data calls them; training classes as their labels.
    names = [*made.clips.classes, *(label.name for label in labels[len(made.clips.classes) :])]
    return make_report(outcome, made.clips, names, plain=len(made.contests), seen=seen)


def _print(
    report: "Report",
    made: Plan,
    outcome: "Outcome",
    no_voting: str | None,
    options: dict[str, Any],
) -> None:
    from .tables import tables_of

    out = Output()
    for table in tables_of(report, per_class=options["per_class"]):
        out.print(table)
    if no_voting:
        say(no_voting)
    if report.generalised and all(r.harmonic is None for r in report.generalised["head"]):
        say("No clip of the data is of a class in --seen, so there is no harmonic mean.")
    counts = {
        "missing": len(made.clips.missing),
        "broken": len(outcome.broken),
        "damaged": len(outcome.damaged),
    }
    if any(counts.values()):
        words = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        first = next(iter((*made.clips.missing, *outcome.broken, *outcome.damaged)))
        say(f"Not all clips were as they should be: {words}. The first: {first}")
