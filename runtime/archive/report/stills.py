"""Pictures of moments: from the archive, or cut from the video if it is still there."""

from collections.abc import Sequence
from pathlib import Path

from ...preprocessing.opencv import load_cv2
from ..keeping.tables import Tables
from ..search.moments import Moment, with_still
from ..store.opening import quoted

WIDTH, QUALITY = 640, 80
_MAX_SIDE = 1 << 14


def cut_still(path: Path, at_s: float) -> bytes | None:
    """Return a picture of a video as a JPEG, at most 640 pixels wide.

    Args:
        path: the video file.
        at_s: when, in seconds.

    Returns:
        None where the file is gone or has no such picture.
    """
    if not path.is_file():
        return None
    cv2 = load_cv2()
    capture = cv2.VideoCapture(str(path))
    try:
        capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * max(0.0, at_s))
        is_there, image = capture.read()
    except cv2.error:
        return None
    finally:
        capture.release()
    if not is_there or image is None or not image.size or max(image.shape[:2]) > _MAX_SIDE:
        return None
    height, width = image.shape[:2]
    if width > WIDTH:
        size = (WIDTH, max(1, round(height * WIDTH / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()


def with_stills(tables: Tables, moments: Sequence[Moment]) -> list[Moment]:
    """Return moments with the archive's picture nearest to the peak, where it has one of them."""
    if tables.dataset("stills") is None:
        return list(moments)
    return [
        one
        if one.still
        else with_still(one, kept_still(tables, one.video, one.start_s, one.end_s, one.peak_s))
        for one in moments
    ]


def kept_still(
    tables: Tables, video: str, start_s: float, end_s: float, near_s: float
) -> bytes | None:
    """Return the archive's picture of a span of a video, the nearest to a second of it."""
    where = f"video = {quoted(video)} AND time_s >= {start_s!r} AND time_s <= {end_s!r}"
    found = tables.rows("stills", where=where, columns=["time_s", "jpeg"])
    nearest = min(found, key=lambda row: abs(row["time_s"] - near_s), default=None)
    return nearest["jpeg"] if nearest else None
