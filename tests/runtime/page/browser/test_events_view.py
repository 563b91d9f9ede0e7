"""Events in a real browser: found, played, marked and exported."""

import csv
import re

import pytest

pytestmark = pytest.mark.live
expect = pytest.importorskip("playwright.sync_api", reason="no playwright: make setup").expect


@pytest.fixture(scope="module")
def events(site, cameras, browser):
    """Events of the hall with their clips: something blue, then something green."""
    page = browser.new_page()

    def stored():
        answer = page.request.get(f"{site.address}api/events?stream=hall&limit=50")
        return answer.json()["events"]

    def wait(condition):
        for _ in range(600):
            if condition():
                return
            page.wait_for_timeout(100)
        pytest.fail(f"it never came: {stored()}")

    for colour in ("blue", "green", "red"):
        cameras["hall"].show(colour)
        wait(lambda colour=colour: any(one["label"] == colour for one in stored()))
    for colour in ("blue", "green"):
        wait(lambda colour=colour: any(one["clip"] for one in stored() if one["label"] == colour))
    page.close()


def search(page, words):
    page.get_by_label("Search").fill(words)
    for card in (page.locator(".event-card").first, page.locator(".event-card").last):
        expect(card.locator(".event-label")).to_have_text(re.compile(f"^{words}"))


@pytest.mark.usefixtures("events")
def test_an_events_clip_plays(view):
    viewer = view()
    page = viewer.go("#/events")
    page.locator(".event-card:has(.badge .icon-play)").first.click()
    page.wait_for_function("() => document.querySelector('dialog video')?.currentTime > 0.3")
    viewer.shoot("an event")

    assert page.locator("dialog video").evaluate("(video) => video.videoWidth") > 0
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")


@pytest.mark.usefixtures("events")
def test_events_are_searched_and_filtered(view):
    viewer = view()
    page = viewer.go("#/events")
    page.locator(".event-label").first.wait_for()
    viewer.shoot("events")

    search(page, "blue")
    page.get_by_label("Search").fill("nothing like it")
    page.get_by_text("No event fits").wait_for()
    viewer.shoot("no event fits")
    page.get_by_role("button", name="Clear the filters").click()
    page.get_by_label("Stream").select_option("door")
    expect(page.locator(".event-words").first).to_contain_text("door")
    expect(page.locator(".event-words", has_text="hall")).to_have_count(0)


@pytest.mark.usefixtures("events")
def test_an_event_is_marked_kept_and_deleted(view):
    page = view().go("#/events")
    search(page, "blue")
    page.locator(".event-card").first.click()
    page.get_by_role("button", name="Wrong").click()
    page.locator('dialog .wrong[aria-pressed="true"]').wait_for()
    page.get_by_role("button", name="Keep for good").click()
    page.get_by_role("button", name="Keep no longer").wait_for()
    page.keyboard.press("Escape")
    page.locator(".event-card .mark.wrong").wait_for()

    page.locator(".event-card").first.click()
    page.get_by_role("button", name="Delete the event").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("The event is deleted").wait_for()
    page.locator(".event-card .mark.wrong").wait_for(state="detached")


@pytest.mark.usefixtures("events")
def test_events_are_exported_as_they_are_filtered(view):
    page = view().go("#/events")
    page.get_by_label("Label").select_option("green")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name=re.compile("CSV")).click()

    rows = list(csv.DictReader(downloaded.value.path().read_text().splitlines()))
    assert {row["label"] for row in rows} == {"green"}
