"""Extracts words from a text, with a language model or by YAKE."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Protocol

from ...runtime.chat.model import Answer, ChatModel, ModelError, today
from .answers import entries_of, keywords_of
from .prompt import Message, entries_schema, keywords_schema, read_prompt
from .rules import MAX_WORDS, WANTED
from .sources import Sense

# About a thousand tokens: small models read little, and an article starts with what matters.
MAX_TEXT_CHARACTERS = 4000
MAX_CHOSEN = 2
_YAKE_WORDS = 40
# Enough for statistics; a whole book would take minutes.
_MAX_COUNTED_CHARACTERS = 50_000
_SHOWN_SENSES = 40
_MAX_PROBLEM_CHARACTERS = 600


@dataclass(frozen=True)
class Passage:
    place: str  # URL or file
    text: str  # the text
    sense: str | None = None  # its sense of several, and who chose it; None if there was no choice


@dataclass(frozen=True)
class Extraction:
    """The words that one answer found in a passage."""

    passage: Passage  # the passage
    words: tuple[str, ...]  # as the answer has them
    date: str  # ISO
    raw: str = ""  # the whole answer
    cut_off: bool = False  # whether the answer ended too soon


class Extractor(Protocol):
    """Extracts words from texts; several threads may use one."""

    model: str  # the name that the bank gives
    prompt: str | None  # the version of the prompt, if there is one
    asks_again: bool  # whether another question may bring other words

    def choose(self, label: str, senses: Sequence[Sense], /) -> tuple[list[int], str]:
        """Return which of `senses` are about the action, and how that was decided."""
        ...

    def extract(self, label: str, passage: Passage, /) -> Extraction:
        """Return the words of a passage; raise ModelError if there is no answer."""
        ...

    def extract_again(
        self, label: str, last: Extraction, problems: str, count: int, /
    ) -> Extraction:
        """Return `count` other words that avoid `problems`; raise ModelError without an answer."""
        ...


class ByModel(Extractor):
    asks_again = True

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat
        self._prompt = read_prompt()
        self.model = chat.name
        self.prompt: str | None = self._prompt.version

    def choose(self, label: str, senses: Sequence[Sense]) -> tuple[list[int], str]:
        """Ask which senses fit an action in a video; take the first without a usable answer."""
        shown = senses[:_SHOWN_SENSES]
        lines = [f"{n}. {sense.title}: {sense.gloss}" for n, sense in enumerate(shown, 1)]
        messages = self._prompt.opened(
            "senses", label=label, senses="\n".join(lines), count=MAX_CHOSEN
        )
        try:
            answer = self._chat.ask(messages, entries_schema(len(shown), MAX_CHOSEN))
        except ModelError:
            return [0], "the first, as the language model did not answer"
        numbers = entries_of(answer.text, len(shown))
        if numbers is None:
            return [0], f"the first, as {self.model} made no choice"
        return [number - 1 for number in numbers[:MAX_CHOSEN]], f"chosen by {self.model}"

    def extract(self, label: str, passage: Passage) -> Extraction:
        answer = self._chat.ask(self._opened(label, passage), keywords_schema(WANTED))
        return _extraction(passage, answer)

    def extract_again(self, label: str, last: Extraction, problems: str, count: int) -> Extraction:
        again = self._prompt.filled(
            "again", label=label, problems=problems[:_MAX_PROBLEM_CHARACTERS], count=count
        )
        messages = [
            *self._opened(label, last.passage),
            {"role": "assistant", "content": last.raw[:MAX_TEXT_CHARACTERS] or "{}"},
            {"role": "user", "content": again},
        ]
        return _extraction(last.passage, self._chat.ask(messages, keywords_schema(count)))

    def _opened(self, label: str, passage: Passage) -> list[Message]:
        text = passage.text[:MAX_TEXT_CHARACTERS]
        return self._prompt.opened("keywords", label=label, text=text, count=WANTED)


class ByYake(Extractor):
    asks_again = False

    def __init__(self, language: str) -> None:
        self._language = language
        self.model, self.prompt = f"none (YAKE {version('yake')})", None

    def choose(self, _label: str, _senses: Sequence[Sense], /) -> tuple[list[int], str]:
        """Take the first, as nothing here understands them."""
        return [0], "the first, without a language model"

    def extract(self, _label: str, passage: Passage, /) -> Extraction:
        """Return the best keywords; of "lane" and "wooden lane" only the better one."""
        import yake

        extractor = yake.KeywordExtractor(lan=self._language, n=MAX_WORDS, top=_YAKE_WORDS)
        taken: list[str] = []
        for words, _ in extractor.extract_keywords(passage.text[:_MAX_COUNTED_CHARACTERS]):
            own = set(words.casefold().split())
            others = [set(other.casefold().split()) for other in taken]
            if not any(own <= other or other <= own for other in others):
                taken.append(words)
        return Extraction(passage, tuple(taken), today())

    def extract_again(
        self, _label: str, _last: Extraction, _problems: str, _count: int, /
    ) -> Extraction:
        """Raise ModelError: the same text has the same keywords."""
        raise ModelError("there is no language model to ask again")


def _extraction(passage: Passage, answer: Answer) -> Extraction:
    words = tuple(keywords_of(answer.text))
    return Extraction(passage, words, answer.date, answer.text, answer.cut_off)
