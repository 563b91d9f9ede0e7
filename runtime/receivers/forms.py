"""A message as the body of a post, in the form that its receiver knows.

json      the message, as `results.schema.json` describes it
ntfy      text to a topic of ntfy, whose title and priority are in the query
slack     {"text": …}, which Mattermost, Rocket.Chat and others take too
discord   {"content": …}

A still is attached (a file of the post), in the JSON as base64, or linked: the base of an address,
behind which the folder of kept events can be fetched.
"""

import base64
import dataclasses
import html
import json
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit

from ..duty import why_off
from ..errors import StzsarError
from ..messages import Priority
from ..results import (
    ActionEvent,
    Duty,
    Message,
    Overload,
    Recognition,
    StreamState,
    place_of,
    to_json,
)
from ..sinks.stills import Still

Form = Literal["json", "ntfy", "slack", "discord"]
FORMS: tuple[Form, ...] = ("json", "ntfy", "slack", "discord")
# How each form may have a still, beside a link.
_STILLS: dict[Form, tuple[str, ...]] = {
    "json": ("attached", "base64"),
    "ntfy": ("attached",),
    "slack": (),
    "discord": ("attached",),
}
_NTFY: dict[Priority | None, int] = {None: 3, "low": 2, "normal": 3, "high": 4, "urgent": 5}
_STILL_NAME = "still.jpg"


@dataclass(frozen=True)
class Body:
    """What is posted.

    Attributes:
        data: the body.
        content_type: its type.
        query: what the address gets besides; empty for most.
    """

    data: bytes
    content_type: str = "application/json; charset=utf-8"
    query: str = ""


def check_still(form: Form, still: str | None) -> None:
    """Refuse a way to send stills that a form does not have.

    Raises:
        StzsarError: it is none of "attached", "base64" and an address, or not for this form.
    """
    if still is None or still in _STILLS[form] or is_link(still):
        return
    ways = [*_STILLS[form], "an address behind which the folder of --events is served"]
    raise StzsarError(
        f"A still cannot be sent as {still if still.isalnum() else 'this'!r:.40} in the form "
        f"{form}: give {' or '.join(ways)}."
    )


def is_link(still: str) -> bool:
    """Say whether it is the base of addresses of stills."""
    try:
        parts = urlsplit(still)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def body_of(message: Message, form: Form, *, still: Still | None, how: str | None) -> Body:
    """Return the body of a post.

    Args:
        message: what is told.
        form: how its receiver wants it.
        still: its picture, where there is one.
        how: "attached", "base64", or the base of addresses.
    """
    link = None
    if still and how and is_link(how):
        link, still = f"{how.rstrip('/')}/{quote(still.name)}", None
    attached = still.jpeg if still and how == "attached" else None
    if form == "json":
        if isinstance(message, ActionEvent):
            in_base64 = base64.b64encode(still.jpeg).decode() if still and not attached else None
            message = dataclasses.replace(message, still=in_base64, still_url=link)
        return _json(message, attached)
    title, text = words_of(message)
    if form == "ntfy":
        priority = _NTFY[message.priority if isinstance(message, ActionEvent) else None]
        return _ntfy(title, text, priority, attached, link)
    if form == "slack":
        return _slack(f"{title}\n{text}", link)
    return _discord(f"{title}\n{text}", attached, link)


def words_of(message: Message) -> tuple[str, str]:
    """Return a title, and what there is to say, for people."""
    match message:
        case ActionEvent():
            best = f"at best {message.peak:.0%}"
            when = {
                "start": f"{_moment(message)}, {message.peak:.0%}",
                "repeat": f"It goes on, for {_length(message.duration_s)} now, {best}",
                "end": f"It ended after {_length(message.duration_s)}, {best}",
            }[message.event]
            return f"{place_of(message)}: {message.label}", when
        case Recognition():
            return f"{place_of(message)}: {message.label}", f"{message.score:.0%}"
        case StreamState():
            return f"{message.source}: {message.state}", message.reason or "The stream's state."
        case Duty():
            why = why_off(message)
            return message.source, f"It makes no events: {why}." if why else "It makes events."
        case Overload():
            return "stzsar", f"{message.share:.0%} of the sampling rate is possible."


def _moment(event: ActionEvent) -> str:
    if event.time is None:
        return f"At {event.time_s:.1f} s"
    return f"At {time.strftime('%H:%M:%S', time.localtime(event.time))}"


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _json(message: Message, attached: bytes | None) -> Body:
    data = to_json(message).encode("utf-8", errors="backslashreplace")
    return Body(data) if attached is None else _parts("message", data, "still", attached)


def _ntfy(title: str, text: str, priority: int, attached: bytes | None, link: str | None) -> Body:
    query = {"title": title, "priority": priority}
    if attached is not None:
        named = {**query, "message": text, "filename": _STILL_NAME}
        return Body(attached, "image/jpeg", _query(named))
    return Body(
        text.encode("utf-8", errors="replace"),
        "text/plain; charset=utf-8",
        _query({**query, "attach": link} if link else query),
    )


def _slack(text: str, link: str | None) -> Body:
    # A name in angle brackets would call everybody.
    text = html.escape(text, quote=False)
    document: dict[str, Any] = {"text": text}
    if link:
        section = {"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}}
        document["blocks"] = [section, {"type": "image", "image_url": link, "alt_text": "still"}]
    return Body(_dumped(document))


def _discord(text: str, attached: bytes | None, link: str | None) -> Body:
    document: dict[str, Any] = {"content": text[:2000], "allowed_mentions": {"parse": []}}
    if attached is not None or link:
        document["embeds"] = [{"image": {"url": link or f"attachment://{_STILL_NAME}"}}]
    if attached is None:
        return Body(_dumped(document))
    return _parts("payload_json", _dumped(document), "files[0]", attached)


def _parts(name: str, document: bytes, file_name: str, jpeg: bytes) -> Body:
    from urllib3 import encode_multipart_formdata
    from urllib3.fields import RequestField

    message, file = RequestField(name, document), RequestField(file_name, jpeg, _STILL_NAME)
    message.make_multipart(content_type="application/json")
    file.make_multipart(content_type="image/jpeg")
    return Body(*encode_multipart_formdata([message, file]))


def _query(values: dict[str, Any]) -> str:
    return urlencode(values, errors="replace")


def _dumped(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", errors="replace")
