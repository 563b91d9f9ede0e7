"""Pictures of moments: from the archive, or cut from the video if it is still there."""

from pathlib import Path

from ...preprocessing.opencv import load_cv2

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
