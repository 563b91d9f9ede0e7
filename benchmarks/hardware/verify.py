"""One run of stzsar-verify: all steps, of which each is written as it ends."""

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from ...runtime.atomic import write_file, written_whole
from ...runtime.bundle.bundle import FRAME_GRAPH, Bundle
from ...runtime.command.loading import open_bundle
from ...runtime.command.options import ModelOptions
from ...runtime.engines.trt.store import ENGINES
from ...runtime.errors import StzsarError
from ...runtime.terminal.outputs import check_writable
from ..bench.environment import describe_machine, describe_versions
from .options import Options
from .report import Facts, Report, Step, read_report
from .step import cleaned, run_apart
from .steps import STEPS

OnStep = Callable[[str, Step | None], None]


def verify(options: Options, on_step: OnStep = lambda _name, _step: None) -> Report:
    """Do every step that the report lacks, or that failed; write the report after each.

    Args:
        options: what to verify, how long, and where the report lies.
        on_step: told the name of each step before it begins, and the step when it has ended.

    Raises:
        StzsarError: the bundle or the report cannot be used, or psutil is missing.
    """
    bundle = open_bundle(ModelOptions(bundle=options.bundle))
    report = _begin(options, bundle)
    done = {step.name: step for step in report.steps if step.status != "failed"}
    check_writable(options.output)
    _copy(bundle, options.work)
    for name in STEPS:
        if name not in done:
            on_step(name, None)
            done[name] = run_apart(name, options.work, options.plan)
            on_step(name, done[name])
        known = tuple(done[each] for each in STEPS if each in done)
        report = msgspec.structs.replace(report, steps=known)
        write_file(options.output, report.to_json())
    shutil.rmtree(options.work)
    return report


def _begin(options: Options, bundle: Bundle) -> Report:
    """Return an empty report, or the one that goes on."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    new = Report(created=now, plan=options.plan, setup=_setup(bundle))
    if options.again or not options.output.exists():
        shutil.rmtree(options.work, ignore_errors=True)
        return new
    old = read_report(options.output)
    if (old.plan, old.setup) != (new.plan, new.setup):
        raise StzsarError(
            f"{options.output} is a report of other options, another bundle or another set-up: "
            "begin anew with --again, or name another --output."
        )
    return old


def _setup(bundle: Bundle) -> Facts:
    try:
        machine = describe_machine()
    except ImportError as error:
        raise StzsarError(
            "stzsar-verify needs psutil: run pip install '.[cpu,bench]' in stzsar's folder."
        ) from error
    manifest = bundle.manifest
    return {
        "precision": manifest.precision,
        "image px": manifest.pixels.size_px,
        "frames of a window": manifest.sampling.frames,
        "frames a second": manifest.sampling.rate_fps,
        "labels": len(bundle.bank.labels),
        "sha256 of frame.onnx": manifest.files[FRAME_GRAPH],
        **cleaned(machine),
        **describe_versions(),  # as they are: one of four parts looks like an address
    }


def _copy(bundle: Bundle, folder: Path) -> None:
    """Copy the bundle without engines, so that a build is a build; one of before goes on."""
    if folder.exists():
        return
    with written_whole(folder) as staging:
        shutil.copytree(
            *(bundle.path, staging), ignore=shutil.ignore_patterns(ENGINES), dirs_exist_ok=True
        )
