"""Asks a language model behind an OpenAI-compatible endpoint; answers may be kept.

The key comes from the environment, goes into one header, and only to the host that was named:
redirects are not followed, and answers are cleared of it before anybody sees them. OPENAI_API_KEY
is for one company's service and goes nowhere else.
"""

import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

import httpx2

from ..errors import StzsarError
from .addresses import AddressError, parse_url
from .transport import GuardedTransport, Limits, NoAnswerError

if TYPE_CHECKING:
    import openai

KEY_VARIABLE = "STZSAR_LLM_KEY"
OPENAI_VARIABLE, OPENAI_HOST = "OPENAI_API_KEY", "api.openai.com"
MAX_TOKENS = 512
# Where that is too little: for models that think aloud first.
MAX_TOKENS_AT_LENGTH = 4096
_RETRIES = 3
_MAX_ANSWER_BYTES = 1 << 20
_SECRET_LENGTH = 8
_MAX_NAME, _MAX_COMPLAINT = 100, 200
# OpenAI's client adds headers from OPENAI_* variables, and others about this machine.
_OUR_HEADERS = {"host", "accept", "accept-encoding", "content-type", "content-length"}
# The client hands on what is not JSON, or JSON of another form, as it comes.
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_REFUSES_PARAMETERS = {400, 404, 415, 422, 500, 501}
_FORMS = (
    lambda schema: {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    },
    lambda schema: {"type": "json_object", "schema": schema},  # llama-cpp-python, Together
    lambda _schema: {"type": "json_object"},
    lambda _schema: None,
)


class ModelError(Exception):
    """No answer to one question; the message says why."""


class ModelAwayError(StzsarError):
    """Nobody answers, or refuses everything: the next question would fare no better."""


Message = Mapping[str, Any]


@dataclass(frozen=True)
class Caller:
    """Who asks: in a server's log, and in messages."""

    agent: str  # what servers are told
    url_option: str  # names the address
    model_option: str  # names the model
    instead: str = ""  # what else may be done where nobody answers, after a comma


class AnswerCache(Protocol):
    """Keeps answers by their questions."""

    def answer(self, question: str) -> Mapping[str, Any] | None:
        """Return the kept answer as `Answer`'s fields."""
        ...

    def keep_answer(self, question: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer."""
        ...


@dataclass(frozen=True)
class Answer:
    """What a model said, on which day (ISO), and whether it was cut off."""

    text: str
    date: str
    cut_off: bool = False


class ChatModel:
    """Asks one model; threads may share it."""

    def __init__(
        self,
        url: str,
        model: str | None,
        cache: AnswerCache | None,
        *,
        caller: Caller,
        timeout_s: float = 120.0,
    ) -> None:
        """Check the address and, if no model is named, take the first that the server lists.

        Raises:
            StzsarError: the address is unusable, nobody answers, or there is no model.
        """
        import openai

        self._base = url.rstrip("/").removesuffix("/chat/completions")
        self._key = key_for(self._base, caller)
        self._cache, self._caller = cache, caller
        limits = Limits(total_s=timeout_s, max_bytes=_MAX_ANSWER_BYTES)
        self._client = openai.OpenAI(
            base_url=self._base,
            api_key="unused",  # `_only_our_headers` adds the real one
            max_retries=_RETRIES,
            http_client=httpx2.Client(
                transport=_ChatTransport(limits, private=True),
                event_hooks={"request": [self._only_our_headers]},
                trust_env=False,
            ),
        )
        self._accepted = _Parameters()
        self._lock = threading.Lock()
        self._tokens = MAX_TOKENS
        self.model = model or self._first_model()

    @property
    def name(self) -> str:
        """The model's name, without the folder where llama.cpp found it on its machine."""
        is_path = self.model.startswith(("/", "\\")) or self.model[1:3] == ":\\"
        name = re.split(r"[/\\]", self.model)[-1] if is_path else self.model
        return _one_line(name, _MAX_NAME)

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Answer:
        """Return the answer to a conversation, from disk if it was given before.

        The server enforces `schema`, of the JSON to answer with, where it can.

        Raises:
            ModelError: this question is not answered.
            ModelAwayError: none will be.
        """
        question = json.dumps([self._base, self.model, list(messages), schema], sort_keys=True)
        if self._cache and (kept := self._cache.answer(question)):
            return Answer(**kept)
        answer = self._whole(messages, schema)
        # Another run may have better luck than with nothing, or half of it.
        if self._cache and answer.text.strip() and not answer.cut_off:
            self._cache.keep_answer(question, {"text": answer.text, "date": answer.date})
        return answer

    def _whole(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Answer:
        """Ask, and once more with a higher limit if that cut the answer off."""
        tokens = self._tokens
        answer = self._asked(messages, schema, tokens)
        if not answer.cut_off or tokens == MAX_TOKENS_AT_LENGTH:
            return answer
        try:
            longer = self._asked(messages, schema, MAX_TOKENS_AT_LENGTH)
        except ModelError:  # too slow, or more than the model can
            return answer
        if not longer.cut_off:
            self._tokens = MAX_TOKENS_AT_LENGTH
        return longer

    def _asked(self, messages: Sequence[Message], schema: Mapping[str, Any], tokens: int) -> Answer:
        import openai

        completions: Any = self._client.chat.completions  # servers differ from its types
        while True:
            tried = self._accepted
            body = {"messages": list(messages), **tried.body(schema, tokens)}
            try:
                return self._read(completions.create(model=self.model, **body))
            except openai.APIStatusError as error:
                # With the higher limit that alone is new, so that is what is refused.
                if tokens == MAX_TOKENS_AT_LENGTH or not self._reduce(tried, error):
                    raise self._failure(error) from error
            except openai.APIError as error:
                raise self._failure(error) from error
            except _MALFORMED as error:
                raise ModelError("the language model's server sends no chat completion") from error

    def _reduce(self, tried: "_Parameters", error: "openai.APIStatusError") -> bool:
        """Leave out the parameter that was refused; return False if there is none."""
        with self._lock:
            if self._accepted == tried and error.status_code in _REFUSES_PARAMETERS:
                self._accepted = tried.reduced(error)
            return self._accepted != tried  # perhaps another thread found out

    def _failure(self, error: "openai.APIError") -> "ModelError | ModelAwayError":
        """Return what an error of the client means for this question, or for all."""
        import openai

        if not isinstance(error, openai.APIStatusError):
            why = error.__cause__ or error
            if not isinstance(why, NoAnswerError) or not why.away:
                return ModelError(f"the language model gave no answer, {why}")
            return ModelAwayError(
                f"No language model answers at {self._base} ({why}): start one there, or name "
                f"another with {self._caller.url_option}{self._caller.instead}."
            )
        status, said = error.status_code, self._shown(_complaint(error))
        if status in (401, 403):
            return ModelAwayError(
                f"{self._base} refuses the key, it answers {status}: put a valid one into the "
                f"environment's {KEY_VARIABLE}."
            )
        if error.response.has_redirect_location:
            return ModelAwayError(
                f"{self._base} redirects elsewhere, where no key is sent: give the address that it "
                f"leads to as {self._caller.url_option}."
            )
        if status in (404, 405):
            return ModelAwayError(
                f"{self._base} has no model {self.name!r}, or offers no chat ({said}): give "
                f"{self._where}."
            )
        if status == 429 or status >= 500:
            return ModelError(f"the language model gave no answer, it answers {status}")
        return ModelError(f"the language model refuses the question ({status}: {said})")

    def _read(self, completion: Any) -> Answer:
        choice = completion.choices[0]
        content = choice.message.content or choice.message.refusal or ""
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content)
        return Answer(self._without_key(str(content)), today(), choice.finish_reason == "length")

    def _first_model(self) -> str:
        import openai

        why: object
        try:
            return self._without_key(str(self._client.models.list().data[0].id))
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                raise self._failure(error) from error
            why = f"it answers {error.status_code}"
        except openai.APIError as error:
            why = self._failure(error)
            if isinstance(why, ModelAwayError):
                raise why from error
        except ModelError as error:
            why = error
        except _MALFORMED:
            why = "its answer is not a list of models"
        raise ModelAwayError(f"{self._base} lists no models ({why}): give {self._where}.")

    @property
    def _where(self) -> str:
        return f"{self._caller.model_option}, and a {self._caller.url_option} that ends in /v1"

    def _only_our_headers(self, request: httpx2.Request) -> None:
        for name in set(request.headers) - _OUR_HEADERS:
            del request.headers[name]
        request.headers["User-Agent"] = self._caller.agent
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"

    def _shown(self, text: str) -> str:
        """Return the beginning on one line; the key goes first, as a part of it could stay."""
        return _one_line(self._without_key(text), _MAX_COMPLAINT).rstrip(".")

    def _without_key(self, text: str) -> str:
        # Shorter ones ("none", "x") are for servers that want none, and are parts of words.
        return text.replace(self._key, "***") if len(self._key) >= _SECRET_LENGTH else text


class _ChatTransport(GuardedTransport):
    """Ends a question that gets no answer in time: the client would repeat it, as slowly."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return super().handle_request(request)
        except NoAnswerError as error:
            if error.away or (error.may_pass and not error.is_slow):
                raise
            raise ModelError(f"the language model gave no answer, {error}") from error


@dataclass(frozen=True)
class _Parameters:
    """The parameters that servers differ in, and which of them this one accepts so far."""

    form: int = 0
    limit: str = "max_tokens"
    temperature: bool = True

    def body(self, schema: Mapping[str, Any], tokens: int) -> dict[str, Any]:
        form = _FORMS[self.form](dict(schema))
        return (
            {self.limit: tokens}
            | ({"temperature": 0} if self.temperature else {})
            | ({"response_format": form} if form else {})
        )

    def reduced(self, error: "openai.APIStatusError") -> "_Parameters":
        said = str(error.body).lower()
        if "max_completion_tokens" in said and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if "temperature" in said and self.temperature:
            return replace(self, temperature=False)
        if self.form + 1 < len(_FORMS) and "model" not in str(error.code):
            return replace(self, form=self.form + 1)
        return self


def _one_line(text: str, longest: int) -> str:
    """Return what a server said, which may be anything, as it may be stored and shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:longest]


def today() -> str:
    """Return the date in UTC, ISO."""
    return datetime.now(timezone.utc).date().isoformat()


def _complaint(error: "openai.APIStatusError") -> str:
    """Return what the server said, without the client's words around it."""
    body = error.body
    return str(body.get("message") or body) if isinstance(body, dict) else str(body or "no reason")


def key_for(base: str, caller: Caller) -> str:
    """Return the key for an address, from the environment; empty if there is none.

    Raises:
        StzsarError: the address cannot be asked, or the key cannot be sent.
    """
    try:
        url = parse_url(base)
        if url.query:
            raise AddressError("it has a query")
    except AddressError as error:
        raise StzsarError(
            f"{caller.url_option} cannot be asked, {error}: give http://host:port/v1, and the key "
            f"in the environment's {KEY_VARIABLE}."
        ) from error
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key and url.host == OPENAI_HOST and url.scheme == "https":
        key = os.environ.get(OPENAI_VARIABLE, "").strip()
    if key and not (key.isascii() and key.isprintable()):
        raise StzsarError(
            f"The environment's {KEY_VARIABLE} holds what no header can: copy the key again."
        )
    return key
