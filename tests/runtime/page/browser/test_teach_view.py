"""Teaching in a real browser: moments, marks, and what they change."""

import pytest

pytestmark = pytest.mark.live
expect = pytest.importorskip("playwright.sync_api", reason="no playwright: make setup").expect

LABELS = [
    {"label": "red", "threshold": None, "examples": 3, "right": 1, "right_of": 3},
    {"label": "blue", "threshold": None, "examples": 0, "right": 0, "right_of": 0},
]
# As the server tells of a lesson that is over; a real one needs ten minutes of ordinary footage.
DONE = {
    "examples": [],
    "ordinary": [{"name": "2026-11-30-201500.rec", "seconds": 4000}],
    "wrong": [{"event": 12, "label": "red"}],
    "job": {
        "state": "done",
        "started": 1.8e9,
        "error": None,
        "said": [],
        "before": [{**one, "wrong": 2, "wrong_of": 2} for one in LABELS],
        "after": [
            {**one, "wrong": 0, "wrong_of": 2, "right": 3, "threshold": 1.5} for one in LABELS
        ],
        "hours": 1.1,
        "false_alarms_per_day": 1.0,
    },
    "used": False,
    "missing": None,
}
TELL = """async (teaching) => {
    const {store} = await import("/static/run/store.js");
    store.take({type: "teaching", teaching});
}"""


def test_a_moment_becomes_an_example_and_is_taken_back(view):
    viewer = view()
    page = viewer.go("#/stream/hall")
    page.locator(".scores li").first.wait_for()
    page.wait_for_timeout(2500)  # that much of it is there to be added
    page.get_by_role("tab", name="Teach").click()
    page.get_by_label("What happened").select_option("red")
    page.get_by_label("When").select_option("2")
    page.get_by_role("button", name="Add as an example").click()
    page.get_by_text("An example of “red” is added").wait_for()
    viewer.shoot("a moment")

    page.get_by_role("link", name="All examples").click()
    example = page.locator(".lesson-label", has_text="red")
    expect(example).to_contain_text("moment · hall")
    expect(page.get_by_role("button", name="Teach", exact=True)).to_be_disabled()
    expect(page.locator(".notice")).to_contain_text("ordinary footage")
    viewer.shoot("an example")
    page.get_by_role("button", name="Remove the example of red").click()
    example.wait_for(state="detached")


def test_what_a_lesson_changes_is_shown_before_it_is_used(view):
    viewer = view()
    page = viewer.go("#/teach")
    page.locator(".card h2").first.wait_for()
    page.evaluate(TELL, DONE)
    viewer.shoot("before and after")

    row = page.get_by_role("row", name="red")
    for text in ("1.50", "1 of 3", "3 of 3", "2 of 2", "0 of 2"):
        expect(row).to_contain_text(text)
    expect(page.get_by_role("button", name="Use it")).to_be_enabled()
    expect(page.get_by_label("2026-11-30-201500")).to_be_checked()
