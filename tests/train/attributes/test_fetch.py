"""Pages that are wrong in every way that pages are, asked for politely."""

import gzip
import socket
import threading

import pytest

from stzsar.runtime.backoff import retry_after_s
from stzsar.runtime.chat.addresses import (
    AddressError,
    is_public,
    origin_of,
    parse_url,
    resolve,
)
from stzsar.runtime.chat.transport import Limits
from stzsar.train.attributes.fetch import AwayError, FetchError
from stzsar.train.attributes.page_text import file_text, main_text

from ...chat_server import PAGE, Given

WORDS = "The archer draws the bow and lets the arrow fly towards the target on the meadow. " * 6


def html(text: str, head: str = "") -> str:
    return f"<html><head>{head}</head><body><nav>Menu</nav><article><p>{text}</p></article></html>"


@pytest.mark.parametrize(
    ("encoding", "header", "head", "accent"),
    [
        ("utf-8", PAGE, "", "é"),
        ("utf-8", "text/html; charset=iso-8859-1", "", "é"),  # the header is wrong
        ("iso-8859-1", "text/html; charset=iso-8859-1", "", "é"),
        ("windows-1252", "text/html", '<meta charset="windows-1252">', "“é”"),
        ("windows-1251", "text/html", '<meta content="text/html; charset=windows-1251">', "лук"),
        ("utf-16", "text/html", "", "лук"),
        ("shift_jis", "text/html; charset=Shift_JIS", "", "弓道"),
        ("gb18030", "text/html; charset=gb2312", "", "射箭"),
        ("iso-8859-1", "text/html; charset=no-such-thing", "", "é"),
        ("iso-8859-1", "text/html; charset=undefined", "", "é"),  # Python's codec that only raises
    ],
)
def test_text_is_read_in_the_encoding_that_it_is_in(
    site, make_fetcher, encoding, header, head, accent
):
    body = html(f"{accent} {WORDS}", head).encode(encoding)
    site.pages["/p"] = Given(body, headers={"Content-Type": header})

    text = main_text(make_fetcher().get(f"{site.url}/p"))

    assert accent in text
    assert "towards the target" in text
    assert "Menu" not in text


def test_a_saved_page_and_a_text_of_another_time_are_read_as_files(tmp_path):
    page, text = tmp_path / "a.html", tmp_path / "b.txt"
    page.write_text(html(WORDS))
    text.write_bytes("Der Schütze zieht die Sehne bis ans Kinn und lässt los.".encode("cp1252"))

    assert file_text(page).startswith("The archer draws")
    assert "Sehne bis ans Kinn" in file_text(text)


def test_only_the_beginning_of_a_huge_page_is_read(tmp_path):
    page = tmp_path / "a.html"
    late = "A zebra came late to the meadow. " * 20
    page.write_text(html(f"{WORDS}</p><!--{'x' * (1 << 20)}--><p>{late}"))
    text = file_text(page)
    assert "towards the target" in text
    assert "zebra" not in text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Given(b"<html><body><script>run()</script></body></html>"), "holds no text"),
        (Given(b""), "holds no text"),
        (Given(b"\x89PNG" + bytes(99), headers={"Content-Type": "image/png"}), "not a page"),
        (Given(b"\0\1\2" * 99, headers={"Content-Type": "text/plain"}), "holds no text"),
    ],
)
def test_a_page_without_text_is_refused(site, make_fetcher, given, message):
    site.pages["/p"] = given
    with pytest.raises(FetchError, match=message):
        main_text(make_fetcher().get(f"{site.url}/p"))


def redirect(to: str, status: int = 302) -> Given:
    return Given(status=status, headers={"Location": to})


def test_redirects_are_followed_but_not_in_a_circle_nor_for_ever(site, make_fetcher):
    site.pages |= {"/a": redirect("/b", 301), "/b": redirect("/p"), "/p": Given(b"there")}
    site.pages |= {"/c": redirect("/d"), "/d": redirect("/c")}
    site.pages |= {f"/{n}": redirect(f"/{n + 1}") for n in range(9)}
    fetcher = make_fetcher()

    assert fetcher.get(f"{site.url}/a").url == f"{site.url}/p"
    for path in ("c", "0"):
        with pytest.raises(FetchError, match="more than 5 times"):
            fetcher.get(f"{site.url}/{path}")


def test_headers_need_not_be_ascii(site, make_fetcher):
    place = "/Schütze".encode().decode("latin-1")  # as browsers send and servers echo it
    site.pages |= {"/a": redirect(place), "/Sch%C3%BCtze": Given(b"there")}
    site.pages["/Sch%C3%BCtze"].headers = {"Content-Type": "text/plain; titel=Schütze"}
    site.pages["/b"] = Given(b"x", headers={"Content-Type": PAGE, "X-Name": "ÿ"})
    fetcher = make_fetcher()

    for _ in range(2):
        assert fetcher.get(f"{site.url}/a").url == f"{site.url}/Sch%C3%BCtze"
        assert fetcher.get(f"{site.url}/a").body == b"there"
        assert fetcher.get(f"{site.url}/b").body == b"x"


def test_a_page_that_is_not_there_is_asked_for_once_and_remembered(site, make_fetcher):
    for _ in range(2):
        with pytest.raises(FetchError, match="no such page"):
            make_fetcher().get(f"{site.url}/none")
    assert site.paths.count("/none") == 1


def test_a_page_is_fetched_once_and_a_damaged_copy_again(site, make_fetcher, tmp_path):
    site.pages["/p"] = Given(b"hello")
    assert [make_fetcher().get(f"{site.url}/p").body for _ in range(3)] == [b"hello"] * 3
    assert site.paths.count("/p") == 1

    for damage in (b"no database", b"SQLite format 3\0" + bytes(5000)):
        site.asked.clear()
        for kept in (tmp_path / "cache").iterdir():
            kept.write_bytes(damage)
        assert [make_fetcher().get(f"{site.url}/p").body for _ in range(2)] == [b"hello"] * 2
        assert site.paths.count("/p") == 1


def test_after_an_error_of_the_server_it_is_asked_again(site, make_fetcher, slept):
    replies = iter([Given(status=500), Given(status=503), Given(b"hello")])
    site.pages["/p"] = lambda _asked: next(replies)

    assert make_fetcher().get(f"{site.url}/p").body == b"hello"

    waits = [wait for wait in slept if wait]
    assert len(waits) == 2
    assert 0 < waits[0] <= 1 < waits[1] + 0.01 <= 2.01


def test_a_server_in_trouble_is_left_alone_in_the_end_and_not_remembered(site, make_fetcher):
    site.pages["/p"] = Given(status=500)
    for attempts in (4, 8):
        with pytest.raises(FetchError, match="it answers 500"):
            make_fetcher().get(f"{site.url}/p")
        assert site.paths.count("/p") == attempts


def test_the_wait_that_a_server_asks_for_is_kept_unless_it_is_too_long(site, make_fetcher, slept):
    replies = iter([Given(status=429, headers={"Retry-After": "7"}), Given(b"hello")])
    site.pages["/p"] = lambda _asked: next(replies)
    assert make_fetcher().get(f"{site.url}/p").body == b"hello"
    assert 7 in slept

    site.pages["/q"] = Given(status=429, headers={"Retry-After": "86400"})
    with pytest.raises(FetchError, match="it answers 429"):
        make_fetcher().get(f"{site.url}/q")
    assert site.paths.count("/q") == 1


@pytest.mark.parametrize(
    "header",
    ["Mon, 01 Jan 0001 00:00:00 +2359", "Mon, 01 Jan 2024 00:00:00 +99999999999999999", "soon"],
)
def test_a_malformed_retry_after_is_ignored(header):
    assert retry_after_s(header) in (None, 0.0)


def test_a_page_that_is_not_what_was_asked_for_is_not_kept(site, make_fetcher):
    replies = iter([Given(b"log in first"), Given(b"hello"), Given(b"never")])
    site.pages["/p"] = lambda _asked: next(replies)

    def check(body: bytes) -> None:
        if body != b"hello":
            raise FetchError("not hello")

    with pytest.raises(FetchError, match="not hello"):
        make_fetcher().get(f"{site.url}/p", check=check)
    assert [make_fetcher().get(f"{site.url}/p", check=check).body for _ in range(2)] == [
        b"hello"
    ] * 2


def drips(stop: threading.Event):
    """Sends a byte now and then, which no limit on single waits notices."""

    def write(out) -> None:
        while not stop.wait(0.05):
            out.write(b"x")
            out.flush()

    return write


def test_a_page_that_takes_too_long_is_given_up(site, make_fetcher):
    stop = threading.Event()
    site.pages["/drips"] = Given(write=drips(stop))
    site.pages["/sleeps"] = Given(write=lambda _out: stop.wait(60))
    fetcher = make_fetcher(limits=Limits(total_s=0.3))
    try:
        for path in ("/drips", "/sleeps"):
            with pytest.raises(FetchError, match=r"no whole answer in 0\.3 s"):
                fetcher.get(site.url + path)
    finally:
        stop.set()


def test_a_page_that_is_too_large_is_given_up_also_when_it_is_packed(site, make_fetcher):
    packed = {"Content-Type": PAGE, "Content-Encoding": "gzip"}
    site.pages["/huge"] = Given(bytes(3 << 20))
    site.pages["/bomb"] = Given(gzip.compress(bytes(50 << 20)), headers=packed)
    fetcher = make_fetcher(limits=Limits(max_bytes=2 << 20))

    for path in ("/huge", "/bomb"):
        with pytest.raises(FetchError, match="larger than 2 MiB"):
            fetcher.get(site.url + path)
        assert site.paths.count(path) == 1


def test_a_site_that_is_away_is_one_sentence(make_fetcher):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(FetchError, match=r"robots\.txt cannot be read now: connection refused"):
        make_fetcher(named=[url]).get(f"{url}/p")


def test_a_site_that_is_away_is_tried_once_in_a_run_and_not_waited_for(make_fetcher, slept):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    fetcher = make_fetcher(named=[url], delay_s=50.0)
    for path in ("a", "b", "c"):
        with pytest.raises(AwayError, match="connection refused"):
            fetcher.get(f"{url}/{path}", robots=False)
    waits = [wait for wait in slept if wait]
    assert len(waits) == 3
    assert max(waits) < 10


def test_a_page_that_leads_to_a_site_that_is_away_does_not_make_its_own_away(site, make_fetcher):
    site.pages |= {"/a": redirect("http://no-such-host.invalid/"), "/p": Given(b"p")}
    fetcher = make_fetcher()
    with pytest.raises(FetchError, match=r"redirects elsewhere: .* not known") as error:
        fetcher.get(f"{site.url}/a", robots=False)
    assert not isinstance(error.value, AwayError)
    assert fetcher.get(f"{site.url}/p", robots=False).body == b"p"


def test_a_named_site_can_be_asked_though_a_page_elsewhere_led_there(make_site, make_fetcher):
    one, two = make_site(), make_site()
    one.pages["/a"] = redirect(f"{two.url}/p")
    two.pages["/p"] = Given(b"p")
    fetcher = make_fetcher(named=[one.url, two.url])
    with pytest.raises(FetchError, match="private network"):
        fetcher.get(f"{one.url}/a")
    assert fetcher.get(f"{two.url}/p").body == b"p"


# robots.txt


def robots(text: str) -> Given:
    return Given(text.encode(), headers={"Content-Type": "text/plain"})


def test_what_robots_txt_forbids_is_not_asked_for(site, make_fetcher):
    site.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /private*/\n")
    site.pages |= {"/private-1/p": Given(b"no"), "/p": Given(b"yes")}
    fetcher = make_fetcher()

    with pytest.raises(FetchError, match=r"robots\.txt forbids it"):
        fetcher.get(f"{site.url}/private-1/p")
    assert fetcher.get(f"{site.url}/p").body == b"yes"
    assert site.paths == ["/robots.txt", "/p"]


def test_a_missing_robots_txt_forbids_nothing_and_a_failing_one_everything(make_site, make_fetcher):
    for status, allowed in ((404, True), (403, True), (500, False), (501, False), (520, False)):
        site = make_site()
        site.pages |= {"/robots.txt": Given(status=status), "/p": Given(b"yes")}
        fetcher = make_fetcher(named=[site.url])
        if allowed:
            assert fetcher.get(f"{site.url}/p").body == b"yes"
        else:
            for _ in range(2):  # the second time from memory
                with pytest.raises(FetchError, match=r"robots\.txt cannot be read now"):
                    fetcher.get(f"{site.url}/p")
            assert site.paths == ["/robots.txt"] * (4 if status == 500 else 1)


def test_the_beginning_of_a_huge_robots_txt_holds(site, make_fetcher):
    site.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /private\n" + "# more\n" * 90_000)
    site.pages |= {"/private": Given(b"no"), "/p": Given(b"yes")}
    fetcher = make_fetcher()
    with pytest.raises(FetchError, match=r"robots\.txt forbids it"):
        fetcher.get(f"{site.url}/private")
    assert fetcher.get(f"{site.url}/p").body == b"yes"


def test_a_site_that_wants_time_between_requests_gets_it(site, make_fetcher, slept):
    site.pages["/robots.txt"] = robots("User-agent: *\nCrawl-delay: 9\n")
    site.pages |= {"/a": Given(b"a"), "/b": Given(b"b")}
    fetcher = make_fetcher(delay_s=0.0)
    fetcher.get(f"{site.url}/a")
    fetcher.get(f"{site.url}/b")
    assert max(slept) > 5  # near 9: some of it had passed


def test_requests_say_who_asks(site, make_fetcher):
    site.pages["/p"] = Given(b"p")
    make_fetcher(user_agent="stzsar-attributes/1 (me@example.org)").get(f"{site.url}/p")
    assert {asked.headers["User-Agent"] for asked in site.asked} == {
        "stzsar-attributes/1 (me@example.org)"
    }


# Private places


def test_no_page_leads_to_a_private_place(site, make_site, make_fetcher):
    inside = make_site()
    inside.pages["/secret"] = Given(b"secret")
    name = inside.url.replace("127.0.0.1", "localhost")
    number = inside.url.replace("127.0.0.1", "2130706433")
    site.pages |= {f"/{i}": redirect(f"{to}/secret") for i, to in
                   enumerate([inside.url, name, number, "http://169.254.169.254"])}  # fmt: skip
    fetcher = make_fetcher()

    for index in range(4):
        with pytest.raises(FetchError, match="leads to this machine or a private network"):
            fetcher.get(f"{site.url}/{index}")
    assert inside.asked == []


def test_robots_txt_leads_to_no_private_place_either(site, make_site, make_fetcher):
    inside = make_site()
    site.pages |= {"/robots.txt": redirect(f"{inside.url}/robots.txt"), "/p": Given(b"p")}
    with pytest.raises(FetchError, match="private network"):
        make_fetcher().get(f"{site.url}/p")
    assert inside.asked == []


def test_a_place_on_this_machine_is_asked_only_if_it_was_named(site, make_fetcher):
    site.pages["/p"] = Given(b"p")
    with pytest.raises(FetchError, match="private network"):
        make_fetcher(named=[]).get(f"{site.url}/p")
    assert site.asked == []


@pytest.mark.parametrize(
    "number",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1"),
        *("2002:7f00:1::", "fec0::1", "64:ff9b::7f00:1", "::"),
        *("::10.0.0.1", "::8.8.8.8", "64:ff9b:1::a00:1", "64:ff9b:1::808:808", "3fff::1"),
        *("5f00::1", "100::1", "2001:db8::1", "2001:0:808:808::1", "2001:2::1", "ff02::1"),
        *("2001:470::5efe:10.0.0.1", "4000::1", "::ffff:169.254.169.254", "::ffff:0:10.0.0.1"),
        *("192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "203.0.113.1", "240.0.0.1"),
    ],
)
def test_private_numbers_are_known(number):
    assert not is_public(number)


def test_public_numbers_are_public():
    for number in ("8.8.8.8", "2606:4700::1111", "2001:4860::8888", "64:ff9b::808:808"):
        assert is_public(number)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://host/x", "file:///etc/passwd", "http://", "https://user:pass@host/", "host/x"),
        *("http://host:99999/", "javascript:alert(1)", "http://[::1/", "http://ho st/"),
    ],
)
def test_other_addresses_are_refused(url):
    with pytest.raises(AddressError):
        parse_url(url)


def test_a_label_in_an_address_stays_in_its_place():
    url = parse_url("https://host.example/wiki/bow & arrow?q=schießen#top")
    assert str(url) == "https://host.example/wiki/bow%20&%20arrow?q=schie%C3%9Fen"
    assert origin_of(url) == "https://host.example:443"
    with pytest.raises(AddressError, match="not known"):
        resolve("no-such-host.invalid", 443, private=False)
