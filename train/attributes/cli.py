"""stzsar-attributes: makes a bank of description attributes for labels."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import cloup
from cloup.constraints import AcceptAtMost, Constraint, ConstraintViolated, Equal, If, require_one
from cloup.constraints.common import get_params_whose_value_is_set, join_param_labels

from ...runtime.errors import StzsarError
from ...runtime.terminal.commandline import at_the_edge, printable, say
from ...runtime.terminal.subcommand import with_subcommand
from .options import WIKIS, AttributesOptions, CheckOptions

_DEFAULTS = AttributesOptions(labels=Path(), dry_run=True)
_PATH = click.Path(path_type=Path)
_EXAMPLE = """\b
Examples:
  stzsar-attributes labels.txt --output attributes.json --contact me@example.org
      reads Wikipedia and Wiktionary, and asks the model that Ollama serves here
  stzsar-attributes labels.txt --output attributes.json --source texts/ --llm none
      takes keywords out of texts/LABEL.txt without a language model
  stzsar-attributes labels.txt --dry-run --source 'https://www.wikihow.com/{label-}'
      says what would be fetched, and fetches nothing
  stzsar-attributes check attributes.json
      says what is wrong with a bank that was edited by hand, line by line

The key of a hosted model comes from the environment's STZSAR_LLM_KEY alone (OpenAI's own also from
OPENAI_API_KEY). Pages and answers are kept on disk, so a killed run goes on where it was. The exit
code is 0, 1 if a label got no attribute at all (all others are written), 2 if something could not
be used, 130 after Ctrl-C.
"""


def _idle(reason: str) -> Constraint:
    """Refuse options that would do nothing, and name those that were given."""

    def error(violation: ConstraintViolated) -> str:
        context = click.get_current_context()
        given = get_params_whose_value_is_set(violation.params, context.params)
        return f"{reason}: leave out {join_param_labels(given)}"

    return AcceptAtMost(0).rephrased(help=f"leave out: {reason}", error=error)


def _option(name: str, attribute: str, *, help: str, **more: Any) -> Any:  # noqa: A002  click's
    """An option with the default of AttributesOptions: click's is None, which tells it is idle."""
    default = getattr(_DEFAULTS, attribute)
    shown = f"{default:g}" if isinstance(default, float) else default
    return cloup.option(name, attribute, help=f"{help} (default: {shown})", **more)


@contextlib.contextmanager
def _with_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("stzsar"):
            raise
        raise StzsarError(
            f"The package {error.name} is not installed: run pip install '.[cpu,attributes]' in "
            "stzsar's folder."
        ) from error


@cloup.command(name="check")
@cloup.argument("bank", type=_PATH, help="The bank, a JSON file")
@cloup.option(
    "--language",
    default=CheckOptions.language,
    show_default=True,
    metavar="CODE",
    help="Name the labels' language",
)
@cloup.option(
    "--bundle",
    type=_PATH,
    metavar="FOLDER",
    help="Count tokens with this bundle's tokenizer (default: an estimate)",
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks")
@at_the_edge
def check(**given: Any) -> None:
    """Say what is wrong with a bank, line by line; the exit code is 1 if something is."""
    options = CheckOptions(**given)
    with _with_extra():
        from .check import check_bank

        problems = check_bank(options)
    for problem in problems:
        click.echo(printable(f"{options.bank}:{problem.line}: {problem.message}"))
    if problems:
        sys.exit(1)
    say(f"{options.bank} is in order.")


@cloup.command(cls=with_subcommand("check", lambda: check), epilog=_EXAMPLE)
@cloup.argument(
    "labels",
    help="The labels: a file with one a line, a CSV, TSV, YAML or JSON, or words with commas "
    "between them",
)
@cloup.option_group(
    "Output",
    cloup.option("--output", metavar="FILE.json", type=_PATH, help="Write the bank there"),
    cloup.option("--overwrite", is_flag=True, help="Replace the bank that is there"),
    cloup.option(
        "--dry-run", is_flag=True, help="Say what would be fetched and asked, and do none of it"
    ),
)
@cloup.option_group(
    "Text",
    cloup.option(
        "--source",
        "sources",
        multiple=True,
        metavar="WHERE",
        help="Look there: wikipedia, wiktionary (wikipedia=https://host is another wiki), an "
        "address with {label}, {label_} or {label-} in it, or a folder with LABEL.txt. May be "
        f"given several times (default: {' and '.join(WIKIS)})",
    ),
    _option("--language", "language", metavar="CODE", help="Name the labels' language"),
    cloup.option(
        "--contact",
        metavar="MAIL|URL",
        help="Tell sites whom to write to if the requests disturb them",
    ),
    _option(
        "--delay",
        "delay_s",
        metavar="S",
        type=click.FloatRange(0, 3600),
        help="Wait between two requests to one site; robots.txt may ask for more",
    ),
    cloup.option(
        "--cache",
        metavar="FOLDER",
        type=_PATH,
        help="Keep pages and answers there (default: ~/.cache/stzsar/attributes)",
    ),
)
@cloup.option_group(
    "Language model",
    _option(
        "--llm",
        "llm",
        type=click.Choice(["chat", "none"]),
        help="Ask a chat model, or take keywords by YAKE, which are marked so",
    ),
    _option(
        "--llm-url",
        "llm_url",
        metavar="URL",
        help="Ask this OpenAI-compatible endpoint: Ollama's, llama.cpp's, vLLM's, a hosted one",
    ),
    cloup.option(
        "--llm-model", metavar="NAME", help="Ask this model (default: the first that it lists)"
    ),
    _option(
        "--llm-timeout",
        "llm_timeout_s",
        metavar="S",
        type=click.FloatRange(min=0.1),
        help="Limit the seconds of one answer",
    ),
)
@cloup.option_group(
    "Attributes",
    cloup.option(
        "--bundle",
        metavar="FOLDER",
        type=_PATH,
        help="Count tokens, and put first what tells labels apart, with this bundle's text encoder "
        "(default: an estimate, and the order that they came in)",
    ),
    _option(
        "--parallel",
        "parallel",
        metavar="N",
        type=click.IntRange(1, 64),
        help="Work on so many labels at once; one site gets one request at a time",
    ),
)
@cloup.constraint(
    require_one.rephrased(error="say where to write the bank: --output FILE.json or --dry-run"),
    ["output", "dry_run"],
)
@cloup.constraint(
    If("dry_run", then=_idle("it asks nobody and writes nothing")),
    ["overwrite", "contact", "delay_s", "llm_model", "llm_timeout_s", "bundle", "parallel"],
)
@cloup.constraint(
    If(Equal("llm", "none"), then=_idle("no language model is asked")),
    ["llm_url", "llm_model", "llm_timeout_s"],
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(**given: Any) -> None:
    """Make description attributes for labels, from text and with a language model."""
    options = AttributesOptions(**{k: v for k, v in given.items() if v not in (None, ())})
    for flag, name in (("--contact", "contact"), ("--delay", "delay_s")):
        if given[name] is not None and not options.reads_the_web:
            raise StzsarError(f"Only folders are read, no site: leave out {flag}.")
    with _with_extra():
        from .run import run

        is_whole = run(options)
    if not is_whole:
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="stzsar-attributes")
