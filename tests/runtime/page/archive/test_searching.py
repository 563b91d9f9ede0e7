"""The page of an archive, asked by a plain client."""

import shutil
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings

TOKEN = "c" * 20
ANY = "/api/archive/search?text=red"


def still_of(hit):
    asked = {name: hit[name] for name in ("video", "start_s", "end_s", "peak_s")}
    return f"/api/archive/still?{urlencode(asked)}"


def test_a_search_finds_shows_and_plays_a_moment(page):
    status, info, _ = page.ask("/api/archive")
    assert (status, info["name"], info["videos"]) == (200, "cameras.archive", True)
    assert len(info["streams"]) == 2
    status, found, _ = page.ask(ANY)
    assert status == 200, found
    best = found["hits"][0]
    assert best["stream"].endswith("hall.mp4")
    assert 2 <= best["peak_s"] <= 4
    assert [best["peak_s"], best["peak"]] in best["scores"]
    assert best["still"]
    assert best["plays"]
    status, jpeg, _ = page.ask(still_of(best))
    assert (status, jpeg[:2]) == (200, b"\xff\xd8")
    video = f"/api/archive/video?video={quote(best['video'])}"
    status, content, answer = page.ask(video)
    assert (status, answer.headers.get_content_type()) == (200, "video/mp4")
    status, part, answer = page.ask(video, Range="bytes=4-11")
    assert (status, part) == (206, content[4:12])
    assert page.ask(video, Range=f"bytes={len(content) + 1}-")[0] == 416


def test_streams_and_numbers_bound_what_is_found(page):
    door = next(one for one in page.ask("/api/archive")[1]["streams"] if "door" in one)
    found = page.ask(f"/api/archive/search?text=green&text=blue&stream={quote(door)}&top=1")[1]
    assert [one["stream"] for one in found["hits"]] == [door]
    # Files have no time of day.
    assert page.ask(f"{ANY}&since=1")[1]["hits"] == []


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("", 400),
        ("text=", 400),
        ("text=red&top=101", 400),
        ("text=red&since=1e300", 400),
        ("text=" + "x" * 201, 400),
        ("&".join(f"text=a{one}" for one in range(17)), 400),
        ("text=%21+red", 422),
        ("text=red&since=20&until=10", 422),
        ("text=red&stream=attic", 404),
        ("text=red&like=/etc/passwd", 400),
        ("text=red&archive=/", 400),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(page, asked, status):
    got, failure, _ = page.ask(f"/api/archive/search?{asked}")
    assert got == status, failure
    assert failure["error"].endswith(".")


@pytest.mark.parametrize(
    "name",
    ["no-such-id", "../videos/hall.mp4", "/etc/passwd", "' OR '1'='1", "%00", "hall.mp4"],
)
def test_a_video_is_named_by_its_id_alone(page, name):
    status, failure, _ = page.ask(f"/api/archive/video?video={quote(name)}")
    assert (status, "error" in failure) == (404, True)
    for path in (f"/api/archive/video/{quote(name)}", f"/static/{quote(name)}"):
        assert page.ask(path)[0] == 404


def test_nothing_is_told_without_a_token_or_to_others(serve, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    page = serve(serve_token=file)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for path in ("/api/archive", ANY, "/api/archive/still?video=a", "/api/archive/video?video=a"):
        assert page.ask(path)[0] == 401, path
        assert page.ask(path, **bearer, Host="evil.example")[0] == 421, path
        assert page.ask(path, **bearer, Origin="https://evil.example")[0] == 403, path
    assert page.ask("/api/archive", **bearer)[0] == 200
    assert page.ask("/")[0] == 200
    policy = page.ask("/")[2].getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy


def test_no_videos_shows_none(serve):
    page = serve(videos=False)
    hit = page.ask(ANY)[1]["hits"][0]
    assert (hit["plays"], hit["still"]) == (False, False)
    assert page.ask(f"/api/archive/video?video={hit['video']}")[0] == 409
    assert page.ask(still_of(hit))[0] == 404


def test_another_file_in_a_videos_place_is_not_shown(page, archive, tmp_path):
    hit = page.ask(ANY)[1]["hits"][0]
    file = archive.parent / "videos" / "hall.mp4"
    aside = shutil.move(file, tmp_path / "aside.mp4")
    try:
        for put in (lambda: None, lambda: file.symlink_to("/etc/passwd")):
            put()
            assert page.ask(f"/api/archive/video?video={hit['video']}")[0] == 404
            assert page.ask(still_of(hit))[0] == 404
    finally:
        file.unlink(missing_ok=True)
        shutil.move(aside, file)
    assert page.ask(f"/api/archive/video?video={hit['video']}")[0] == 200


def test_no_request_makes_an_error_of_the_server(page):
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_url(f"{page.address}api/openapi.json")
    for operation in [found.ok() for found in schema.get_all_operations()]:
        fuzz(operation)


def fuzz(operation):
    @settings(
        max_examples=4,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[*HealthCheck],  # pyright: ignore[reportArgumentType]
    )
    @given(case=operation.as_strategy())
    def ask(case):
        answer = case.call(timeout=60)
        assert answer.status_code < 500, answer.text
        assert str(answer.status_code) in operation.definition.raw["responses"], answer.text

    ask()
