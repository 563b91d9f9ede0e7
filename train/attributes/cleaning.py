"""What stays of the words that were taken for one label, and what was wrong with the others."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .extraction import Take
from .rules import CountTokens, Stemmer, Stems, complaint, foreign_alphabet, tidy

# Of an answer that is about the text, at least this part has a word in common with it.
_FROM_THE_TEXT = 0.25
_MAX_COMPLAINTS = 12


@dataclass(frozen=True)
class Candidate:
    """An attribute that may be: its words, their stems, and the number of the take it is from."""

    words: str
    stems: Stems
    take: int


@dataclass(frozen=True)
class Settled:
    """The candidates of a label, in the order they came in, and complaints about the rest."""

    kept: tuple[Candidate, ...]
    complaints: tuple[str, ...]

    @property
    def stems(self) -> list[Stems]:
        """The candidates' stems."""
        return [candidate.stems for candidate in self.kept]

    def without(self, stems: Collection[Stems]) -> "Settled":
        """Return it without the candidates that too many labels have."""
        gone = [candidate for candidate in self.kept if candidate.stems in stems]
        said = tuple(
            f'"{candidate.words}" is named for too many other labels' for candidate in gone
        )
        kept = tuple(candidate for candidate in self.kept if candidate.stems not in stems)
        return Settled(kept, (self.complaints + said)[:_MAX_COMPLAINTS])


def settle(
    label: str, takes: Sequence[Take], stemmer: Stemmer, count_tokens: CountTokens
) -> Settled:
    """Return what the rules leave of `takes`, each label by itself."""
    kept: dict[Stems, Candidate] = {}
    complaints: dict[str, None] = {}
    for number, take in enumerate(takes):
        if not take.words:
            complaints["it was cut off" if take.cut_off else "it holds no list of keywords"] = None
            continue
        if not _is_about(take, stemmer):
            complaints["its keywords are not in the text's language, or of another topic"] = None
            continue
        for said in take.words:
            words = tidy(said)
            why = complaint(words, label, stemmer, count_tokens) or (
                "is in another alphabet" if foreign_alphabet(words, label + take.passage.text)
                else None
            )  # fmt: skip
            stems = stemmer.of(words) if why is None else frozenset()
            if why is None and stems in kept and number == kept[stems].take:
                why = "is there twice"
            if why is not None:
                complaints[f'"{words[:40]}" {why}'] = None
            elif stems not in kept:
                kept[stems] = Candidate(words, stems, number)
    return Settled(tuple(kept.values()), tuple(complaints)[:_MAX_COMPLAINTS])


def _is_about(take: Take, stemmer: Stemmer) -> bool:
    """Say whether enough of the words have to do with the text that they were taken from."""
    text = stemmer.of(take.passage.text)
    found = sum(bool(stemmer.of(words) & text) for words in take.words)
    return found >= _FROM_THE_TEXT * len(take.words)
