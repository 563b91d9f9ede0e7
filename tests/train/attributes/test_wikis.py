"""Wikis' answers, in the shapes of MediaWiki's API (https://www.mediawiki.org/wiki/API:Query)."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from stzsar.train.attributes.fetch import FetchError
from stzsar.train.attributes.wikis import Wikipedia, Wiktionary

from ...chat_server import Given

BAT = "A swing is a movement of the arms by which a player hits the ball with a bat."
SEAT = "A swing is a hanging seat, found at playgrounds, on which a child sits and moves."
LISTED = """<div class="mw-parser-output"><p><b>Swing</b> may refer to:</p><h2>Things</h2><ul>
<li><a href="/wiki/Swing_(seat)" title="Swing (seat)">Swing (seat)</a>, a hanging seat</li>
<li><a href="/wiki/Swing_(batting)">Swing (batting)</a>, a movement with a bat<sup>[1]</sup></li>
<li><a class="new" href="/w/index.php?title=Swing_(none)">Swing (none)</a>, not written yet</li>
<li><a href="/wiki/Category:Swings">Swings</a></li></ul></div>"""
DEFINED = """<div><div class="mw-heading"><h2 id="English">English</h2></div>
<h3>Etymology</h3><p>From Old English.</p><h3>Verb</h3><p><b>swing</b></p>
<ol><li><span>(transitive)</span> To move a bat through the air.<dl><dd>He swung his bat.</dd></dl>
</li><li>To hang.<ul><li>1900, somebody</li></ul></li><li></li></ol>
<h3>Noun</h3><ol><li>A hanging seat.</li></ol>
<h2>German</h2><h3>Noun</h3><ol><li>A kind of jazz.</li></ol></div>"""


def wiki(pages: dict[str, dict]):
    """Answers api.php from pages by title; `html` is what action=parse gives."""

    def answer(asked) -> Given:
        query = {key: values[0] for key, values in parse_qs(urlsplit(asked.path).query).items()}
        if query["action"] == "parse":
            page = pages.get(query["page"])
            found = {"error": {"code": "missingtitle"}}
            if page and "html" in page:
                found = {"parse": {"title": query["page"], "text": page["html"]}}
        elif query.get("generator") == "search":
            hits = [p for p in pages.values() if query["gsrsearch"] in p.get("extract", "")]
            found = (
                {"query": {"pages": [{**p, "index": n} for n, p in enumerate(hits)]}}
                if hits
                else {}
            )
        else:
            title = query["titles"]
            found = {"query": {"pages": [pages.get(title, {"title": title, "missing": True})]}}
        return Given(json.dumps(found).encode(), headers={"Content-Type": "application/json"})

    return answer


def test_an_article_is_one_sense_and_needs_no_robots_txt(site, make_fetcher):
    site.pages["/robots.txt"] = Given(b"User-agent: *\nDisallow: /w/\n")
    site.pages["/w/api.php"] = wiki({"archery": {"title": "Archery", "extract": BAT}})

    (sense,) = Wikipedia(site.url, make_fetcher()).senses("archery")

    assert (sense.place, sense.text()) == (f"{site.url}/wiki/Archery", BAT)
    assert "/robots.txt" not in site.paths


def test_a_title_that_means_many_things_is_many_senses(site, make_fetcher):
    many = {"title": "Swing", "extract": "x", "pageprops": {"disambiguation": ""}, "html": LISTED}
    site.pages["/w/api.php"] = wiki(
        {
            "swing": {**many, "title": "swing"},
            "Swing (seat)": {"title": "Swing (seat)", "extract": SEAT},
            "Swing (batting)": {"title": "Swing (batting)", "extract": BAT},
        }
    )
    senses = Wikipedia(site.url, make_fetcher()).senses("swing")

    assert [(sense.title, sense.gloss) for sense in senses] == [
        ("Swing (seat)", "Swing (seat), a hanging seat"),
        ("Swing (batting)", "Swing (batting), a movement with a bat"),
    ]
    assert [sense.text() for sense in senses] == [SEAT, BAT]
    assert senses[0].place == f"{site.url}/wiki/Swing_(seat)"


def test_what_has_no_article_is_searched_for(site, make_fetcher):
    site.pages["/w/api.php"] = wiki(
        {"Swing (batting)": {"title": "Swing (batting)", "extract": BAT}}
    )
    (sense,) = Wikipedia(site.url, make_fetcher()).senses("movement of the arms")
    assert (sense.title, sense.text()) == ("Swing (batting)", BAT)


def test_definitions_of_the_labels_language_are_senses_with_their_examples(site, make_fetcher):
    site.pages["/w/api.php"] = wiki({"swing": {"html": DEFINED}})
    senses = Wiktionary(site.url, make_fetcher(), "en").senses("Swing")
    assert [(sense.title, sense.gloss) for sense in senses] == [
        ("swing (Verb)", "(transitive) To move a bat through the air."),
        ("swing (Verb)", "To hang."),
        ("swing (Noun)", "A hanging seat."),
    ]
    assert "He swung his bat." in senses[0].text()


def test_a_title_is_tried_as_written_before_small_letters(site, make_fetcher):
    site.pages["/w/api.php"] = wiki({"Nordic walking": {"html": DEFINED}})
    senses = Wiktionary(site.url, make_fetcher(), "en").senses("Nordic walking")
    assert senses[0].title == "Nordic walking (Verb)"
    assert len(site.asked) == 1


def test_a_question_mark_belongs_to_a_title(site, make_fetcher):
    title = "Who's next? (dance)"
    site.pages["/w/api.php"] = wiki({title: {"title": title, "extract": BAT}})
    (sense,) = Wikipedia(site.url, make_fetcher()).senses(title)
    assert sense.place == f"{site.url}/wiki/Who's_next%3F_(dance)"


def test_another_form_of_a_word_leads_to_the_word(site, make_fetcher):
    form = "<h2>English</h2><h3>Verb</h3><ol><li>present participle and gerund of swing</li></ol>"
    site.pages["/w/api.php"] = wiki({"swinging": {"html": form}, "swing": {"html": DEFINED}})
    senses = Wiktionary(site.url, make_fetcher(), "en").senses("swinging")
    assert [sense.gloss for sense in senses][-1] == "A hanging seat."
    assert len(senses) == 3


@pytest.mark.parametrize(
    "reply",
    [
        Given(b"<html>not the API</html>"),
        Given(b"[]"),
        Given(b'{"query": {"pages": []}}'),
        Given(b'{"error": {"code": "internal"}}'),
        Given(b'{"error": "internal"}'),
        Given(b'{"query": [1]}'),
        Given(b'{"query": {"pages": {"1": 2}}}'),
        Given(b'{"query": {"pages": [{"title": 1, "extract": "x"}]}}'),
        Given(b'{"query": {"pages": [{"title": "x", "pageprops": 1}]}}'),
        Given(b'{"query": {"pages": [{"title": "x", "extract": ""}]}}'),
        Given(b'{"parse": {"title": "x", "text": "<p>nothing</p>"}}'),
    ],
)
def test_a_wiki_that_has_nothing_says_so(site, make_fetcher, reply):
    site.pages["/w/api.php"] = reply
    for source in (Wikipedia(site.url, make_fetcher()), Wiktionary(site.url, make_fetcher(), "en")):
        with pytest.raises(FetchError):
            source.senses("x")


def test_a_wikis_errors_are_not_kept_and_its_missing_pages_are(site, make_fetcher):
    right = wiki({"archery": {"title": "Archery", "extract": BAT}})
    replies = iter([Given(b'{"error": {"code": "ratelimited"}}'), Given(b"<html>log in</html>")])
    site.pages["/w/api.php"] = lambda asked: next(replies, None) or right(asked)
    for message in ("it answers ratelimited", "not the API's JSON"):
        with pytest.raises(FetchError, match=message):
            Wikipedia(site.url, make_fetcher()).senses("archery")
    assert Wikipedia(site.url, make_fetcher()).senses("archery")[0].text() == BAT

    site.asked.clear()
    for _ in range(2):
        with pytest.raises(FetchError, match="no such page"):
            Wiktionary(site.url, make_fetcher(), "en").senses("none")
    assert len(site.asked) == 1


def test_a_malformed_link_is_skipped(site, make_fetcher):
    html = LISTED.replace("<ul>", '<ul><li><a href="http://[x">broken</a></li>')
    page = {"title": "swing", "pageprops": {"disambiguation": ""}, "html": html}
    site.pages["/w/api.php"] = wiki({"swing": page})
    senses = Wikipedia(site.url, make_fetcher()).senses("swing")
    assert [sense.title for sense in senses] == ["Swing (seat)", "Swing (batting)"]
