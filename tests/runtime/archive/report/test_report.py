"""The report: one file that says what was found, and lets nothing of a name become markup."""

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from stzsar.runtime.archive.keeping.tables import Tables
from stzsar.runtime.archive.report.chart import draw_scores, shown_s
from stzsar.runtime.archive.report.report import Report, html_of, write_report
from stzsar.runtime.archive.report.stills import with_stills
from stzsar.runtime.archive.search.moments import Moment

SAMPLE = Path(__file__).parents[4] / "runtime" / "shipped" / "sample.mp4"
FACTS = {"video": "v", "start_s": 1.0, "end_s": 2.5, "peak_s": 2.0, "peak": 0.83}


def moment(**facts):
    known = {"stream": "yard", "path": None, "label": "digging", "similarity": 0.3, "rank": 0.3}
    return Moment(**{**known, **FACTS, "windows": ((1.0, 0.4), (2.0, 0.83), (2.5, 0.5)), **facts})


def jpegs_of(html):
    found = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", html)
    return [base64.b64decode(one) for one in found]


def test_it_shows_each_moment_with_its_scores_times_and_picture(tmp_path):
    still = cv2.imencode(".jpg", np.full((9, 16, 3), 200, np.uint8))[1].tobytes()
    report = Report(
        moments=[moment(still=still)], archive="an archive", facts=["Two were left out."]
    )
    html = html_of(report, folder=tmp_path)
    assert jpegs_of(html) == [still]
    for said in ("digging", "yard", "83%", "0:01 to 0:02.5, best at 0:02", "Two were left out."):
        assert said in html


def test_names_are_text(tmp_path):
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    html = html_of(Report(moments=[moment(stream=evil, label=evil)], archive=evil), folder=tmp_path)
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_a_video_is_linked_beside_the_report_and_its_picture_cut_out(tmp_path):
    video = tmp_path / "videos" / "a b#1.mp4"
    video.parent.mkdir()
    video.write_bytes(SAMPLE.read_bytes())
    write_report(
        Report(moments=[moment(path=str(video))], archive="a"), tmp_path / "out" / "r.html"
    )
    html = (tmp_path / "out" / "r.html").read_text("utf-8")
    assert 'href="../videos/a%20b%231.mp4#t=1"' in html
    [still] = jpegs_of(html)
    assert cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_COLOR) is not None


@pytest.mark.parametrize(
    "path",
    ["gone.mp4", "javascript:alert(1)", "rtsp://camera/1", "https://name:word@host/a.mp4"],
)
def test_what_a_browser_cannot_or_must_not_open_is_no_link(tmp_path, path):
    assert "<a " not in html_of(Report(moments=[moment(path=path)], archive="a"), folder=tmp_path)


def test_the_archive_gives_the_picture_nearest_to_the_peak(tmp_path):
    lance = pytest.importorskip("lance", reason="no Lance: pip install '.[archive]'")
    import pyarrow

    rows = [("v", 0.5), ("v", 1.2), ("v", 2.1), ("other", 2.0)]
    stills = [
        {"video": video, "time_s": at, "jpeg": f"{video} {at}".encode()} for video, at in rows
    ]
    for name, table in {"stills": stills, "stretches": [{"attempt": "one"}]}.items():
        lance.write_dataset(pyarrow.Table.from_pylist(table), str(tmp_path / f"{name}.lance"))
    found = with_stills(Tables(str(tmp_path)), [moment(), moment(video="none"), moment(still=b"x")])
    assert [one.still for one in found] == [b"v 2.1", None, b"x"]


def test_nothing_found_is_said(tmp_path):
    assert "No moment" in html_of(Report(moments=[], archive="a"), folder=tmp_path)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (12.5, "0:12.5"), (59.96, "1:00"), (3723.04, "1:02:03"), (-1, "0:00")],
)
def test_times_are_shown_as_players_show_them(seconds, shown):
    assert shown_s(seconds) == shown


def test_a_chart_stays_inside_its_frame_whatever_the_scores():
    svg = draw_scores([(0, -1), (1, 2), (1, 0.5)], start_s=-5, end_s=9, peak_s=1)
    heights = [float(y) for _, y in re.findall(r"([\d.]+),([\d.]+)", svg)]
    assert heights
    assert all(8 <= y <= 78 for y in heights)
    assert draw_scores([], start_s=3, end_s=3, peak_s=3).startswith("<svg")


def test_a_browser_shows_it_without_asking_anybody(tmp_path, browser):
    write_report(Report(moments=[moment(path=str(SAMPLE))], archive="a"), tmp_path / "r.html")
    page = browser.new_page(viewport={"width": 360, "height": 700})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "r.html").as_uri())
    assert page.locator("img").evaluate("one => one.naturalWidth > 0")
    assert page.evaluate("getComputedStyle(document.querySelector('.moment')).display") == "grid"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert {url for url in asked if not url.startswith("data:")} == {(tmp_path / "r.html").as_uri()}
    assert said == []
