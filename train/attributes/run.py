"""Runs stzsar-attributes: from options to a bank."""

from collections.abc import Sequence
from pathlib import Path

import click

from ... import __version__
from ...runtime.chat.addresses import AddressError, parse_url
from ...runtime.chat.model import ChatModel
from ...runtime.errors import StzsarError
from ...runtime.labels.label_files import labels_from
from ...runtime.labels.labels import Label
from ...runtime.terminal.commandline import console, printable, say
from ...runtime.terminal.progress import bar
from .bank_json import write_bank
from .cache import Cache, default_folder
from .extraction import ByModel, ByYake, Extractor
from .fetch import AGENT, CALLER, Fetcher
from .options import WIKIS, AttributesOptions
from .ordering import BundleEncoder, NoEncoder
from .pipeline import Outcome, Pipeline
from .prompt import read_prompt
from .rules import WANTED, Stemmer
from .sources import Folder, Pattern, TextSource
from .wikis import Wikipedia, Wiktionary


def run(options: AttributesOptions) -> bool:
    """Make the bank, and say what came of it; return whether each label got an attribute.

    Raises:
        StzsarError: an option names what cannot be used.
    """
    labels = labels_from(options.labels)
    stemmer = Stemmer(options.language)
    cache = Cache(options.cache or default_folder())
    fetcher = Fetcher(cache, user_agent=_user_agent(options), delay_s=options.delay_s)
    sources = open_sources(options.sources, fetcher, language=options.language)
    if options.dry_run:
        _show_plan(options, labels, sources, fetcher)
        return True
    cache.open()
    encoder = BundleEncoder(options.bundle) if options.bundle else NoEncoder()
    extractor = _extractor(options, cache)
    with bar(console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        pipeline = Pipeline(
            sources,
            extractor,
            encoder,
            stemmer,
            parallel=options.parallel,
            progress=lambda step, done, total: progress.update(
                task, description=step, completed=done, total=total
            ),
        )
        outcome = pipeline.make(labels)
    if outcome.entries and options.output:
        write_bank(options.output, outcome.entries)
    return _report(options, outcome, len(labels))


def _user_agent(options: AttributesOptions) -> str:
    contact = f" ({options.contact})" if options.contact else ""
    if not contact and options.reads_the_web and not options.dry_run:
        say("Sites want to know whom to write to: give them your address with --contact.")
    return f"{AGENT}/{__version__}{contact}"


def _extractor(options: AttributesOptions, cache: Cache) -> Extractor:
    if options.llm == "none":
        return ByYake(options.language)
    chat = ChatModel(
        options.llm_url, options.llm_model, cache, caller=CALLER, timeout_s=options.llm_timeout_s
    )
    if not options.llm_model:
        say(f"The language model is {chat.name}.")
    return ByModel(chat)


def _show_plan(
    options: AttributesOptions,
    labels: Sequence[Label],
    sources: Sequence[TextSource],
    fetcher: Fetcher,
) -> None:
    for label in labels:
        for source in sources:
            place = source.plan(label.name if source.by_name else label.text)
            kept = " (kept on disk)" if "://" in place and fetcher.knows(place) else ""
            click.echo(printable(f"{label.name}: {place}{kept}"))
    if options.llm == "none":
        say(f"Then YAKE would take keywords for {len(labels)} labels; nothing was fetched.")
    else:
        say(
            f"Then pages that these lead to would be read, and {options.llm_url} be asked about "
            f"{len(labels)} labels with prompt {read_prompt().version}; nothing was fetched."
        )


def _report(options: AttributesOptions, outcome: Outcome, labels: int) -> bool:
    for short in outcome.shortfalls:
        why = "; ".join(short.reasons) or "no more were found"
        say(f"{short.name}: {short.found} of {WANTED} attributes; {why}.")
    full = labels - len(outcome.shortfalls)
    where = f"; the bank is {options.output}" if outcome.entries else "; no bank was written"
    say(f"{full} of {labels} labels have {WANTED} attributes{where}.")
    empty = [short.name for short in outcome.shortfalls if not short.found]
    if empty:
        shown = ", ".join(empty[:10]) + (" and others" if len(empty) > 10 else "")
        say(f"Left out, as nothing was found for them: {shown}.")
    return not empty


def open_sources(names: Sequence[str], fetcher: Fetcher, *, language: str) -> list[TextSource]:
    """Return the wikis, addresses with {label} and folders that the command line names."""
    found: list[TextSource] = []
    for name in dict.fromkeys(names):
        kind, _, host = name.partition("=")
        if kind in WIKIS:
            host = _wiki_host(kind, host or f"https://{language}.{kind}.org")
            fetcher.allow(host)
            found.append(
                Wikipedia(host, fetcher)
                if kind == "wikipedia"
                else Wiktionary(host, fetcher, language)
            )
        elif "://" in name:
            found.append(Pattern(name, fetcher))
        elif Path(name).is_dir():
            found.append(Folder(Path(name)))
        else:
            raise StzsarError(
                f"--source {name!r:.80} is neither wikipedia, nor wiktionary, nor a folder, nor an "
                "address such as https://host/{label}: name one of these."
            )
    return found


def _wiki_host(kind: str, host: str) -> str:
    try:
        return str(parse_url(host)).rstrip("/")
    except AddressError as error:
        raise StzsarError(
            f"--source {kind}=… cannot be asked, {error}: give it as {kind}=https://host."
        ) from error
