"""streams.toml: what it may say, and where it is wrong."""

from pathlib import Path

import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.sources.spec import SourceSpec
from stzsar.runtime.sources.streams_file import read_streams


@pytest.fixture
def write(tmp_path):
    def write_file(text):
        path = tmp_path / "streams.toml"
        path.write_text(text)
        return path

    return write_file


def test_streams_have_names_labels_and_thresholds_of_their_own(write, tmp_path):
    path = write("""
[[stream]]
name = "hall"
source = "rtsp://me:${HALL}@hall.example/x"
labels = "hall.txt"
threshold = 0.6
calibration = "sub/hall.json"
rate = 8

[[stream]]
name = "clip"
source = "clip.mp4"
""")

    hall, clip = read_streams(path, {"HALL": "pa55"})

    assert hall == SourceSpec(
        uri="rtsp://me:pa55@hall.example/x",
        name="hall",
        labels=tmp_path / "hall.txt",
        rate_fps=8.0,
        threshold=0.6,
        calibration=tmp_path / "sub" / "hall.json",
    )
    assert clip == SourceSpec(uri=str(tmp_path / "clip.mp4"), name="clip")
    assert "pa55" not in repr(hall)


def test_labels_may_stand_in_the_file_itself(write, tmp_path):
    stream = '[[stream]]\nname = "a"\nsource = "0"\n'
    of_stream = 'labels = ["waving", "! walking, slowly"]\n'
    of_region = '[[stream.region]]\nname = "b"\nbox = [0, 0, 1, 1]\nlabels = "archery, bowling"\n'

    (whole,) = read_streams(write(stream + of_stream))
    (region,) = read_streams(write(stream + of_stream + of_region))

    assert whole.labels == (Label("waving"), Label("walking, slowly", role="ignore"))
    assert region.labels == (Label("archery"), Label("bowling"))
    (tmp_path / "one").write_text("running\n")
    (named,) = read_streams(write(stream + 'labels = "one"\n'))
    assert named.labels == tmp_path / "one"


def test_pictures_have_a_rate_of_their_own(write, tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "1.jpg").write_bytes(b"")
    table = '[[stream]]\nname = "a"\nsource = "frames"\nframe-rate = 12.5\n'

    (spec,) = read_streams(write(table))

    assert spec.frame_rate == 12.5
    with pytest.raises(SourceError, match=r"frame-rate of stream 1 .* is for a folder of pictures"):
        read_streams(write(table.replace('"frames"', '"clip.mp4"')))


ONE = '[[stream]]\nname = "a"\nsource = "rtsp://me:pa55@cam/x"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no stream"),
        ("stream = []", "names no stream"),
        ("stream = [1]", "stream 1 of .*: expected object, got int"),
        ('[stream]\nname = "a"', "names no stream"),
        ('[[camera]]\nname = "a"', "an unknown 'camera'"),
        (ONE + ONE, "stream 2 of .*: the name 'a' is taken"),
        (
            ONE + "colour = 1",
            "stream 1 of .* unknown field colour; .* takes name, source",
        ),
        ('[[stream]]\nsource = "0"', "stream 1 of .*: missing required field name"),
        ('[[stream]]\nname = "a"', "stream 1 of .*: missing required field source"),
        ('[[stream]]\nname = "a"\nsource = 0', "stream 1 of .*: source: expected str, got int"),
        ('[[stream]]\nname = "a\\nb"\nsource = "0"', "name: it is not one line of text"),
        (
            ONE + '[[stream.region]]\nname = "b"\nbox = [0, 0, 1, 1]\nlables = "x"',
            "region 1: .*unknown field lables; a ..stream.region.. takes name, box, polygon",
        ),
        (ONE + 'labels = ["a", 1]', "labels 2: expected str, got int"),
        (ONE + "threshold = 1.5", "stream 1 of .*: threshold: expected float <= 1"),
        (ONE + "threshold = true", "threshold: expected float.*, got bool"),
        (ONE + "threshold = nan", "threshold: expected float"),
        (ONE + "rate = 0", "rate: expected float > 0"),
        (ONE + 'rate = "8"', "rate: expected float, got str"),
        (ONE + "rate = 1" + 400 * "0", "rate: (number out of range|expected float)"),
        (ONE + "labels = 3", "labels: expected .*, got int"),
        (ONE + "labels = []", "labels: expected array of length >= 1"),
        (ONE + 'labels = ["a", "A"]', "Cannot use the labels of stream 1 of .*'a' and 'A'"),
        (ONE + 'labels = "archery"', "There is no file 'archery' for stream 1 of"),
        (ONE + 'labels = "a\\u0000b"', "There is no file 'a.x00b' for stream 1 of"),
        (ONE + "frame-rate = 0", "frame-rate: expected float > 0"),
        (ONE + "frame_rate = 5", "unknown field frame_rate; .* frame-rate"),
        (ONE + 'verify = "a"\nverify_llm = "b"', "it takes verify or verify_llm, and not both"),
        (ONE.replace("pa55", "${GONE}"), "needs the variable GONE, which is not set"),
        (ONE.replace("pa55", "${"), "without a variable's name"),
        (ONE.replace("rtsp", "ftp"), "source of stream 1 of .* not a kind that can be read"),
        (ONE.replace("rtsp://me:pa55@cam/x", "*.mp4"), "is a folder or a pattern"),
        (ONE.replace("rtsp://me:pa55@cam/x", "."), "is a folder or a pattern"),
        ('[[stream]]\nsource = "rtsp://me:pa55@cam/x\n', "is not TOML: look at line 2"),
        ('[[stream]]\nsource = "rtsp://me:pa55@cam/x', "is not TOML: look at end of document"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_without_secrets(write, text, message):
    path = write(text)

    with pytest.raises(SourceError, match=message) as caught:
        read_streams(path, {})

    assert str(path) in str(caught.value)
    assert "pa55" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(SourceError, match="Cannot read the streams"):
        read_streams(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SourceError, match="not UTF-8"):
        read_streams(tmp_path / "latin.toml")


def test_what_has_no_end_or_no_sense_is_not_read(write):
    with pytest.raises(SourceError, match="Not a regular file"):
        read_streams(Path("/dev/zero"))
    for text in ("x = " + "[" * 100_000, "x = " + "9" * 5001, 'x = "a\\u0000b"', "#" * 2**21):
        with pytest.raises(SourceError):
            read_streams(write(text))


def test_a_mask_is_boxes_and_polygons(write):
    path = write(
        '[[stream]]\nname = "a"\nsource = "0"\nmask = [[0, 0, 0.5, 1], [[0, 0], [1, 0], [1, 1]]]\n'
    )
    (spec,) = read_streams(path)
    assert spec.mask
    assert [area.is_box for area in spec.mask.areas] == [True, False]


@pytest.mark.parametrize("mask", ["[[0, 0, 1]]", "[[0, 0, 2, 1]]", "[[[0, 0], [1, 1]]]", "[1]"])
def test_a_mask_that_is_no_area_is_refused_with_its_number(write, mask):
    with pytest.raises(SourceError, match=r"stream 1 of .*mask: number 1: an area is a box"):
        read_streams(write(f'[[stream]]\nname = "a"\nsource = "0"\nmask = {mask}\n'))


def test_a_stream_and_its_regions_say_who_looks_again(write, tmp_path):
    path = write(
        """
        [[stream]]
        name = "hall"
        source = "0"
        verify = "large"
        verify_labels = ["archery"]
        [[stream.region]]
        name = "door"
        box = [0, 0, 1, 1]
        [[stream]]
        name = "yard"
        source = "1"
        verify_llm = "http://localhost:11434/v1"
        """
    )
    hall, yard = read_streams(path)
    assert (hall.name, hall.verify, hall.verify_llm) == ("hall/door", tmp_path / "large", None)
    assert hall.verify_labels == ("archery",)
    assert (yard.verify, yard.verify_llm) == (None, "http://localhost:11434/v1")
