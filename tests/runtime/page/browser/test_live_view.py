"""What a person sees of live streams, and changes while they run, in a real browser."""

import json
import re

import pytest

pytestmark = pytest.mark.live
expect = pytest.importorskip("playwright.sync_api", reason="no playwright: make setup").expect

# Whether the picture has a colour at a place; reads a copy, which costs the page nothing.
IS_COLOUR = """([at, bgr]) => {
    const canvas = document.querySelector("main canvas[role=img]");
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const seen = copy.getContext("2d", {willReadFrequently: true});
    seen.drawImage(canvas, 0, 0);
    const pixel = seen.getImageData(canvas.width * at[0], canvas.height * at[1], 1, 1).data;
    return bgr.every((one, place) => Math.abs(one - pixel[2 - place]) < 60);
}"""
# Above the square that wanders.
LEFT, RIGHT = (0.25, 0.2), (0.75, 0.2)
BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "black": (0, 0, 0)}
# 80 minutes of results, and more events than a page needs.
FLOOD = """async () => {
    const {store} = await import("/static/run/store.js");
    const {history, latest} = store.lanes.get("hall");
    for (let one = 0; one < 20000; one += 1) store.take({...latest});
    const event = {type: "event", event: "start", source: "hall", label: "red"};
    for (let one = 0; one < 1000; one += 1) store.take({...event});
    return [history.length, store.events.length];
}"""


def wait_for_colour(page, place, colour):
    page.wait_for_function(IS_COLOUR, arg=[place, BGR[colour]])


def results_in(page):
    """Collect the results that come through the page's WebSocket."""
    found = []

    def note(payload):
        if isinstance(payload, str):
            found.extend(one for one in json.loads(payload) if one["type"] == "result")

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    return found


def open_labels(page):
    page.get_by_role("tab", name="Labels").click()
    text = page.get_by_label("Labels, one a line")
    expect(text).to_have_value(re.compile("red"))
    return text


def test_pictures_move_and_all_streams_are_shown(view, cameras):
    viewer = view()
    page = viewer.go()
    wait_for_colour(page, LEFT, "red")
    first = page.locator("canvas[role=img]").first.get_attribute("data-time")

    cameras["hall"].show("green")
    wait_for_colour(page, LEFT, "green")
    page.locator(".card-label").first.get_by_text("green").wait_for()
    viewer.shoot("all streams")

    assert page.locator(".stream-card").count() == 2
    assert page.locator("canvas[role=img]").first.get_attribute("data-time") != first
    cameras["hall"].show("red")


def test_other_labels_win_within_two_windows(view):
    viewer = view()
    results = results_in(viewer.page)
    page = viewer.go("#/stream/hall")
    page.locator(".decision", has_text="red").wait_for()
    text = open_labels(page)
    text.fill("ruby: crimson\ngreen\nblue\n")
    with page.expect_response(is_applied) as answered:
        page.get_by_role("button", name="Apply").click()
    assert answered.value.ok
    results.clear()
    page.get_by_text("The labels are in use").wait_for()
    while len(of_hall := [one for one in results if one["source"] == "hall"]) < 2:
        page.wait_for_timeout(50)
    viewer.shoot("labels applied")

    assert "ruby" in {one["decision"] for one in of_hall[:2]}
    text.fill("red\ngreen\nblue\n")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("tab", name="Scores").click()
    page.locator(".decision", has_text="red").wait_for()


def is_applied(response):
    return response.url.endswith("/api/labels") and not response.request.post_data_json["check"]


def test_labels_are_applied_to_all_streams_and_saved_when_asked(site, view):
    page = view().go("#/stream/hall")
    text = open_labels(page)
    file = site.folder / "hall.txt"

    def apply(labels):
        text.fill(labels)
        with page.expect_response(is_applied) as answered:
            page.get_by_role("button", name="Apply").click()
        assert answered.value.ok

    page.get_by_role("radio", name="All streams").check()
    page.get_by_label("Save to hall.txt").wait_for(state="hidden")
    apply("green\nred\nblue\n")
    of_door = page.request.get(site.address + "api/labels?stream=door").json()["text"]
    assert of_door.startswith("green")
    assert file.read_text().startswith("red")

    page.get_by_role("radio", name="This stream").check()
    page.get_by_label("Save to hall.txt").check()
    apply("blue\nred\ngreen\n")
    assert file.read_text().startswith("blue")


def test_a_wrong_line_is_marked_and_changes_nothing(view):
    viewer = view()
    viewer.expect_refusal()
    page = viewer.go("#/stream/hall")
    text = open_labels(page)
    labels = viewer.address + "api/labels?stream=hall"
    before = page.request.get(labels).json()["text"]

    text.fill("red\ngreen\nred\n")
    page.locator(".gutter .wrong", has_text="3").wait_for()
    viewer.shoot("a wrong line")
    page.get_by_role("button", name="Apply").click()

    expect(text).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Line 3").click()
    expect(text).to_be_focused()
    page.get_by_role("button", name="Discard").click()
    page.locator(".gutter .wrong").wait_for(state="detached")
    assert page.request.get(labels).json()["text"] == before


@pytest.fixture
def whole_picture(site, view):
    """Looks at the whole picture again afterwards."""
    yield
    whole = {"stream": "hall", "regions": [], "mask": []}
    assert view().page.request.put(site.address + "api/regions", data=whole).ok


def begin(page, tool):
    """Take a tool, and return where a share of the picture is on the screen."""
    page.get_by_role("tab", name="Regions").click()
    page.get_by_role("button", name=tool).click()
    box = page.locator(".draw-layer").bounding_box()
    return lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])


def save_regions(page):
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The regions and masks are in use").wait_for()


@pytest.mark.usefixtures("whole_picture")
def test_a_region_that_is_drawn_by_mouse_takes_effect(view, cameras):
    cameras["hall"].show("red", "blue")
    viewer = view()
    page = viewer.go("#/stream/hall")
    at = begin(page, "Region box")
    page.mouse.move(*at(0.6, 0.1))
    page.mouse.down()
    page.mouse.move(*at(0.95, 0.9), steps=4)
    page.mouse.up()
    page.get_by_label("Name of region 1").fill("right side")
    viewer.shoot("a region is drawn")
    save_regions(page)

    page.get_by_role("tab", name="Scores").click()
    page.locator(".decision", has_text="blue").wait_for()
    page.locator(".chip.decided", has_text="right side").wait_for()
    viewer.shoot("a region decides")
    cameras["hall"].show("red")


@pytest.mark.usefixtures("whole_picture")
def test_a_mask_that_is_tapped_blanks_the_picture(view):
    page = view(has_touch=True).go("#/stream/hall")
    wait_for_colour(page, RIGHT, "red")
    at = begin(page, "Mask polygon")
    for corner in ((0.55, 0.05), (0.95, 0.05), (0.95, 0.5), (0.55, 0.5)):
        page.touchscreen.tap(*at(*corner))
    page.keyboard.press("Enter")
    save_regions(page)

    wait_for_colour(page, RIGHT, "black")
    wait_for_colour(page, LEFT, "red")


@pytest.mark.usefixtures("whole_picture")
def test_a_region_is_drawn_by_keys_alone(view, cameras):
    cameras["hall"].show("red", "blue")
    page = view().go("#/stream/hall")
    page.get_by_role("tab", name="Scores").focus()
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Region box").focus()
    for key in ("Enter", "Enter"):
        page.keyboard.press(key)
    page.keyboard.type("middle")
    page.locator(".handle.whole").focus()
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    page.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")

    page.locator(".chip.decided", has_text="middle · blue").wait_for()
    cameras["hall"].show("red")


def test_a_threshold_is_dragged_and_moved_by_keys(view):
    viewer = view()
    page = viewer.go("#/stream/hall")
    handle = page.get_by_role("slider", name="Threshold")
    box = handle.bounding_box()
    middle = box["x"] + box["width"] / 2
    with page.expect_response("**/api/threshold") as answered:
        page.mouse.move(middle, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(middle, box["y"] - 20, steps=5)
        page.mouse.up()
    dragged = answered.value.json()["value"]
    assert dragged > 0.55
    viewer.shoot("a threshold")

    with page.expect_response("**/api/threshold") as answered:
        handle.focus()
        page.keyboard.press("ArrowDown")
    assert answered.value.json()["value"] == pytest.approx(dragged - 0.01, abs=0.002)
    at_first = {"lane": "hall", "value": 0.5, "label": None}
    page.request.put(viewer.address + "api/threshold", data=at_first)


def test_a_stream_is_disarmed_and_armed(view):
    viewer = view()
    page = viewer.go("#/stream/hall")
    armed = page.get_by_role("switch", name="Armed")
    for is_armed in (False, True):
        with page.expect_response("**/api/armed"):
            armed.set_checked(is_armed)
        streams = page.request.get(viewer.address + "api/streams").json()["streams"]
        assert streams[0]["duty"]["on"] is is_armed
        expect(armed).to_be_checked(checked=is_armed)


def test_a_recording_is_started_and_stopped(site, view):
    page = view().go("#/stream/hall")
    record = page.get_by_role("button", name="Record")
    record.click()
    stop = page.get_by_role("button", name="Stop the recording")
    expect(stop).to_contain_text("s")
    stop.click()
    record.wait_for()

    recordings = list((site.folder / "events" / "recordings").iterdir())
    assert [path.stat().st_size > 0 for path in recordings] == [True]


def test_why_a_label_won_is_shown_when_it_is_asked_for(view):
    page = view().go("#/stream/hall")
    assert page.locator(".strip li").count() == 0
    if not page.get_by_role("button", name="Frames").count():
        pytest.skip("this bundle explains nothing")
    page.get_by_role("button", name="Frames").click()
    page.get_by_role("button", name="Heat map").click()
    page.locator(".strip .most").wait_for()
    page.locator(".heat-layer").wait_for()

    weights = page.locator(".strip .number").all_inner_texts()
    assert sum(int(weight.rstrip(" %")) for weight in weights) == pytest.approx(100, abs=4)


def test_a_lost_stream_is_shown_as_lost_and_comes_back(view, cameras):
    viewer = view()
    page = viewer.go()
    card = page.locator('.stream-card[data-name="door"]')
    expect(card).to_have_attribute("data-state", "live")

    cameras["door"].is_on = False
    expect(card).to_have_attribute("data-state", "lost", timeout=60_000)
    expect(card.locator(".why-lost")).not_to_be_empty()
    viewer.shoot("a lost stream")
    cameras["door"].is_on = True

    expect(card).to_have_attribute("data-state", "live", timeout=60_000)
    card.locator(".why-lost").wait_for(state="detached")


def test_a_tab_that_stays_open_keeps_minutes_alone(view):
    page = view().go("#/stream/hall")
    page.locator(".scores li").first.wait_for()
    history, events = page.evaluate(FLOOD)
    assert history <= 1700
    assert events <= 60

    tab = page.context.new_cdp_session(page)
    nodes = []
    for _ in range(3):
        for view_ in ("#/", "#/events", "#/stream/door", "#/teach", "#/stream/hall"):
            page.evaluate("(to) => { location.hash = to; }", view_)
            page.wait_for_timeout(80)
        tab.send("HeapProfiler.collectGarbage")
        nodes.append(tab.send("Memory.getDOMCounters")["nodes"])
    assert nodes[2] <= nodes[0] + 200
