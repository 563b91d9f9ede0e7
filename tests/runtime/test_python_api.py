"""What people have in Python goes in, and what comes out is typed, decided and readable."""

import asyncio
import functools
import http.server
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from stzsar.runtime import ActionEvent, Frames, Label, Policy, Recognition, Recognizer, StzsarError
from stzsar.runtime.results import Score
from stzsar.runtime.streams.stream import StreamOptions


@pytest.fixture
def frames(picture):
    """Two seconds of red at 8 frames a second."""
    return [picture("red")] * 16


@pytest.fixture
def serve_folder(tmp_path):
    """A plain HTTP server for the files of a folder; returns the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *arguments): ...  # noqa: A002

    handler = functools.partial(Quiet, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def read_all(path: Path) -> np.ndarray:
    capture, images = cv2.VideoCapture(str(path)), []
    while True:
        there, image = capture.read()
        if not there:
            return np.stack(images)
        images.append(image)


def test_an_array_an_iterator_and_the_file_give_the_same(recognizer, tmp_path, draw_video):
    path = draw_video(tmp_path / "clip.avi", ["red"] * 8 + ["blue"] * 8, fps=8)
    array = read_all(path)
    timed = ((index / 8, image) for index, image in enumerate(array))

    file = recognizer.classify(path)
    results = [
        recognizer.classify(array),
        recognizer.classify(iter(array)),
        recognizer.classify(Frames(array, fps=8)),
        recognizer.classify(Frames(list(array))),
        recognizer.classify(Frames(array[..., ::-1], order="RGB")),
        recognizer.classify(timed),
    ]

    for found in results:
        assert [score.label for score in found.top] == [score.label for score in file.top]
        assert found.score == pytest.approx(file.score, abs=1e-6)
    assert results[2].end_s == results[5].end_s == pytest.approx(file.end_s)


@pytest.mark.parametrize("count", [1, 3, 33, 1000])
def test_an_iterator_of_unknown_length_is_looked_at_all_over(recognizer, count):
    def levels():
        for index in range(count):
            yield index, np.full((20, 20, 3), 255 * index // count, np.uint8)

    found = recognizer.classify(levels())

    # The middles of four equal segments, within an eighth of one.
    assert found.start_s == pytest.approx(count / 8, abs=max(1, count / 32))
    assert found.end_s == pytest.approx(7 * count / 8, abs=max(1, count / 32))


def test_an_address_of_a_file_is_classified_and_one_without_an_end_is_not(
    recognizer, serve_folder, draw_video, tmp_path
):
    draw_video(tmp_path / "clip.mp4", ["green"] * 16)

    assert recognizer.classify(f"{serve_folder}/clip.mp4").label == "green"
    with pytest.raises(StzsarError, match="has no end to classify it by: use stream"):
        recognizer.classify("test://moving-shapes")


def test_a_list_of_clips_gives_a_list_of_results_in_order(recognizer, tmp_path, draw_video, frames):
    colours = ["red", "green", "blue", "green", "red", "blue"]
    paths = [draw_video(tmp_path / f"{i}.avi", [colour] * 8) for i, colour in enumerate(colours)]

    found = recognizer.classify([*paths, np.stack(frames)])

    assert [one.label for one in found] == [*colours, "red"]
    assert [one.source for one in found] == [*map(str, paths), "frames"]
    for path, one in zip(paths, found, strict=False):
        assert recognizer.classify(path).score == pytest.approx(one.score, abs=1e-6)
    assert recognizer.classify([]) == []


def test_a_folder_is_classified_in_a_list_and_streamed_as_it_is(recognizer, tmp_path, draw_video):
    (tmp_path / "clips").mkdir()
    for colour in ("red", "green"):
        draw_video(tmp_path / "clips" / f"{colour}.avi", [colour] * 8)
    folder = tmp_path / "clips"

    assert [one.label for one in recognizer.classify([folder])] == ["green", "red"]
    assert {one.label for one in recognizer.stream(folder)} == {"green", "red"}
    assert {one.label for one in recognizer.stream(str(folder / "*.avi"))} == {"green", "red"}
    with pytest.raises(StzsarError, match="a folder of 2 videos"):
        recognizer.classify(folder)


def test_a_folder_of_pictures_is_one_clip(recognizer, tmp_path, picture):
    (tmp_path / "frames").mkdir()
    for number in range(16):
        cv2.imwrite(str(tmp_path / f"frames/{number:04d}.png"), picture("blue"))

    assert recognizer.classify(tmp_path / "frames").label == "blue"
    assert {one.label for one in recognizer.stream(tmp_path / "frames")} == {"blue"}


def test_own_frames_are_streamed_with_their_times_or_at_a_rate(recognizer, frames):
    in_file_time = [(index / 8, image) for index, image in enumerate(frames)]

    by_times = list(recognizer.stream(iter(in_file_time)))
    by_rate = list(recognizer.stream(Frames(np.stack(frames), fps=8)))
    each = list(recognizer.stream(np.stack(frames)))

    assert [one.end_s for one in by_times] == [one.end_s for one in by_rate]
    assert len(by_times) == 5  # the bundle looks 4 times a second
    assert len(each) == 13  # without a rate, no frame is left out


def test_results_have_the_decisions_of_the_command(recognizer, red_video):
    assert recognizer.classify(red_video).decision == "red"
    assert {one.decision for one in recognizer.stream(red_video)} == {"red"}
    strict = Policy(thresholds={"red": 1.1})
    assert recognizer.classify(red_video, policy=strict).decision is None
    assert {one.decision for one in recognizer.stream(red_video, policy=strict)} == {None}


def test_a_decision_needs_no_more_labels_than_it_is_to_show(bundle, red_video):
    recognizer = Recognizer.load(bundle, top_k=1)
    low = Policy(score=0.3, keep_score=0.1)

    for one in [recognizer.classify(red_video, policy=low), *recognizer.stream(red_video)]:
        assert len(one.top) == 1
        assert one.decision == "red"
    two = StreamOptions(top_k=2)
    assert {len(one.top) for one in recognizer.stream(red_video, two)} == {2}


def test_events_come_between_the_results_if_they_are_asked_for(recognizer, tmp_path, draw_video):
    path = draw_video(tmp_path / "clip.avi", ["red"] * 40 + ["blue"] * 40)

    found = list(recognizer.stream(path, events=True))

    events = [one for one in found if isinstance(one, ActionEvent)]
    assert [(one.event, one.label) for one in events] == [
        *(("start", "red"), ("end", "red"), ("start", "blue"), ("end", "blue")),
    ]
    assert found.index(events[1]) > 10


def test_a_calibration_decides(recognizer, run_cli, bundle, tmp_path, draw_video, red_video):
    footage = draw_video(tmp_path / "night.avi", ["red", "green", "blue"] * 2000, fps=8)
    site = tmp_path / "site.json"
    made = run_cli("--bundle", bundle, "--calibrate", footage, "--calibration", site)
    assert made.exit_code == 0

    assert {one.decision for one in recognizer.stream(red_video, calibration=site)} == {"red"}
    with Recognizer.load(bundle, ["yellow", "red"]) as other:
        found = list(other.stream(red_video, calibration=site))
        assert {one.decision for one in found} == {"red"}
        assert {score.label for one in found for score in one.top} == {"yellow", "red"}
        # The calibration measures with all labels that it was made with.
        context = [label.name for label in other.labels if label.role == "context"]
        assert sorted(context) == ["blue", "green"]
        other.use_labels(["red"])
        assert {one.decision for one in other.stream(red_video, calibration=site)} == {"red"}
    with pytest.raises(StzsarError, match="windows of 4 frames at 4 a second"):
        recognizer.stream(red_video, StreamOptions(rate_fps=8), calibration=str(site))
    with pytest.raises(StzsarError, match="is no path"):
        recognizer.stream(red_video, calibration=0.5)
    with pytest.raises(StzsarError, match="No such file"):
        recognizer.stream(red_video, calibration=tmp_path / "none.json")


def test_labels_come_from_a_file_a_list_or_what_a_file_may_hold(bundle, tmp_path, red_video):
    (tmp_path / "labels.txt").write_text("yellow\nred\n")

    for labels in (
        tmp_path / "labels.txt",
        str(tmp_path / "labels.txt"),
        ["yellow", "red"],
        ("yellow", Label("red")),
        {"yellow": [], "red": ["crimson"]},
        [{"label": "yellow"}, {"label": "red", "attributes": ["ruby"]}],
        "yellow,red",
    ):
        recognizer = Recognizer.load(bundle, labels)
        assert [label.name for label in recognizer.labels] == ["yellow", "red"]
        assert recognizer.classify(red_video).label == "red"
        recognizer.use_labels(labels)


def test_async_streams_share_the_event_loop(recognizer):
    """Two live streams and a clock run side by side, and none waits for another."""

    async def watch(seed: int) -> list[Recognition]:
        uri = f"test://moving-shapes?seconds=2&seed={seed}"
        async with recognizer.stream(uri) as results:
            return [result async for result in results]

    async def tick(done: asyncio.Event) -> int:
        ticks = 0
        while not done.is_set():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    async def run() -> tuple[list[list[Recognition]], int]:
        done = asyncio.Event()
        clock = asyncio.create_task(tick(done))
        found = list(await asyncio.gather(watch(0), watch(1)))
        done.set()
        return found, await clock

    found, ticks = asyncio.run(run())

    assert all(len(results) > 2 for results in found)
    assert ticks > 20


def feeds_of(name: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == f"feed {name}"]


def wait_until_none(name: str) -> None:
    deadline_s = time.monotonic() + 10
    while feeds_of(name) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert not feeds_of(name)


def test_an_async_stream_that_is_cancelled_or_left_closes_its_source(recognizer):
    uri = "test://moving-shapes?seed=77"

    async def cancelled() -> None:
        stream = recognizer.stream(uri)
        await anext(stream)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(stream), 1e-9)

    async def left() -> None:
        async with recognizer.stream(uri) as results:
            async for _ in results:
                break

    asyncio.run(cancelled())
    wait_until_none(uri)
    asyncio.run(left())
    wait_until_none(uri)


def test_a_with_block_closes_a_stream_also_from_another_thread(recognizer):
    uri = "test://moving-shapes?seed=78"
    with recognizer.stream(uri) as results:
        first = next(results)
        assert feeds_of(uri)
    wait_until_none(uri)
    assert list(results) == []
    assert first.source == uri

    endless = recognizer.stream(uri)
    threading.Timer(0.5, endless.close).start()
    assert all(isinstance(result, Recognition) for result in endless)
    wait_until_none(uri)


def test_a_closed_recognizer_says_so_and_opens_nothing(bundle, red_video):
    with Recognizer.load(bundle) as recognizer:
        assert recognizer.classify(red_video).label == "red"

    assert "closed" in repr(recognizer)
    assert "closed" in recognizer._repr_html_()
    for use in (
        lambda: recognizer.classify(red_video),
        lambda: recognizer.stream(red_video),
        lambda: recognizer.labels,
        lambda: recognizer.open_stream("camera"),
        lambda: recognizer.use_labels(["red"]),
    ):
        with pytest.raises(StzsarError, match="closed"):
            use()
    recognizer.close()


WRONG = [
    (None, "NoneType is nothing to recognise actions in"),
    (3.5, "float is nothing"),
    (b"clip.mp4", "bytes is nothing"),
    (object(), "object is nothing"),
    (np.zeros((4, 20, 20, 3), np.float32), r"float32 \[4, 20, 20, 3\]: give uint8"),
    (np.zeros((20, 20, 3), np.uint8), r"uint8 \[20, 20, 3\]: give uint8 \[T, H, W, 3\]"),
    (np.zeros((4, 3, 20, 20), np.uint8), r"\[4, 3, 20, 20\]"),
    (np.zeros((0, 20, 20, 3), np.uint8), r"\[0, 20, 20, 3\]"),
    (iter([]), "has no frames|nothing"),
    (iter([np.zeros((20, 20), np.uint8)]), r"Frame 0 of frames is uint8 \[20, 20\]"),
    (iter(["a.jpg"]), "Frame 0 of frames is a str"),
    (iter([(1, 2, 3)]), "a tuple of 3"),
    (iter([(float("nan"), np.zeros((20, 20, 3), np.uint8))]), "the time nan"),
    ((1 / 0 for _ in range(3)), "break off .ZeroDivisionError"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_a_wrong_clip_is_one_sentence(recognizer, wrong, message):
    with pytest.raises(StzsarError, match=message):
        recognizer.classify(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "NoneType is nothing"),
        (True, "bool is nothing"),
        (2.5, "float is nothing"),
        ([np.zeros((20, 20, 3), np.uint8)], "list is nothing"),
        (iter([np.zeros((20, 20), np.uint8)]), r"uint8 \[20, 20\]"),
        ((1 / 0 for _ in range(3)), "break off"),
    ],
)
def test_a_wrong_source_is_one_sentence(recognizer, wrong, message):
    with pytest.raises(StzsarError, match=message):
        list(recognizer.stream(wrong))


def test_other_wrong_arguments_are_one_sentence(recognizer, red_video, frames):
    with pytest.raises(StzsarError, match="a list is one of clips"):
        recognizer.classify(frames)
    with pytest.raises(StzsarError, match="give Policy"):
        recognizer.classify(red_video, policy=0.5)  # type: ignore[call-overload]
    with pytest.raises(StzsarError, match="above 0"):
        Frames(np.stack(frames), fps=0)
    with pytest.raises(StzsarError, match="'BGR' or 'RGB'"):
        Frames(np.stack(frames), order="GBR")  # type: ignore[arg-type]
    with pytest.raises(StzsarError, match="is neither"):
        Frames("clip.mp4")  # type: ignore[arg-type]
    with pytest.raises(StzsarError, match="3 is not labels"):
        recognizer.use_labels(3)  # type: ignore[arg-type]


def test_a_program_may_draw_into_its_frames_once_it_has_given_them(recognizer, picture):
    image = picture("red").copy()

    def camera():
        for index in range(16):
            image[:] = picture("red" if index < 15 else "blue")
            yield index / 4, image

    assert {one.label for one in recognizer.stream(camera())} == {"red"}


def test_representations_are_short_and_html_is_escaped(recognizer, red_video):
    found = recognizer.classify(red_video)
    assert repr(recognizer) == "Recognizer('colours', 3 labels, on cpu)"
    assert repr(found).startswith("Recognition(")
    assert "decision='red'" in repr(found)
    assert len(repr(found)) < 60 + len(str(red_video))
    assert "crimson, ruby" in recognizer._repr_html_()

    nasty = Recognition(
        "<script>x</script>", 0, 1, 4, (Score("<img src=x>", 0.75, 0.1),), decision="<img src=x>"
    )
    html = nasty._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "<b>&lt;img src=x&gt;</b>" in html
    assert "width:90px" in html
