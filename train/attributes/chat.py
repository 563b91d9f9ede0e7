"""A language model behind an OpenAI-compatible endpoint: questions, and answers that are kept.

The key comes from the environment, goes into one header, and to the one host that was named:
redirects are not followed, and whatever a server sends back is rid of it before anybody sees it.
OPENAI_API_KEY is meant for one company's service and goes nowhere else.
"""

import json
import logging
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...runtime.errors import StzsarError
from .addresses import AddressError, WebAddress
from .cache import Cache
from .exchange import ExchangeError, Limits, Reply, exchange
from .fetch import AGENT, ATTEMPTS, retry_after_s, today, wait_before
from .prompt import Message

log = logging.getLogger(__name__)

KEY_VARIABLE = "STZSAR_LLM_KEY"
OPENAI_VARIABLE, OPENAI_HOST = "OPENAI_API_KEY", "api.openai.com"
MAX_TOKENS = 512
# Where that is too little: for models that think aloud first.
MAX_TOKENS_AT_LENGTH = 4096
_MAX_ANSWER_BYTES = 1 << 20
_SECRET_LENGTH = 8
_PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_REFUSES_PARAMETERS = {400, 404, 415, 422, 500, 501}
_REDIRECTS = {301, 302, 303, 307, 308}
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, RecursionError)


class ModelError(Exception):
    """No answer to one question; the message says why."""


class ModelAwayError(StzsarError):
    """Nobody answers, or refuses everything: the next question would fare no better."""


@dataclass(frozen=True)
class Answer:
    """What a model said, on which day (ISO), and whether it was cut off."""

    text: str
    date: str
    cut_off: bool = False


class ChatModel:
    """Asks one model; threads may share it.

    Attributes:
        model: its name.
    """

    def __init__(
        self, url: str, model: str | None, cache: Cache, *, timeout_s: float = 120.0
    ) -> None:
        """Check the address and, if no model is named, ask for the first one there is.

        Raises:
            StzsarError: the address is unusable, nobody answers, or there is no model.
        """
        self._base = url.rstrip("/").removesuffix("/chat/completions")
        self._address = _parse(f"{self._base}/chat/completions")
        self._key = _key(self._address)
        self._cache = cache
        self._limits = Limits(total_s=timeout_s, max_bytes=_MAX_ANSWER_BYTES)
        self._parameters = _Parameters()
        self._tokens = MAX_TOKENS
        self.model = model or self._first_model()

    @property
    def name(self) -> str:
        """The model's name, without the folder where llama.cpp found it on its machine."""
        is_path = self.model.startswith(("/", "\\")) or self.model[1:3] == ":\\"
        return re.split(r"[/\\]", self.model)[-1] if is_path else self.model

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Answer:
        """Return the answer to a conversation, from disk if it was given before.

        Args:
            messages: `role` and `content` of each.
            schema: of the JSON that is asked for; held to where the server can.

        Raises:
            ModelError: this question is not answered.
            ModelAwayError: none will be.
        """
        question = json.dumps([self._base, self.model, list(messages), schema], sort_keys=True)
        kept = self._cache.answer(question)
        if kept is not None and isinstance(kept.get("text"), str):
            return Answer(kept["text"], str(kept.get("date", "")))
        answer = self._whole(messages, schema)
        # Another run may have better luck than with nothing, or half of it.
        if answer.text.strip() and not answer.cut_off:
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
        while True:
            tried = self._parameters.now()
            body = {"model": self.model, "messages": list(messages), **tried.body(schema, tokens)}
            reply = self._patiently("POST", self._address, json.dumps(body).encode())
            if reply.status == 200:
                return self._read(reply)
            complaint = reply.body.decode("utf-8", "replace")
            known = tokens == MAX_TOKENS_AT_LENGTH  # only the limit is new
            if (
                known
                or reply.status not in _REFUSES_PARAMETERS
                or not self._parameters.less(tried, complaint)
            ):
                self._refused(reply)

    def _patiently(self, method: str, address: WebAddress, body: bytes | None) -> Reply:
        why, away = "", False
        for attempt in range(ATTEMPTS):
            asked_s, away = None, False
            try:
                reply = exchange(
                    method,
                    address,
                    headers=self._headers(),
                    body=body,
                    limits=self._limits,
                    private=True,
                )
                if reply.status not in _PASSING or (
                    reply.status == 500 and b"response_format" in reply.body
                ):
                    return reply
                why, asked_s = f"it answers {reply.status}", retry_after_s(reply.headers)
            except ExchangeError as error:
                why, away = str(error), error.away
                # A model that is too slow once is so again: the answer would be the same.
                if not error.passing or (not away and attempt > 0):
                    break
            wait_s = wait_before(attempt, asked_s)
            if wait_s is None:
                break
            log.debug("the language model: %s; waiting %.1f s", why, wait_s)
            time.sleep(wait_s)
        if away:
            raise ModelAwayError(
                f"No language model answers at {self._base} ({why}): start one there, name another "
                "with --llm-url, or take --llm none."
            )
        raise ModelError(f"the language model gave no answer, {why}")

    def _refused(self, reply: Reply) -> None:
        if reply.status in (401, 403):
            raise ModelAwayError(
                f"{self._base} refuses the key, it answers {reply.status}: put a valid one into "
                f"the environment's {KEY_VARIABLE}."
            )
        if reply.status in _REDIRECTS:
            raise ModelAwayError(
                f"{self._base} redirects elsewhere, where no key is sent: give the address that it "
                "leads to as --llm-url."
            )
        said = _short(self._without_key(_complaint(reply))) or f"it answers {reply.status}"
        if reply.status in (404, 405):
            raise ModelAwayError(
                f"{self._base} has no model {self.model!r}, or speaks no chat ({said}): give "
                "--llm-model, and an --llm-url that ends in /v1."
            )
        raise ModelError(f"the language model refuses the question ({reply.status}: {said})")

    def _read(self, reply: Reply) -> Answer:
        try:
            choice = json.loads(reply.body)["choices"][0]
            content = choice["message"].get("content") or choice["message"].get("refusal") or ""
            if isinstance(content, list):
                content = "".join(str(part.get("text", "")) for part in content)
            cut_off = choice.get("finish_reason") == "length"
        except (*_MALFORMED, AttributeError) as error:
            raise ModelError("the language model's server sends no chat completion") from error
        return Answer(self._without_key(str(content)), today(), cut_off)

    def _first_model(self) -> str:
        try:
            reply = self._patiently("GET", _parse(f"{self._base}/models"), None)
        except ModelError as error:
            raise ModelAwayError(f"{self._base} lists no models, {error}: give --llm-model.") from (
                error
            )
        if reply.status in (401, 403):
            self._refused(reply)
        try:
            return self._without_key(str(json.loads(reply.body)["data"][0]["id"]))
        except _MALFORMED as error:
            raise ModelAwayError(
                f"{self._base} lists no models (it answers {reply.status}): give --llm-model, and "
                "an --llm-url that ends in /v1."
            ) from error

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": AGENT}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return headers

    def _without_key(self, text: str) -> str:
        # Shorter ones ("none", "x") are for servers that want none, and are parts of words.
        return text.replace(self._key, "***") if len(self._key) >= _SECRET_LENGTH else text


@dataclass(frozen=True)
class _Tried:
    """The parameters that servers differ in."""

    form: str = "json_schema"
    limit: str = "max_tokens"
    temperature: bool = True

    def body(self, schema: Mapping[str, Any], tokens: int) -> dict[str, Any]:
        body: dict[str, Any] = {self.limit: tokens}
        if self.temperature:
            body["temperature"] = 0
        if self.form == "json_schema":
            named = {"name": "answer", "strict": True, "schema": dict(schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif self.form == "json_object with schema":
            body["response_format"] = {"type": "json_object", "schema": dict(schema)}
        elif self.form == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body


_LESS = {
    "json_schema": "json_object with schema",  # llama-cpp-python's and Together's form of it
    "json_object with schema": "json_object",
    "json_object": "none",
}


class _Parameters:
    """What the server is known to take; it is found out by its refusals."""

    def __init__(self) -> None:
        self._now = _Tried()
        self._lock = threading.Lock()

    def now(self) -> _Tried:
        return self._now

    def less(self, refused: _Tried, complaint: str) -> bool:
        """Ask for less than what was refused; False if nothing is left to leave out."""
        with self._lock:
            if self._now != refused:
                return True  # another thread found out
            said = complaint.lower()
            if "max_completion_tokens" in said and refused.limit == "max_tokens":
                self._now = _Tried(refused.form, "max_completion_tokens", refused.temperature)
            elif "temperature" in said and refused.temperature:
                self._now = _Tried(refused.form, refused.limit, temperature=False)
            elif refused.form in _LESS and "model" not in _code(said):
                self._now = _Tried(_LESS[refused.form], refused.limit, refused.temperature)
            return self._now != refused


def _code(said: str) -> str:
    """Return the code of an error, such as "model_not_found"."""
    try:
        error = json.loads(said).get("error")
        return str(error.get("code", "")) if isinstance(error, dict) else ""
    except (ValueError, AttributeError, RecursionError):
        return ""


def _complaint(reply: Reply) -> str:
    text = reply.body.decode("utf-8", "replace")
    try:
        error = json.loads(text).get("error")
        return str(error.get("message", text) if isinstance(error, dict) else error or text)
    except (ValueError, AttributeError, RecursionError):
        return text


def _short(text: str) -> str:
    """Return the beginning on one line; the key must be out, as a part of it would be shown."""
    return " ".join(text.split())[:200].rstrip(".")


def _key(address: WebAddress) -> str:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key and address.host == OPENAI_HOST and address.scheme == "https":
        key = os.environ.get(OPENAI_VARIABLE, "").strip()
    if key and not (key.isascii() and key.isprintable()):
        raise StzsarError(
            f"The environment's {KEY_VARIABLE} holds what no header can: copy the key again."
        )
    return key


def _parse(url: str) -> WebAddress:
    try:
        if urlsplit(url).query:
            raise AddressError("it has a query")
        return WebAddress.parse(url)
    except (AddressError, ValueError) as error:
        raise StzsarError(
            f"--llm-url cannot be asked, {error}: give http://host:port/v1, and the key in the "
            f"environment's {KEY_VARIABLE}."
        ) from error
