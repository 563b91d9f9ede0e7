"""stzsar-attributes: from labels to a bank of description attributes."""

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup
from click.core import ParameterSource

from ...runtime.errors import StzsarError
from ...runtime.terminal.commandline import at_the_edge, printable, say
from ...runtime.terminal.subcommand import with_subcommand

if TYPE_CHECKING:
    from ...runtime.labels.labels import Label
    from .cache import Cache
    from .extraction import Extractor
    from .fetch import Fetcher
    from .pipeline import Outcome
    from .sources import TextSource

# What Ollama listens on.
DEFAULT_URL = "http://localhost:11434/v1"
DEFAULT_SOURCES = ("wikipedia", "wiktionary")
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

The key of a hosted model is taken from the environment's STZSAR_LLM_KEY and from nowhere else (of
OpenAI's own also from OPENAI_API_KEY). Pages and answers are kept on disk: started again after a
kill, it goes on where it was. The exit code is 0, 1 if a label got no attribute at all (all others
are written), 2 if something could not be used, 130 after Ctrl-C.
"""


def _check() -> click.Command:
    from .check import check

    return check


@cloup.command(cls=with_subcommand("check", _check), epilog=_EXAMPLE)
@cloup.argument("labels", type=_PATH, help="The labels: one a line, or a JSON file.")
@cloup.option_group(
    "Output",
    cloup.option("--output", metavar="FILE.json", type=_PATH, help="The bank goes there."),
    cloup.option("--overwrite", is_flag=True, help="Replace the bank that is there."),
    cloup.option(
        "--dry-run", is_flag=True, help="Say what would be fetched and asked, and do none of it."
    ),
)
@cloup.option_group(
    "Text",
    cloup.option(
        "--source",
        "sources",
        multiple=True,
        metavar="WHERE",
        help="wikipedia, wiktionary (both by default; wikipedia=https://host is another wiki), an "
        "address with {label}, {label_} or {label-} in it, or a folder with LABEL.txt. May be "
        "given several times.",
    ),
    cloup.option(
        "--language", default="en", show_default=True, metavar="CODE", help="Of the labels."
    ),
    cloup.option(
        "--contact",
        metavar="MAIL|URL",
        help="Tells sites whom to write to if the requests disturb them.",
    ),
    cloup.option(
        "--delay",
        "delay_s",
        metavar="S",
        type=click.FloatRange(0, 3600),
        default=1.0,
        show_default=True,
        help="Seconds between two requests to one site; robots.txt may ask for more.",
    ),
    cloup.option(
        "--cache",
        "cache_folder",
        metavar="FOLDER",
        type=_PATH,
        help="Keeps pages and answers (default ~/.cache/stzsar/attributes).",
    ),
)
@cloup.option_group(
    "Language model",
    cloup.option(
        "--llm",
        type=click.Choice(["chat", "none"]),
        default="chat",
        show_default=True,
        help="A chat model, or none: keywords by YAKE, and marked so.",
    ),
    cloup.option(
        "--llm-url",
        metavar="URL",
        default=DEFAULT_URL,
        show_default=True,
        help="Any OpenAI-compatible endpoint: Ollama's, llama.cpp's, vLLM's, a hosted one.",
    ),
    cloup.option(
        "--llm-model", metavar="NAME", help="Its model (default: the first that it lists)."
    ),
    cloup.option(
        "--llm-timeout",
        "timeout_s",
        metavar="S",
        type=click.FloatRange(min=0.1),
        default=120.0,
        show_default=True,
        help="How long one answer may take.",
    ),
)
@cloup.option_group(
    "Attributes",
    cloup.option(
        "--bundle",
        metavar="FOLDER",
        type=_PATH,
        help="Counts tokens, and puts first what tells labels apart, with its text encoder "
        "(default: an estimate, and the order that they came in).",
    ),
    cloup.option(
        "--parallel",
        metavar="N",
        type=click.IntRange(1, 64),
        default=4,
        show_default=True,
        help="Labels worked on at once; one site is never asked twice at once.",
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@click.pass_context
@at_the_edge
def main(context: click.Context, labels: Path, **options: Any) -> None:
    """Make description attributes for labels, from text and through a language model."""
    from ...runtime.labels.labels import read_labels
    from .cache import Cache, default_folder
    from .fetch import Fetcher
    from .opening import open_sources, origins
    from .rules import Stemmer

    names = options["sources"] or DEFAULT_SOURCES
    _refuse_idle(context, options, names)
    wanted = read_labels(labels)
    output = _checked_output(options, labels)
    language = options["language"]
    stemmer = Stemmer(language)
    cache = Cache(options["cache_folder"] or default_folder())
    fetcher = Fetcher(
        cache,
        user_agent="" if options["dry_run"] else _user_agent(options["contact"], names),
        named=origins(names, language),
        delay_s=options["delay_s"],
    )
    sources = open_sources(names, fetcher, language=language)
    if options["dry_run"]:
        _show_plan(wanted, sources, fetcher, options)
        return
    from .ordering import BundleEncoder, NoEncoder

    encoder = BundleEncoder(options["bundle"]) if options["bundle"] else NoEncoder()
    extractor = _extractor(options, cache)
    from ...runtime.terminal.progress import bar
    from .bank_json import write_bank
    from .pipeline import Road

    with bar() as report:
        road = Road(
            sources,
            extractor,
            encoder,
            stemmer,
            parallel=options["parallel"],
            progress=report,
        )
        outcome = road.make(wanted)
    if outcome.entries and output:
        write_bank(output, outcome.entries)
    _report(outcome, wanted, output)


def _extractor(options: dict[str, Any], cache: "Cache") -> "Extractor":
    from .extraction import ByModel, ByYake

    if options["llm"] == "none":
        return ByYake(options["language"])
    from .chat import ChatModel

    chat = ChatModel(
        options["llm_url"], options["llm_model"], cache, timeout_s=options["timeout_s"]
    )
    if not options["llm_model"]:
        say(f"The language model is {chat.name}.")
    return ByModel(chat)


def _refuse_idle(context: click.Context, options: dict[str, Any], names: Sequence[str]) -> None:
    """An option that would do nothing is an error."""

    def given(name: str) -> bool:
        return context.get_parameter_source(name) == ParameterSource.COMMANDLINE

    if options["dry_run"]:
        for flag, name in (("--output", "output"), ("--overwrite", "overwrite")):
            if given(name):
                raise StzsarError(f"--dry-run writes nothing: leave out {flag}.")
        for flag, name in (
            ("--contact", "contact"),
            ("--delay", "delay_s"),
            ("--llm-model", "llm_model"),
            ("--llm-timeout", "timeout_s"),
            ("--bundle", "bundle"),
            ("--parallel", "parallel"),
        ):
            if given(name):
                raise StzsarError(f"--dry-run asks nobody, and orders nothing: leave out {flag}.")
    elif not options["output"]:
        raise StzsarError("Say where the bank goes: --output attributes.json, or --dry-run.")
    if options["llm"] == "none":
        for flag, name in (
            ("--llm-url", "llm_url"),
            ("--llm-model", "llm_model"),
            ("--llm-timeout", "timeout_s"),
        ):
            if given(name):
                raise StzsarError(f"--llm none asks no language model: leave out {flag}.")
    if not any(_is_web(name) for name in names):
        for flag, name in (("--contact", "contact"), ("--delay", "delay_s")):
            if given(name):
                raise StzsarError(f"Only folders are read, no site: leave out {flag}.")


def _checked_output(options: dict[str, Any], labels: Path) -> Path | None:
    output: Path | None = options["output"]
    if output is None:
        return None
    if output.exists() and labels.exists() and output.samefile(labels):
        raise StzsarError(f"{output} is what the labels are read from: name another --output.")
    if output.is_dir() or not output.parent.is_dir():
        raise StzsarError(f"Cannot write {output}: name a file in a folder that exists.")
    if output.exists() and not output.is_file():
        raise StzsarError(f"{output} is no regular file: name another --output.")
    if output.exists() and not options["overwrite"]:
        raise StzsarError(
            f"{output} is there, and may have been edited: name another file, or add --overwrite."
        )
    try:  # before the work, which may take hours
        with tempfile.TemporaryFile(dir=output.resolve().parent):
            return output
    except OSError as error:
        raise StzsarError(
            f"Cannot write {output} ({error.strerror}): name a file in another folder."
        ) from error


def _is_web(name: str) -> bool:
    return "://" in name or name in DEFAULT_SOURCES


def _user_agent(contact: str | None, names: Sequence[str]) -> str:
    from ... import __version__
    from .fetch import AGENT

    if contact is None:
        if any(_is_web(name) for name in names):
            say("Sites want to know whom to write to: give them a --contact, an address of yours.")
        return f"{AGENT}/{__version__}"
    if not re.fullmatch(r"[\x21-\x7e]+", contact) or re.search(r"[()\\]", contact):
        raise StzsarError(f"--contact {contact!r:.80} is no mail address or URL: give one.")
    return f"{AGENT}/{__version__} ({contact})"


def _show_plan(
    labels: "Sequence[Label]",
    sources: "Sequence[TextSource]",
    fetcher: "Fetcher",
    options: dict[str, Any],
) -> None:
    from .prompt import read_prompt

    for label in labels:
        for source in sources:
            place = source.plan(label.name if source.by_name else label.text)
            kept = " (kept on disk)" if "://" in place and fetcher.knows(place) else ""
            click.echo(printable(f"{label.name}: {place}{kept}"))
    if options["llm"] == "none":
        say(f"Then YAKE would take keywords for {len(labels)} labels; nothing was fetched.")
        return
    say(
        f"Then pages that these lead to would be read, and {options['llm_url']} be asked about "
        f"{len(labels)} labels with prompt {read_prompt().version}; nothing was fetched or asked."
    )


def _report(outcome: "Outcome", labels: "Sequence[Label]", output: Path | None) -> None:
    from .rules import WANTED

    for short in outcome.shortfalls:
        why = "; ".join(short.reasons) or "no more were found"
        say(f"{short.name}: {short.found} of {WANTED} attributes; {why}.")
    nothing = [short.name for short in outcome.shortfalls if not short.found]
    full = len(labels) - len(outcome.shortfalls)
    where = f"; the bank is {output}" if outcome.entries else "; no bank was written"
    say(f"{full} of {len(labels)} labels have {WANTED} attributes{where}.")
    if nothing:
        shown = ", ".join(nothing[:10]) + (" and others" if len(nothing) > 10 else "")
        say(f"Left out, as nothing was found for them: {shown}.")
        sys.exit(1)
