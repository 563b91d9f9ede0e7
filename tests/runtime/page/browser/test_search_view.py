"""An archive searched in a real browser."""

import socket
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("lancedb")
pytestmark = pytest.mark.live
COLOURS_BGR = {"red": (0, 0, 255), "green": (0, 200, 0), "blue": (255, 60, 0)}


@pytest.fixture(scope="module")
def served(bundle, tmp_path_factory):
    """`stzsar-archive serve` of two videos that `stzsar-archive index` has read."""
    from stzsar.runtime.video.writer import open_writer

    folder = tmp_path_factory.mktemp("archive")
    (folder / "videos").mkdir()
    for name, colours in (("hall", ("green", "red", "blue")), ("door", ("blue", "green", "red"))):
        writer = open_writer(folder / "videos" / f"{name}.mp4", 8.0, (320, 180))
        for number in range(16 * len(colours)):
            picture = np.full((180, 320, 3), COLOURS_BGR[colours[number // 16]], np.uint8)
            picture[80:90, number * 5 : number * 5 + 10] = 255
            writer.write(picture)
        writer.close()
    command = (sys.executable, "-m", "stzsar.runtime.command.archive.cli")
    place = str(folder / "cameras.archive")
    subprocess.run(
        [*command, "index", str(folder / "videos"), "--archive", place, "--bundle", str(bundle)],
        check=True,
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    serving = subprocess.Popen(
        [*command, "serve", place, "--bundle", str(bundle), "--serve", f"127.0.0.1:{port}"],
        stderr=subprocess.PIPE,
        text=True,
    )
    end_s = time.monotonic() + 60
    while socket.socket().connect_ex(("127.0.0.1", port)):
        assert serving.poll() is None, serving.communicate()[1]
        assert time.monotonic() < end_s
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}/"
    serving.terminate()
    serving.communicate(timeout=30)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_moment_is_found_shown_and_played(served, make_viewer, scheme):
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="no axe-core").Axe()
    viewer = make_viewer(
        served,
        color_scheme=scheme,
        viewport={"width": 1280, "height": 860},
        reduced_motion="reduce",
    )
    page = viewer.go("")
    viewer.shoot(f"search empty {scheme}")
    page.get_by_label("What to find").fill("red, blue")
    page.keyboard.press("Enter")
    page.locator(".hit").first.wait_for()
    page.wait_for_function("() => document.querySelector('.hit img')?.naturalWidth > 0")
    viewer.shoot(f"search {scheme}")
    assert_accessible(axe, page)
    page.locator(".hit").first.click()
    page.wait_for_function("() => document.querySelector('dialog video')?.readyState >= 2")
    assert page.locator("dialog video").evaluate("(video) => video.currentTime") > 0
    viewer.shoot(f"search hit {scheme}")
    assert_accessible(axe, page)


def test_a_phone_shows_it_without_scrolling_sideways(served, make_viewer):
    viewer = make_viewer(served, viewport={"width": 390, "height": 844}, is_mobile=True)
    page = viewer.go("#/search?text=green")
    page.locator(".hit").first.wait_for()
    page.wait_for_function("() => document.querySelector('.hit img')?.naturalWidth > 0")
    viewer.shoot("search phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def assert_accessible(axe, page):
    found = axe.run(page)["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not bad, [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in bad]
