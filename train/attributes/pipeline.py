"""The pipeline over all labels: find text, extract, clean, ask again, record."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from typing import Any, TypeVar

from ...runtime.chat.model import ModelError
from ...runtime.errors import StzsarError
from ...runtime.labels.labels import Label
from .cleaning import Cleaned, clean
from .extraction import Extraction, Extractor, Passage
from .fetch import AwayError, FetchError
from .ordering import BundleEncoder, NoEncoder
from .rules import WANTED, CountTokens, Stemmer, Stems, shared_too_often
from .sources import Sense, TextSource

log = logging.getLogger(__name__)

ROUNDS = 3
# A page that breaks the code ends one label, not the run.
_SURPRISES = (ValueError, TypeError, LookupError, AttributeError)

Entry = dict[str, Any]
Progress = Callable[[str, int, int], None]
_Item = TypeVar("_Item")


@dataclass
class Work:
    label: Label
    passages: list[Passage] = field(default_factory=list)
    extractions: list[Extraction] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shortfall:
    """A label with fewer attributes than wanted: how many, and why."""

    name: str
    found: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """The bank's entries, in the labels' order, and the labels that fell short."""

    entries: list[Entry]
    shortfalls: list[Shortfall]


class Pipeline:
    """Makes attributes for labels; fetched pages and answers are kept by its parts."""

    def __init__(
        self,
        sources: Sequence[TextSource],
        extractor: Extractor,
        encoder: NoEncoder | BundleEncoder,
        stemmer: Stemmer,
        *,
        parallel: int = 4,
        progress: Progress | None = None,
    ) -> None:
        """Put the parts together; `progress` gets the step, and how many of the labels are done."""
        self._sources, self._extractor = sources, extractor
        self._encoder, self._stemmer = encoder, stemmer
        self._parallel = parallel
        self._progress = progress or (lambda _what, _done, _all: None)

    def make(self, labels: Sequence[Label]) -> Outcome:
        """Return the bank of `labels`; raise StzsarError if nothing more can be asked."""
        works = [Work(label) for label in labels]
        self._for_all("finding text and asking", self._begin, works)
        cleaned = self._cleaned(works)
        for round_number in range(1, ROUNDS if self._extractor.asks_again else 1):
            lacking = [
                (work, found)
                for work, found in zip(works, cleaned, strict=True)
                if work.extractions and len(found.kept) < WANTED
            ]
            if not lacking:
                break
            self._for_all(f"asking again ({round_number})", self._ask_again, lacking)
            cleaned = self._cleaned(works)
        return self._outcome(works, cleaned)

    def _begin(self, work: Work) -> None:
        self._find(work)
        for passage in work.passages:
            try:
                work.extractions.append(self._extractor.extract(work.label.name, passage))
            except ModelError as error:
                work.problems.append(str(error))

    def _find(self, work: Work) -> None:
        senses: list[Sense] = []
        away: list[str] = []
        for source in self._sources:
            try:
                senses += source.senses(work.label.name if source.by_name else work.label.text)
            except FetchError as error:
                work.problems.append(f"{source.name}: {error}")
                away += [str(error)] if isinstance(error, AwayError) else []
            except _SURPRISES:
                log.debug("%s: %s", source.name, work.label.name, exc_info=True)
                work.problems.append(f"{source.name}: its page cannot be read")
        if away and len(away) == len(self._sources):
            raise StzsarError(
                f"No site can be reached ({'; '.join(dict.fromkeys(away))}): check the network, or "
                "give a folder with --source."
            )
        if not senses:
            return
        chosen, how = [0], None
        if len(senses) > 1:
            chosen, how = self._extractor.choose(work.label.name, senses)
            if not chosen:
                work.problems.append(f"none of {len(senses)} senses is about it, {how}")
        for index in chosen:
            self._read(work, senses, index, how)

    def _read(self, work: Work, senses: Sequence[Sense], index: int, how: str | None) -> None:
        sense = senses[index]
        said = how and f"{sense.title}: {sense.gloss} (of {len(senses)}, {how})"
        try:
            work.passages.append(Passage(sense.place, sense.text(), said))
        except FetchError as error:
            work.problems.append(f"{sense.place}: {error}")
        except _SURPRISES:
            log.debug("%s", sense.place, exc_info=True)
            work.problems.append(f"{sense.place}: its page cannot be read")

    def _ask_again(self, lacking: tuple[Work, Cleaned]) -> None:
        work, found = lacking
        last = work.extractions[-1]
        words = [candidate.words for candidate in found.kept]
        known = f'"{", ".join(words)}" are there already' if words else ""
        problems = "; ".join(filter(None, [*found.complaints, known]))
        try:
            work.extractions.append(
                self._extractor.extract_again(
                    work.label.name, last, problems, WANTED - len(found.kept)
                )
            )
        except ModelError as error:
            work.problems.append(str(error))

    def _cleaned(self, works: Sequence[Work]) -> list[Cleaned]:
        count: CountTokens = self._encoder.tokens
        each = [clean(work.label.name, work.extractions, self._stemmer, count) for work in works]
        often: set[Stems] = shared_too_often(found.stems for found in each)
        return [found.without(often) for found in each]

    def _outcome(self, works: Sequence[Work], cleaned: Sequence[Cleaned]) -> Outcome:
        pairs = list(zip(works, cleaned, strict=True))
        names = {work.label.name: [c.words for c in found.kept] for work, found in pairs}
        self._progress("ordering", 0, 1)
        ordered = self._encoder.ordered([work.label for work in works], names)
        entries, shortfalls = [], []
        for work, found in pairs:
            best = ordered[work.label.name][:WANTED]
            if best:
                entries.append(self._entry(work, found, best))
            if len(best) < WANTED:
                reasons = tuple(dict.fromkeys([*work.problems, *found.complaints]))
                shortfalls.append(Shortfall(work.label.name, len(best), reasons))
        return Outcome(entries, shortfalls)

    def _entry(self, work: Work, found: Cleaned, best: Sequence[str]) -> Entry:
        label = work.label
        entry: Entry = {"label": label.name}
        if label.text != label.name:
            entry["text"] = label.text
        extraction_of = {candidate.words: candidate.extraction for candidate in found.kept}
        records = []
        for number, extraction in enumerate(work.extractions):
            own = [words for words in best if extraction_of[words] == number]
            if own:
                record = {
                    "source": extraction.passage.place,
                    "attributes": own,
                    "date": extraction.date,
                    "model": self._extractor.model,
                    "prompt": self._extractor.prompt,
                    "sense": extraction.passage.sense,
                }
                records.append({key: value for key, value in record.items() if value is not None})
        return {**entry, "attributes": list(best), "source": records}

    def _for_all(self, what: str, work: Callable[[_Item], None], items: Sequence[_Item]) -> None:
        """Call `work` for each item; the first error ends everything.

        The threads of this pool are daemons, unlike those of concurrent.futures: after Ctrl-C or
        an error, nobody waits for an answer that takes two minutes.
        """
        self._progress(what, 0, len(items))
        with ThreadPool(self._parallel) as pool:
            for done, _ in enumerate(pool.imap_unordered(work, items), 1):
                self._progress(what, done, len(items))
