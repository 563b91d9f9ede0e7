"""The pages cannot lie: the commands they print parse, and their links lead somewhere."""

import ast
import dataclasses
import functools
import importlib
import inspect
import re
import shlex
import textwrap
from pathlib import Path

import click
import pytest

from stzsar.benchmarks.bench.options import Options as BenchOptions
from stzsar.benchmarks.hardware.options import Options as VerifyOptions
from stzsar.export.inspect_bundle import InspectOptions
from stzsar.export.options import ClipOptions, EngineOptions, ExportOptions
from stzsar.runtime.archive.keeping.export import ExportOptions as ArchiveExportOptions
from stzsar.runtime.archive.keeping.retention import RetainOptions
from stzsar.runtime.archive.keeping.wanted import Wanted
from stzsar.runtime.command.options import (
    CalibrationOptions,
    ReplayOptions,
    RunOptions,
    SuggestOptions,
    TeachOptions,
)
from stzsar.runtime.events.export import ExportOptions as EventExportOptions
from stzsar.runtime.events.filters import EventFilter
from stzsar.runtime.events.questions import ChangeOptions, FindOptions
from stzsar.runtime.fetch.options import FetchOptions
from stzsar.train.attributes.options import AttributesOptions, CheckOptions
from stzsar.train.config import TrainConfig
from stzsar.train.evaluation.options import EvalOptions
from stzsar.train.foreign.options import ImportOptions
from stzsar.train.interpolate import InterpolateOptions
from stzsar.train.options import ResumeOptions, TrainOptions

from . import option_reads

ROOT = Path(__file__).parent.parent
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").glob("*.md")),
]
COMMANDS = (
    "train",
    "eval",
    "import",
    "export",
    "fetch",
    "run",
    "teach",
    "bench",
    "verify",
    "attributes",
)
# Click reads two of them, `at_the_edge` the third.
READ_ELSEWHERE = ("version", "help", "debug")
STAGE = {
    "train": "train",
    "eval": "train/evaluation",
    "import": "train/foreign",
    "export": "export",
    "fetch": "runtime/fetch",
    "run": "runtime/command",
    "teach": "runtime/command",
    "bench": "benchmarks/bench",
    "verify": "benchmarks/hardware",
    "attributes": "train/attributes",
    "events": "runtime/events",
    "archive": "runtime/command/archive",
}


# Commands in the folder of stzsar-run, with their modules.
BESIDE_RUN = {"doctor": "doctor", "teach": "teach_cli"}
# Commands of their own beside a command, with the module that has them.
SUBCOMMANDS = {
    ("train", "interpolate"): "train.interpolate_cli:interpolate",
    ("export", "inspect"): "export.cli:inspect_command",
    ("bench", "compare"): "benchmarks.bench.compare:compare",
    ("verify", "show"): "benchmarks.hardware.show:show_command",
    ("attributes", "check"): "train.attributes.cli:check",
    ("events", "list"): "runtime.events.cli:list_events",
    ("events", "show"): "runtime.events.cli:show",
    ("events", "count"): "runtime.events.cli:count",
    ("events", "export"): "runtime.events.cli:export",
    ("events", "keep"): "runtime.events.cli:keep",
    ("events", "delete"): "runtime.events.cli:delete",
    ("archive", "inspect"): "runtime.command.archive.inspect:inspect",
    ("archive", "verify"): "runtime.command.archive.verify:verify",
    ("archive", "export"): "runtime.command.archive.export:export",
    ("archive", "compact"): "runtime.command.archive.compact:compact",
    ("archive", "retain"): "runtime.command.archive.retain:retain",
    ("archive", "forget"): "runtime.command.archive.forget:forget",
}

# What each command hands on.
OPTIONS = {
    ("train",): (TrainOptions, ResumeOptions, TrainConfig),
    ("eval",): (EvalOptions,),
    ("import",): (ImportOptions,),
    ("export",): (ExportOptions, ClipOptions, EngineOptions),
    ("fetch",): (FetchOptions,),
    ("run",): (RunOptions, ReplayOptions, CalibrationOptions, SuggestOptions),
    ("teach",): (TeachOptions,),
    ("bench",): (BenchOptions,),
    ("verify",): (VerifyOptions,),
    ("verify", "show"): (),
    ("attributes",): (AttributesOptions,),
    ("train", "interpolate"): (InterpolateOptions,),
    ("export", "inspect"): (InspectOptions,),
    ("attributes", "check"): (CheckOptions,),
    ("bench", "compare"): (),
    ("events", "list"): (FindOptions, EventFilter),
    ("events", "show"): (),
    ("events", "count"): (FindOptions, EventFilter),
    ("events", "export"): (EventExportOptions, EventFilter),
    ("events", "keep"): (ChangeOptions,),
    ("events", "delete"): (ChangeOptions,),
    ("archive", "inspect"): (),
    ("archive", "verify"): (),
    ("archive", "export"): (ArchiveExportOptions, Wanted),
    ("archive", "compact"): (),
    ("archive", "retain"): (RetainOptions,),
    ("archive", "forget"): (Wanted,),
}
# Options that allow what the options themselves would refuse: their check is their use.
PERMISSIONS = {AttributesOptions: {"overwrite"}}


def command(name: str, word: str = "") -> click.Command:
    if name in BESIDE_RUN:
        return importlib.import_module(f"stzsar.runtime.command.{BESIDE_RUN[name]}").main
    if (name, word) in SUBCOMMANDS:
        module, _, attribute = SUBCOMMANDS[name, word].partition(":")
        return getattr(importlib.import_module(f"stzsar.{module}"), attribute)
    return importlib.import_module(f"stzsar.{STAGE[name].replace('/', '.')}.cli").main


def printed_commands(path: Path) -> list[list[str]]:
    """Every stzsar command in the code blocks of a page, as words."""
    blocks = re.findall(r"```\w*\n(.*?)```", path.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    commands = [line.partition(" > ")[0] for line in lines if "stzsar-" in line[:20]]
    split = [shlex.split(line, comments=True) for line in commands]
    return [words for words in split if words and words[0].startswith("stzsar-")]


@pytest.mark.parametrize("page", PAGES)
def test_printed_commands_parse(root, page):
    for name, *words in printed_commands(root / page):
        stage = name.removeprefix("stzsar-")
        word = words[0] if words and (stage, words[0]) in SUBCOMMANDS else ""
        if stage in BESIDE_RUN:
            command(stage).make_context(name, words)
            continue
        # Values are converted and bad combinations refused, and nothing is opened.
        command(stage, word).make_context(name, words[1:] if word else words)


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_and_to_pictures_lead_somewhere(root, page):
    text = re.sub(r"```.*?```", "", (root / page).read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target or not path:
            continue
        file = (root / page).parent / path
        assert file.exists(), f"{page} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings}
            assert anchor in slugs, f"{page} links to {target}"


def test_the_card_is_in_the_readme(root):
    printed = [" ".join(words) for words in printed_commands(root / "README.md")]
    for card in ("stzsar-train", "stzsar-export --fp16"):
        assert card in printed
    assert "stzsar-run --camera 0 --labels labels.txt" in printed


@pytest.mark.parametrize("name", COMMANDS)
def test_help_groups_its_options_and_gives_an_example(name):
    from click.testing import CliRunner

    result = CliRunner().invoke(command(name), ["--help"])
    assert result.exit_code == 0
    assert f"stzsar-{name} " in result.output.split("Examples:")[1]
    headings = re.findall(r"^[A-Z][\w ]+:$", result.output, re.MULTILINE)
    assert len(headings) >= 4


@pytest.mark.parametrize(("name", "word"), SUBCOMMANDS)
def test_a_command_beside_another_has_a_help_of_its_own(name, word):
    from click.testing import CliRunner

    result = CliRunner().invoke(command(name), [word, "--help"], prog_name=f"stzsar-{name}")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: stzsar-{name} {word} ")
    assert f"stzsar-{name} {word} " in CliRunner().invoke(command(name), ["--help"]).output


@pytest.mark.parametrize("name", [*((name,) for name in COMMANDS), *SUBCOMMANDS])
def test_every_option_says_what_it_does(name):
    for parameter in command(*name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("name", [*((name,) for name in COMMANDS), *SUBCOMMANDS])
def test_every_option_reaches_the_options_of_its_command(name):
    """Each is a field of them, by whatever name, or is read by the command itself."""
    callback = command(*name).callback
    assert callback
    function = inspect.unwrap(callback)
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    read = {node.id for part in tree.body for node in ast.walk(part) if isinstance(node, ast.Name)}
    named = {argument.arg for argument in tree.args.kwonlyargs + tree.args.args}
    fields = {field.name for options in OPTIONS[name] for field in dataclasses.fields(options)}
    for parameter in command(*name).params:
        if parameter.name not in READ_ELSEWHERE:
            assert parameter.name in (read if parameter.name in named else fields), parameter.name


@pytest.mark.parametrize(
    ("options", "folder"),
    [(options, STAGE[name[0]]) for name, all_of in OPTIONS.items() for options in all_of],
)
def test_every_field_of_the_options_is_read_by_the_code(root, options, folder):
    """An option that nothing reads does nothing."""
    found = reads_below(root / folder.split("/")[0])
    assert set(option_reads.unread(options, found)) <= PERMISSIONS.get(options, set())


@functools.cache
def reads_below(folder: Path) -> set[option_reads.Read]:
    return option_reads.reads(option_reads.sources(folder))


@pytest.mark.parametrize(
    ("options", "folder", "field"),
    [
        *((ExportOptions, "export", field) for field in ("labels", "output", "frames")),
        *((EvalOptions, "train", field) for field in ("labels", "seed", "split", "threads")),
        *((InterpolateOptions, "train", field) for field in ("original", "output")),
        *((AttributesOptions, "train", field) for field in ("labels", "language", "bundle")),
        *((RunOptions, "runtime", field) for field in ("top", "show", "video", "record")),
        *((TeachOptions, "runtime", field) for field in ("examples", "output")),
        *((BenchOptions, "benchmarks/bench", field) for field in ("engine", "labels", "seconds")),
    ],
)
def test_a_field_that_is_read_no_more_is_found_by_whatever_name(root, options, folder, field):
    """Only the uses go: the name still stands in its declaration, in checks and elsewhere."""
    code = option_reads.sources(root / folder)
    without = {path: re.sub(rf"\boptions\.{field}\b", "None", code[path]) for path in code}
    assert any(re.search(rf"\b{field}\b", text) for text in without.values())
    assert field in option_reads.unread(options, option_reads.reads(without))
