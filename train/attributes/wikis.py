"""Wikipedia and Wiktionary through MediaWiki's public API.

Each meaning on a page that lists them is a sense, and so is each definition of a dictionary. By the
API's etiquette, there is one request at a time, with a user agent.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

from ...runtime.chat.addresses import parse_url
from .fetch import Fetcher, FetchError
from .sources import Sense, gloss_of

_ARTICLE = {
    "action": "query",
    "prop": "extracts|pageprops",
    "explaintext": "1",
    "exsectionformat": "plain",
}
_MAX_SENSES = 60
_NO_PAGE = ("missingtitle", "invalidtitle")
_FOUND_PAGES = 3
_FORM_OF = re.compile(
    r"(?i)^(?:\([^)]*\)\s*)?(?:present participle|gerund|plural|simple past|past participle)"
    r"[\w ,/]* of ([\w' -]+?)[.:;,]?$"
)


class _Api:
    def __init__(self, host: str, fetcher: Fetcher) -> None:
        self.host = host
        self._fetcher = fetcher

    def url(self, **parameters: str) -> str:
        fixed = {"format": "json", "formatversion": "2", "redirects": "1"}
        return f"{self.host}/w/api.php?{urlencode({**parameters, **fixed})}"

    def ask(self, **parameters: str) -> dict[str, Any]:
        page = self._fetcher.get(self.url(**parameters), robots=False, check=_answer)
        return _answer(page.body)

    def html(self, title: str) -> tuple[str, str]:
        """Return a page's title after redirects, and its HTML."""
        answer = self.ask(action="parse", page=title, prop="text", disabletoc="1")
        found = answer.get("parse")
        if not isinstance(found, dict) or not isinstance(found.get("text"), str):
            raise FetchError("there is no such page")
        return str(found.get("title", title)), found["text"]

    def page_url(self, title: str) -> str:
        path = quote(title.replace(" ", "_"), safe="/:()',!")
        return str(parse_url(f"{self.host}/wiki/{path}"))


class Wikipedia:
    """Articles: the label's own, those that its title can mean, or those that a search finds."""

    name = "wikipedia"
    by_name = False

    def __init__(self, host: str, fetcher: Fetcher) -> None:
        self._api = _Api(host, fetcher)

    def plan(self, label: str) -> str:
        return self._api.url(**_ARTICLE, titles=label)

    def senses(self, label: str) -> list[Sense]:
        """Return the articles that may be about `label`; raise FetchError if there are none."""
        (page,) = self._pages(titles=label)[:1] or [{}]
        if "missing" in page or "invalid" in page or not page:
            return self._searched(label)
        if "disambiguation" in (page.get("pageprops") or {}):
            return self._meanings(page["title"]) or self._searched(label)
        return [self._sense(page)]

    def _pages(self, **parameters: str) -> list[dict[str, Any]]:
        query = self._api.ask(**_ARTICLE, **parameters).get("query")
        pages = query.get("pages") if isinstance(query, dict) else None
        return [page for page in (pages if isinstance(pages, list) else []) if _is_page(page)]

    def _searched(self, label: str) -> list[Sense]:
        search = {"generator": "search", "gsrsearch": label, "gsrlimit": str(_FOUND_PAGES)}
        pages = self._pages(**search, exintro="1", exlimit="max")
        pages.sort(key=lambda page: page.get("index", 0))
        found = [
            self._linked(page["title"], gloss_of(str(page.get("extract", ""))))
            for page in pages
            if "disambiguation" not in (page.get("pageprops") or {})
        ]
        if not found:
            raise FetchError("there is no such article")
        return found

    def _meanings(self, title: str) -> list[Sense]:
        """Return the articles that a list of meanings links to."""
        _, html = self._api.html(title)
        senses = {}
        for item in _tree(html).iter("li"):
            for link in item.iter("a"):
                target = _article_title(link.get("href") or "")
                if target and link.get("class") != "new":
                    senses.setdefault(target, self._linked(target, gloss_of(_text(item))))
                    break
        return list(senses.values())[:_MAX_SENSES]

    def _linked(self, title: str, gloss: str) -> Sense:
        def text() -> str:
            (page,) = self._pages(titles=title)[:1] or [{}]
            return _extract(page)

        return Sense(self._api.page_url(title), title, gloss, text)

    def _sense(self, page: dict[str, Any]) -> Sense:
        text = _extract(page)
        return Sense(self._api.page_url(page["title"]), page["title"], gloss_of(text), lambda: text)


class Wiktionary:
    """Definitions, each a sense; those of a word's basic form where the label is inflected."""

    name = "wiktionary"
    by_name = False

    def __init__(self, host: str, fetcher: Fetcher, language: str) -> None:
        self._api = _Api(host, fetcher)
        self._language = _SECTIONS.get(language, "")

    def plan(self, label: str) -> str:
        return self._api.url(action="parse", page=label, prop="text", disabletoc="1")

    def senses(self, label: str) -> list[Sense]:
        """Return the definitions of `label`; raise FetchError if there are none."""
        title, senses = self._found(label)
        basic = [found[1] for sense in senses if (found := _FORM_OF.match(sense.gloss))]
        if basic and basic[0] != title:
            others = [sense for sense in senses if not _FORM_OF.match(sense.gloss)]
            senses = [*self._defined(basic[0]), *others]
        return senses[:_MAX_SENSES]

    def _found(self, label: str) -> tuple[str, list[Sense]]:
        """Return the definitions of a title, as written or in small letters."""
        failure = FetchError("it defines nothing")
        for title in dict.fromkeys((label, label.lower())):
            try:
                if senses := self._defined(title):
                    return title, senses
            except FetchError as error:
                failure = error
        raise failure

    def _defined(self, title: str) -> list[Sense]:
        title, html = self._api.html(title)
        place = self._api.page_url(title)
        return [
            Sense(place, f"{title} ({part})", gloss, lambda text=text: text)
            for part, gloss, text in self._definitions(html)
        ]

    def _definitions(self, html: str) -> Iterator[tuple[str, str, str]]:
        """Yield part of speech, definition, and definition with examples."""
        language = part = ""
        for element in _tree(html).iter("h2", "h3", "h4", "h5", "ol"):
            if element.tag == "h2":
                language = _text(element)
            elif element.tag != "ol":
                part = _text(element)
            elif not any(outer.tag == "li" for outer in element.iterancestors()) and (
                not self._language or language.startswith(self._language)
            ):
                for item in element.iterchildren("li"):
                    text = _text(item)
                    for inner in list(item.iterchildren("dl", "ul", "ol")):
                        inner.drop_tree()
                    gloss = gloss_of(_text(item))
                    if gloss:
                        yield part, gloss, text


# What the English Wiktionary calls the section of a language; others begin with their own.
_SECTIONS = {"en": "English"}


def _answer(body: bytes) -> dict[str, Any]:
    """Return the API's JSON; raise FetchError if it is not JSON, or reports an error.

    MediaWiki reports errors with status 200; that there is no such page is an answer.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FetchError("its answer is not the API's JSON") from error
    if not isinstance(answer, dict):
        raise FetchError("its answer is not the API's JSON")
    error = answer.get("error")
    code = str(error.get("code")) if isinstance(error, dict) else "an error"
    if error and code not in _NO_PAGE:
        raise FetchError(f"it answers {code:.40}")
    return answer


def _is_page(page: Any) -> bool:
    return (
        isinstance(page, dict)
        and isinstance(page.get("title"), str)
        and bool(page["title"])
        and isinstance(page.get("pageprops") or {}, dict)
        and isinstance(page.get("index", 0), int)
    )


def _extract(page: dict[str, Any]) -> str:
    text = page.get("extract")
    if not isinstance(text, str) or sum(c.isalpha() for c in text) < 20:
        raise FetchError("the article holds no text")
    return text


def _tree(html: str) -> Any:
    from lxml import html as lxml_html

    try:
        tree = lxml_html.fromstring(f"<div>{html}</div>")
    except (ValueError, lxml_html.etree.LxmlError) as error:
        raise FetchError("its HTML cannot be read") from error
    for element in list(tree.iter("style", "script", "sup")):
        element.drop_tree()
    return tree


def _text(element: Any) -> str:
    return " ".join(element.text_content().split()).removesuffix("[edit]").strip()


def _article_title(href: str) -> str:
    try:
        path = urlsplit(urljoin("https://wiki/", href)).path
    except ValueError:
        return ""
    title = unquote(path.removeprefix("/wiki/")) if path.startswith("/wiki/") else ""
    return "" if ":" in title else title.replace("_", " ")
