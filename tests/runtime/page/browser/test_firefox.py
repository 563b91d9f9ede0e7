"""The page in another engine: Debian's Firefox, driven by its own protocol."""

import shutil
import time

import pytest

pytestmark = pytest.mark.live
marionette = pytest.importorskip(
    "marionette_driver.marionette", reason="no marionette_driver: make setup"
)
PATIENCE_S = 60.0
# What the canvas of a picture shows: two of these differ if it moves.
PICTURE = """
    const canvas = document.querySelector("canvas");
    return canvas && canvas.width > 10 ? canvas.toDataURL() : null;
"""
# Before anything of the page runs there is no way in: errors of its scripts are read from the
# browser's own console.
ERRORS = """
    return Services.console.getMessageArray()
        .filter((one) => one instanceof Ci.nsIScriptError && one.sourceName.startsWith(arguments[0])
            && !(one.flags & Ci.nsIScriptError.warningFlag))
        .map((one) => one.errorMessage);
"""
EDIT = """
    const field = document.querySelector("textarea");
    if (!field || !field.value.includes("red")) return false;
    field.value = "yellow\\nsky\\n";
    field.dispatchEvent(new Event("input", {bubbles: true}));
    field.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", ctrlKey: true, bubbles: true}));
    return true;
"""
OPEN_LABELS = """
    const tabs = [...document.querySelectorAll("[role=tab]")];
    const tab = tabs.find((one) => one.textContent === "Labels");
    tab?.click();
    return Boolean(tab);
"""


@pytest.fixture
def firefox():
    """A Firefox without a window."""
    program = shutil.which("firefox-esr")
    if program is None:
        pytest.skip("no Firefox: apt install firefox-esr")
    browser = marionette.Marionette(bin=program, headless=True, port=0, startup_timeout=60)
    browser.start_session()
    yield browser
    browser.quit()
    browser.cleanup()


def becomes(true):
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError("this did not become true")


def test_the_page_moves_and_other_labels_win(firefox, site, cameras):
    cameras["hall"].show("yellow")
    firefox.navigate(f"{site.address}#/stream/hall")
    first = becomes(lambda: firefox.execute_script(PICTURE))
    becomes(lambda: firefox.execute_script(PICTURE) != first)

    becomes(lambda: firefox.execute_script(OPEN_LABELS))
    becomes(lambda: firefox.execute_script(EDIT))
    chips = "return document.querySelector('.chips')?.textContent ?? ''"
    becomes(lambda: "yellow" in firefox.execute_script(chips))

    with firefox.using_context("chrome"):
        assert firefox.execute_script(ERRORS, script_args=(site.address,)) == []
