"""A second look by a language model that sees: a question with pictures of the event."""

import base64
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..chat.answers import said, values_in
from ..chat.model import Caller, ChatModel, ModelAwayError, ModelError, key_for
from ..errors import StzsarError
from ..events.stills import encoded
from ..preprocessing.opencv import load_cv2
from ..results import Verdict
from .judge import Array, Question

CALLER = Caller("stzsar-run", "--verify-llm", "--verify-model")
LONGEST_SIDE_PX = 768
_MAX_SENTENCE = 300
_SYSTEM = (
    "You check what a camera has reported before anybody is told. Answer with JSON: "
    '{"answer": "yes" or "no", "sentence": one short sentence that says what is to be seen}. '
    "Answer yes only if the pictures show it."
)
_SCHEMA = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "enum": ["yes", "no"]},
        "sentence": {"type": "string", "maxLength": _MAX_SENTENCE},
    },
    "required": ["answer", "sentence"],
    "additionalProperties": False,
}
# A word of its own: "no idea" and "no clear view" are no answer.
_PLAIN = re.compile(r"\W*(yes|no)(?:\s*[^\w\s]\W*|\s*\n\s*|\s*\Z)(.*)", re.DOTALL | re.IGNORECASE)


class ModelJudge:
    """Asks a model whether pictures show an action.

    Attributes: see `judge.Judge`.
    """

    back_s: Sequence[float] = (2.4, 1.6, 0.8, 0.0)

    def __init__(self, url: str, model: str | None, *, timeout_s: float) -> None:
        """Check the address; nobody is asked yet, since a run begins whoever is away.

        Raises:
            StzsarError: the address cannot be asked, or the key cannot be sent.
        """
        key_for(url, CALLER)
        self.name = model or "language model"
        self._open = partial(ChatModel, url, model, None, caller=CALLER, timeout_s=timeout_s)
        self._model: ChatModel | None = None

    def judge(self, question: Question) -> Verdict:
        """Ask about some pictures of the event."""
        try:
            if self._model is None:
                self._model = self._open()
                self.name = self._model.name
            answer = self._model.ask(messages_of(question), _SCHEMA)
        except (ModelError, ModelAwayError, StzsarError) as error:
            return Verdict("unverified", self.name, said=str(error))
        return verdict_of(answer.text, self.name)


def messages_of(question: Question) -> list[dict[str, Any]]:
    """Return what a model is asked: words, and pictures as data URLs."""
    seconds = question.pictures[-1].time_s - question.pictures[0].time_s
    text = (
        f"{len(question.pictures)} pictures of {seconds:.1f} seconds, oldest first. "
        f"Do they show this: {question.label}?"
    )
    content: list[dict[str, Any]] = [{"type": "text", "text": text}]
    for image in question.images():
        data = base64.b64encode(encoded(_smaller(image))).decode()
        content.append(
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
        )
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": content}]


def verdict_of(text: str, by: str) -> Verdict:
    """Read an answer, leniently; what is neither yes nor no is unverified."""
    text = said(text)
    for value in values_in(text):
        if isinstance(value, dict):
            word = str(value.get("answer", "")).strip().lower()
            sentence = str(value.get("sentence", ""))
            if word in ("yes", "no"):
                return Verdict("yes" if word == "yes" else "no", by, said=_one_line(sentence))
    if found := _PLAIN.match(text):
        answer = "yes" if found[1].lower() == "yes" else "no"
        return Verdict(answer, by, said=_one_line(found[2]))
    return Verdict("unverified", by, said=f"an odd answer: {_one_line(text) or 'nothing'}")


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_MAX_SENTENCE]


def _smaller(image_hwc: Array) -> Array:
    height, width = image_hwc.shape[:2]
    share = LONGEST_SIDE_PX / max(height, width)
    if share >= 1:
        return image_hwc
    cv2 = load_cv2()
    size_wh = max(1, round(width * share)), max(1, round(height * share))
    return cv2.resize(image_hwc, size_wh, interpolation=cv2.INTER_AREA)
