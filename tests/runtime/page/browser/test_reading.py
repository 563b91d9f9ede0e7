"""Who can use the page: on a phone, by keys alone, with a screen reader, in the dark."""

import gzip
import re

import pytest

from stzsar.runtime.page.files import FOLDER

pytestmark = pytest.mark.live
expect = pytest.importorskip("playwright.sync_api", reason="no playwright: make setup").expect

VIEWS = {
    "all streams": "#/",
    "a stream": "#/stream/hall",
    "events": "#/events",
    "teach": "#/teach",
    "no such stream": "#/stream/attic",
}
FOCUSED = """() => {
    const {activeElement: at} = document;
    return at.getAttribute("aria-label") || at.textContent || at.id;
}"""


@pytest.fixture(scope="module")
def axe():
    """The rules of axe-core."""
    return pytest.importorskip("axe_core_python.sync_playwright", reason="no axe-core").Axe()


def assert_accessible(axe, page):
    found = axe.run(page)["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not bad, [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in bad]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(view, axe, scheme):
    viewer = view(
        color_scheme=scheme, viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
    )
    for name, where in VIEWS.items():
        page = viewer.go(where)
        page.wait_for_timeout(500)
        viewer.shoot(f"{name} {scheme}")
        assert_accessible(axe, page)
        if name == "a stream":
            for tab in ("Labels", "Regions", "Teach"):
                page.get_by_role("tab", name=tab).click()
                viewer.shoot(f"{tab.lower()} {scheme}")
                assert_accessible(axe, page)
    viewer.page.keyboard.press("?")
    viewer.page.get_by_role("dialog").wait_for()
    assert_accessible(axe, viewer.page)


def test_a_phone_shows_everything_without_scrolling_sideways(view):
    viewer = view(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
    )
    for name, where in VIEWS.items():
        page = viewer.go(where)
        page.wait_for_timeout(300)
        viewer.shoot(f"{name} phone")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name


def tab_to(page, wanted):
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted in page.evaluate(FOCUSED):
            return
    pytest.fail(f"Tab never reaches {wanted}")


def test_labels_are_edited_by_keys_alone(view):
    viewer = view()
    page = viewer.go()
    page.locator(".stream-card").first.wait_for()
    tab_to(page, "door")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="door").wait_for()
    tab_to(page, "Scores")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUSED) == "Labels"
    expect(page.get_by_label("Labels, one a line")).to_have_value(re.compile("red"))
    tab_to(page, "Labels, one a line")
    page.keyboard.press("Control+End")
    page.keyboard.type("yellow\n")
    page.keyboard.press("Control+Enter")
    page.get_by_text("The labels are in use").wait_for()
    labels = page.request.get(viewer.address + "api/labels?stream=door").json()
    assert "yellow" in labels["text"]

    page.get_by_role("tab", name="Labels").focus()
    page.keyboard.press("e")
    page.get_by_role("heading", name="Events").wait_for()


def test_the_colours_are_chosen_and_remembered(view):
    page = view(color_scheme="light").go()
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Colours as the system has them").click()
    page.get_by_role("button", name="Light colours").click()
    page.get_by_role("button", name="Dark colours").wait_for()
    dark = page.evaluate(background)
    page.reload()
    page.locator("main h1").first.wait_for()

    assert page.evaluate(background) == dark != light


def test_the_page_is_small():
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 150_000


def test_the_page_asks_no_other_host(view):
    viewer = view()
    asked = []
    viewer.page.on("request", lambda request: asked.append(request.url))
    viewer.go("#/stream/hall").locator(".scores li").first.wait_for()

    assert [url for url in asked if not url.startswith((viewer.address, "data:", "blob:"))] == []


LONG = "w" * 200


def test_long_names_fit_a_phone(bundle, start_run, make_viewer, cameras, tmp_path):
    """A label and a stream of the most characters, without a space to break them at."""
    streams = tmp_path / "streams.toml"
    (tmp_path / "labels.txt").write_text(f"{LONG}\nred\ngreen\n")
    streams.write_text(
        f'[[stream]]\nname = "{"s" * 100}"\nsource = "{cameras["hall"].address}"\n'
        'labels = "labels.txt"\n'
    )
    run = start_run(
        *("--bundle", bundle, "--streams", streams, "--events", tmp_path / "events"),
        *("--threads", 1),
    )
    try:
        viewer = make_viewer(
            run.address, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True
        )
        for name, where in {**VIEWS, "a stream": f"#/stream/{'s' * 100}"}.items():
            page = viewer.go(where)
            page.wait_for_timeout(600)
            viewer.shoot(f"long names {name} phone")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
            if name == "a stream":
                for tab in ("Labels", "Regions", "Teach"):
                    page.get_by_role("tab", name=tab).click()
                    viewer.shoot(f"long names {tab} phone")
                    assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab
        viewer.page.goto("about:blank")
    finally:
        run.stop()
