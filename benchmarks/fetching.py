"""python -m stzsar.benchmarks.fetching: what stzsar-fetch costs without its download.

Random weights are written as open_clip names them, and the command makes a bundle of the file and
six labels in a new process with an empty cache: nothing it does depends on what the numbers mean.
"""

import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import cloup

from ..runtime.errors import StzsarError
from ..runtime.terminal.progress import bar
from .installs import installed_mb
from .tools.command import benchmark, rounds_option
from .tools.processes import peak_mib
from .tools.tables import markdown, median_and_range
from .tools.timing import machine

LABELS = "archery,playing the guitar,waving a hand,opening a door,carrying a box,jumping"
_FETCH = "from stzsar.runtime.fetch.cli import main; main(prog_name='stzsar-fetch')"
_EVERY_S = 0.01


@dataclass(frozen=True, kw_only=True)
class Options:
    backbone: str = "ViT-B-32"  # of those that ship
    rounds: int = 5
    install: bool = False  # whether to install [cpu,fetch], to weigh it


QUICK = Options(backbone="MobileCLIP2-S0", rounds=1)


@dataclass(frozen=True, kw_only=True)
class Filled:
    """One run of the command."""

    seconds: float  # from its start to its end
    cpu_seconds: float  # of all its threads; other programs do not change it much
    peak_mib: float  # its peak memory


@benchmark(usual=Options(), quick=QUICK)
@cloup.option(
    "--backbone", metavar="NAME", show_default=Options.backbone,
    help="Fill the graphs of this network, by its name for stzsar-fetch.",
)  # fmt: skip
@rounds_option(Options.rounds, QUICK.rounds)
@cloup.option("--install", is_flag=True, help="Install stzsar-fetch anew, and weigh it.")
def main(options: Options) -> None:
    """Time stzsar-fetch with a local file, and print a Markdown table."""
    with tempfile.TemporaryDirectory() as temporary, bar() as progress:
        folder = Path(temporary)
        task = progress.add_task("writing weights", total=options.rounds + 1 + options.install)
        weights = write_weights(options.backbone, folder)
        runs = []
        for number in range(options.rounds):
            progress.update(task, advance=1, description="stzsar-fetch")
            runs.append(fill(options.backbone, weights, folder / str(number)))
        size_mib = weights.stat().st_size / 2**20
        rows = [
            ("seconds", median_and_range([run.seconds for run in runs]), "< 15"),
            ("CPU seconds", median_and_range([run.cpu_seconds for run in runs]), ""),
            (
                "peak memory, MiB",
                median_and_range([run.peak_mib for run in runs]),
                f"< {2 * size_mib:.0f}, twice the weights",
            ),
        ]
        if options.install:
            progress.update(task, advance=1, description="installing")
            megabytes = installed_mb("cpu,fetch", folder / "environment")
            rows.append(("pip install '.[cpu,fetch]', MB", f"{megabytes:.0f}", "< 400"))
    click.echo(markdown(("what", "measured", "target"), rows))
    count = LABELS.count(",") + 1
    click.echo(
        f"\n{machine()}; {options.backbone}, fp32, {size_mib:.0f} MiB of random weights, {count} "
        f"labels, {options.rounds} rounds; median (range)"
    )


def write_weights(backbone: str, folder: Path) -> Path:
    """Write random weights in a process of its own, so that torch's memory is none of ours."""
    path = folder / f"{backbone}.safetensors"
    program = (
        "import sys; from safetensors.torch import save_file; "
        "from stzsar.export.skeletons import random_weights; "
        "save_file(random_weights(sys.argv[1], seed=0), sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", program, backbone, str(path)], check=True)
    return path


def fill(backbone: str, weights: Path, folder: Path) -> Filled:
    """Run the command in a new process.

    Raises:
        StzsarError: it failed.
    """
    folder.mkdir()
    command = [
        *(sys.executable, "-c", _FETCH, backbone, "--fp32", "--weights", str(weights)),
        *("--labels", LABELS, "--output", str(folder / "bundle")),
    ]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    peak, start_s, start_cpu_s = 0.0, time.perf_counter(), _cpu_s()
    with (
        (folder / "stderr").open("w+") as errors,
        subprocess.Popen(command, stdout=errors, stderr=errors, env=environment) as process,
    ):
        while process.poll() is None:
            peak = peak_mib(process.pid) or peak
            time.sleep(_EVERY_S)
        seconds = time.perf_counter() - start_s
        errors.seek(0)
        if process.returncode:
            raise StzsarError(f"{shlex.join(command)} failed: {errors.read().strip()}")
    return Filled(seconds=seconds, cpu_seconds=_cpu_s() - start_cpu_s, peak_mib=peak)


def _cpu_s() -> float:
    """Return the CPU time of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
