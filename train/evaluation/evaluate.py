"""The test as a function: `evaluate(EvalOptions(model=…, data=…))`."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...models.prompts import PromptMean
from ...runtime.bundle.bundle import MANIFEST
from ...runtime.errors import BundleError, StzsarError
from ...runtime.labels.label_files import LabelsLike, label_source, labels_from, origin_of
from ...runtime.labels.labels import Label, actions
from ...runtime.terminal.commandline import say
from ...runtime.terminal.outputs import check_outputs, check_writable
from ..lists.class_labels import (
    add_seen,
    described,
    labels_of_classes,
    labels_of_model,
    without_attributes,
)
from ..lists.clip_set import ClipSet
from .confusion_plot import check_plot, plot_confusions
from .drawn import DrawnShapes
from .model import Model
from .options import EvalOptions
from .protocols import Plan, plan, with_seen
from .report import HEAD, Report, make_report
from .scoring import Outcome, ViewSpec, check_files, run_contests

_DESCRIPTION = "checkpoint.json"  # models.checkpoint would import torch


@dataclass(frozen=True, eq=False)
class Evaluation:
    report: Report  # the figures
    facts: dict[str, Any]  # what was tested and how, as JSON types
    # Descriptions of clips that do not exist, that could not be read, and that were scored by the
    # frames they have
    missing: tuple[str, ...]
    broken: tuple[str, ...]
    damaged: tuple[str, ...]
    no_voting: str | None  # why there is no frame voting; None if there is

    def to_json(self) -> dict[str, Any]:
        return {
            **self.facts,
            "no_voting": self.no_voting,
            "missing": self.missing,
            "broken": self.broken,
            "damaged": self.damaged,
            **self.report.to_json(),
        }

    def remarks(self) -> Iterator[str]:
        """Yield sentences about what the figures leave out."""
        if self.no_voting:
            yield self.no_voting
        generalised = self.report.generalised.get(HEAD, ())
        if generalised and all(row.harmonic is None for row in generalised):
            yield "No clip belongs to a class in --seen, so there is no harmonic mean."
        problems = {"missing": self.missing, "broken": self.broken, "damaged": self.damaged}
        counts = [f"{len(clips)} {name}" for name, clips in problems.items() if clips]
        if counts:
            first = next(clip for clips in problems.values() for clip in clips)
            yield f"Some clips have problems: {', '.join(counts)}. The first: {first}"


def evaluate(options: EvalOptions) -> Evaluation:
    """Test a checkpoint or a bundle on labelled clips, and write the report and the plot.

    Example:
        >>> from pathlib import Path
        >>> options = EvalOptions(model=Path("runs/mine"), data=Path("videos"))
        >>> evaluate(options).report.rows[0].head.top1  # doctest: +SKIP
        0.75

    Raises:
        StzsarError: an option cannot be used, a clip is missing, or an output cannot be written.
    """
    _check_outputs(options)
    shapes = DrawnShapes(options) if options.is_moving_shapes else None
    tested = shapes.plan if shapes else _plan(options)
    model = open_model(
        options.model,
        device=options.device,
        engine=options.engine,
        threads=options.threads,
        prompts=options.prompts,
        prompt_mean=options.prompt_mean,
    )
    if shapes:
        labels, seen = shapes.labels, ()
    else:
        labels, seen = _candidates(options, tested.clips, model)
    contests = [*tested.contests, *(with_seen(each, seen) for each in tested.contests if seen)]
    indices = sorted({index for contest in contests for index in contest.clips})
    if not (shapes or options.allow_missing):
        check_files([tested.clips.clips[index] for index in indices], readers=options.readers)
    classifier = model.with_labels(labels)
    say(
        f"Testing the {model.kind} {model.path} on {classifier.device}: {len(indices)} clips, "
        f"{len(labels)} classes. It knows {model.knows}."
    )
    outcome = run_contests(
        classifier,
        tested.clips,
        contests,
        ViewSpec(model.frames, model.size_px, options.clips, options.crops, options.view),
        readers=options.readers,
        allow_broken=options.allow_missing,
        draw=shapes and partial(shapes.views, frames=model.frames, size_px=model.size_px),
    )
    result = Evaluation(
        report=_report(outcome, tested, labels, seen, model.seen_bias),
        facts=_facts(options, model, classifier.device),
        missing=tested.clips.missing,
        broken=outcome.broken,
        damaged=outcome.damaged,
        no_voting=classifier.no_voting,
    )
    if options.json:
        document = json.dumps(result.to_json(), indent=1, ensure_ascii=False)
        options.json.write_text(document + "\n", encoding="utf-8")
    if options.plot:
        title = f"{model.path.name}, {options.protocol}, {options.data.name}"
        plot_confusions(options.plot, result.report.matrix, tested.clips.classes, title)
    return result


def _check_outputs(options: EvalOptions) -> None:
    """Refuse outputs that could not be written after hours of work."""
    written = [path for path in (options.json, options.plot) if path]
    data = None if options.is_moving_shapes else options.data
    named = (data, options.lists, options.labels, options.seen)
    read = [path for path in named if isinstance(path, Path)]
    # A run's folder has room for reports, a bundle has not.
    is_bundle = (options.model / MANIFEST).is_file()
    folder = options.model if is_bundle else options.model / "checkpoints"
    check_outputs(written=written, read=dict.fromkeys(read, "read here"), bundle=folder)
    for path in written:
        check_writable(path)
    if options.plot:
        check_plot(options.plot)


def _plan(options: EvalOptions) -> Plan:
    return plan(
        options.protocol,
        options.data,
        options.lists,
        seed=options.seed or 0,
        split=options.split,
        allow_missing=options.allow_missing,
    )


def _candidates(
    options: EvalOptions, clips: ClipSet, model: Model
) -> tuple[tuple[Label, ...], tuple[int, ...]]:
    """Return all labels in the order of the rows, and the rows of the training classes."""
    # Without attributes, a name is nothing but a name, also where the model has some for it.
    known = model.labels if options.attributes else without_attributes(model.labels)
    if options.labels:
        labels = labels_of_classes(
            clips.classes,
            clips.others,
            actions(labels_from(options.labels)),
            origin_of(options.labels, "--labels"),
            allow_extra=options.allow_missing,
        )
    else:
        labels = labels_of_model(clips.classes, known)
    rows: tuple[int, ...] = ()
    if options.seen:
        labels, rows = add_seen(labels, actions(labels_from(options.seen)), known)
    return (described(labels, known) if options.attributes else labels), rows


def _report(
    outcome: Outcome,
    tested: Plan,
    labels: Sequence[Label],
    seen: Sequence[int],
    seen_bias: float | None,
) -> Report:
    # Classes have the data's names, training classes those of their labels.
    classes = tested.clips.classes
    names = [*classes, *(label.name for label in labels[len(classes) :])]
    plain = len(tested.contests)
    return make_report(outcome, tested.clips, names, plain=plain, seen=seen, seen_bias=seen_bias)


def _facts(options: EvalOptions, model: Model, device: str) -> dict[str, Any]:
    def text(path: Path | None) -> str | None:
        return None if path is None else str(path)

    def said(labels: LabelsLike | None) -> str | list[str] | None:
        source = None if labels is None else label_source(labels)
        is_given = isinstance(source, tuple)
        return [label.name for label in source] if is_given else text(source)

    return {
        "model": str(model.path),
        "kind": model.kind,
        "knows": model.knows,
        "device": device,
        "protocol": options.protocol,
        "data": str(options.data),
        "lists": text(options.lists),
        "labels": said(options.labels),
        "shipped_attributes": options.attributes,
        "seen": said(options.seen),
        "seen_bias": model.seen_bias,
        "seed": options.seed or 0,
        "split": options.split,
        "frames": model.frames,
        "prompts": model.prompts,
        "prompt_mean": options.prompt_mean,
        "view": options.view,
        "clips": options.clips,
        "crops": options.crops,
        "setting": options.setting,
        "action_share": options.action_share,
        "cuts": options.cuts,
    }


def open_model(
    path: Path,
    *,
    device: str | None = None,
    engine: str | None = None,
    threads: int | None = None,
    prompts: Sequence[str] | None = None,
    prompt_mean: PromptMean = "embeddings",
) -> Model:
    """Open the bundle, the checkpoint, or the newest checkpoint of the run at `path`.

    A checkpoint takes torch's device, other prompts and their mean, a bundle an engine of the
    runtime and CPU threads.

    Raises:
        BundleError: `path` is neither, or cannot be used.
        StzsarError: an argument does not apply to this kind of model.
    """
    if (path / MANIFEST).exists():
        if device is not None:
            raise StzsarError(
                f"--device works with checkpoints only, and {path} is a bundle. Leave it out, or "
                "use --engine."
            )
        if prompts is not None:
            raise StzsarError(
                f"--prompts works with checkpoints only: the bank of the bundle {path} was made "
                "with its own. Leave it out, or export with stzsar-export --prompts."
            )
        if prompt_mean == "softmaxes":
            raise StzsarError(
                "--prompt-mean softmaxes works with checkpoints only: the bank of the bundle "
                f"{path} holds its prompts' mean embedding. Leave it out, or test the checkpoint."
            )
        from .bundle_model import BundleModel

        return BundleModel(path, engine or "auto", threads or 0)
    if engine is not None or threads is not None:
        raise StzsarError(
            f"--engine and --threads work with bundles only, and {path} is not a bundle. Leave "
            "them out."
        )
    if not any(path.glob(f"**/{_DESCRIPTION}")):
        raise BundleError(
            f"{path} is neither a bundle nor a checkpoint nor a run with one. Name a folder that "
            "stzsar-train or stzsar-export wrote."
        )
    from .checkpoint_model import CheckpointModel

    return CheckpointModel(path, device or "auto", prompts, prompt_mean)
