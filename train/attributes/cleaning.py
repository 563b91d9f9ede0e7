"""Applies the rules to the words of one label: what stays, and what is wrong with the rest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .extraction import Extraction
from .rules import CountTokens, Stemmer, Stems, complaint, foreign_alphabet, tidy

# An answer about the text shares a word with it in at least this part of its keywords.
_FROM_THE_TEXT = 0.25
_MAX_COMPLAINTS = 12


@dataclass(frozen=True)
class Candidate:
    """A possible attribute: its words, their stems, and the number of its extraction."""

    words: str
    stems: Stems
    extraction: int


@dataclass(frozen=True)
class Cleaned:
    """The candidates of a label in their first order, and complaints about the rest."""

    kept: tuple[Candidate, ...]
    complaints: tuple[str, ...]

    @property
    def stems(self) -> list[Stems]:
        return [candidate.stems for candidate in self.kept]

    def without(self, stems: Collection[Stems]) -> "Cleaned":
        """Return a copy without the candidates that too many labels share."""
        gone = [candidate for candidate in self.kept if candidate.stems in stems]
        said = tuple(f'"{candidate.words}" belongs to too many other labels' for candidate in gone)
        kept = tuple(candidate for candidate in self.kept if candidate.stems not in stems)
        return Cleaned(kept, (self.complaints + said)[:_MAX_COMPLAINTS])


def clean(
    label: str, extractions: Sequence[Extraction], stemmer: Stemmer, count_tokens: CountTokens
) -> Cleaned:
    """Return what the rules leave of one label's words."""
    kept: dict[Stems, Candidate] = {}
    complaints: dict[str, None] = {}
    for number, extraction in enumerate(extractions):
        if not extraction.words:
            complaints[
                "it was cut off" if extraction.cut_off else "it holds no list of keywords"
            ] = None
            continue
        if not _is_about(extraction, stemmer):
            complaints["its keywords are not in the text's language, or of another topic"] = None
            continue
        for said in extraction.words:
            words = tidy(said)
            why = complaint(words, label, stemmer, count_tokens) or (
                "is in another alphabet" if foreign_alphabet(words, label + extraction.passage.text)
                else None
            )  # fmt: skip
            stems = stemmer.of(words) if why is None else frozenset()
            if why is None and stems in kept and number == kept[stems].extraction:
                why = "is there twice"
            if why is not None:
                complaints[f'"{words[:40]}" {why}'] = None
            elif stems not in kept:
                kept[stems] = Candidate(words, stems, number)
    return Cleaned(tuple(kept.values()), tuple(complaints)[:_MAX_COMPLAINTS])


def _is_about(extraction: Extraction, stemmer: Stemmer) -> bool:
    """Say whether enough of the words have something to do with their text."""
    text = stemmer.of(extraction.passage.text)
    found = sum(bool(stemmer.of(words) & text) for words in extraction.words)
    return found >= _FROM_THE_TEXT * len(extraction.words)
