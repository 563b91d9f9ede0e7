"""Parse source URIs: files, cameras, network streams, pipelines and test streams."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import SourceError
from .secrets import GST_PREFIX, is_pipeline, may_be_mistyped_address, without_secrets

MAX_CAMERA = 99  # OpenCV reads the hundreds of a number as the back end to use
NETWORK_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "udp", "tcp")
MOVING_SHAPES = "moving-shapes"
FORMS = (
    "a file, a folder, a pattern, file://, a camera's number, v4l2:///dev/video0, csi://0, "
    f"{', '.join(f'{scheme}://' for scheme in NETWORK_SCHEMES)}, gst:PIPELINE, "
    f"test://{MOVING_SHAPES}"
)
Kind = Literal["file", "camera", "csi", "network", "gst", "test"]

_NUMBERS: dict[str, dict[str, tuple[float, float]]] = {
    "csi": {"width": (16, 8192), "height": (16, 8192), "fps": (1, 240)},
    "test": {
        "fps": (0.1, 240),
        "seconds": (0.1, 1e9),
        "seed": (0, 2**32 - 1),
        "cuts": (1, 4),
        "share": (0.2, 0.6),
    },
}
_WHOLE = ("width", "height", "seed", "cuts")


@dataclass(frozen=True)
class Address:
    """A parsed source URI.

    Attributes:
        kind: how to open it.
        target: path, address, pipeline, or number of a camera or sensor.
        name: what results and messages call it; contains no password.
        numbers: its parameters, such as `fps`.
    """

    kind: Kind
    target: str | int
    name: str
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether it may have no end."""
        return self.kind != "file"

    def __repr__(self) -> str:
        # The target may hold a password, and representations end in logs.
        return f"Address({self.kind!r}, {self.name!r})"


def parse_address(uri: str | int | Path) -> Address:
    """Parse a source URI; opens nothing.

    Raises:
        SourceError: the scheme is unknown, or the rest is not valid for it.
    """
    if isinstance(uri, Path):
        return Address("file", str(uri), str(uri))
    uri = str(uri)
    if is_pipeline(uri):
        return _gst(uri)
    if "://" not in uri:
        return _plain(uri)
    scheme, _, rest = uri.partition("://")
    scheme = scheme.lower()
    if scheme in NETWORK_SCHEMES:
        return _network(uri)
    if scheme == "file":
        path = _local_path(uri, rest)
        return Address("file", path, path)
    if scheme == "v4l2":
        return _v4l2(uri, rest)
    if scheme == "csi":
        return _csi(uri, rest)
    if scheme == "test":
        return _test(uri, rest)
    raise SourceError(f"{without_secrets(uri)} is not a supported source: name {FORMS}.")


def camera_number(uri: str) -> int | None:
    """Return the number of a camera named `2`, `/dev/video2` or `v4l2:///dev/video2`; else None.

    Raises:
        SourceError: the number is too large for a camera.
    """
    match = re.fullmatch(r"(?:(?:v4l2://)?/dev/video)?0*([0-9]+)", uri)
    if match and len(match[1]) > len(str(MAX_CAMERA)):
        raise SourceError(
            f"There is no camera {match[1]:.20}: cameras have the numbers 0 to {MAX_CAMERA}."
        )
    return int(match[1]) if match else None


def _is_video_device(path: str) -> bool:
    """Return whether a path is a camera's stable name, such as those in /dev/v4l/by-id."""
    return path.startswith("/dev/v4l/")


def _plain(uri: str) -> Address:
    number = camera_number(uri)
    if number is not None:
        return Address("camera", number, f"camera {number}")
    if _is_video_device(uri):
        return Address("camera", uri, uri)
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:(?![\\\s])", uri)
    if scheme and not may_be_mistyped_address(uri) and not Path(uri).exists():
        raise SourceError(
            f"There is no file {without_secrets(uri)!r:.100}, and {scheme[0]} is no kind of "
            f"source: name {FORMS}."
        )
    if may_be_mistyped_address(uri) and not Path(uri).exists():
        raise SourceError(
            "A source is not a file and looks like an address with a password: write it as "
            "rtsp://user:password@camera/path."
        )
    return Address("file", uri, uri)


def _gst(uri: str) -> Address:
    pipeline, name = uri[len(GST_PREFIX) :].strip(), without_secrets(uri)
    if not re.search(r"\bappsink\b", pipeline):
        raise SourceError(
            f"The pipeline {name} has no appsink to take frames from: append "
            "'! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1'."
        )
    _check_utf8(pipeline, name)
    return Address("gst", pipeline, name)


def _network(uri: str) -> Address:
    name = without_secrets(uri)
    _check_utf8(uri, name)
    try:
        has_host = bool(urlsplit(uri).netloc)
    except ValueError as error:
        raise SourceError(f"The address {name} is not valid: check how it is written.") from error
    if not has_host:
        raise SourceError(f"The address {name} has no host: write it as rtsp://camera/path.")
    return Address("network", uri, name)


def _local_path(uri: str, rest: str) -> str:
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise SourceError(
            f"{without_secrets(uri)} is not a file on this machine: write file:///folder/clip.mp4."
        )
    return unquote("/" + path)


def _v4l2(uri: str, rest: str) -> Address:
    number = camera_number(rest)
    if number is not None:
        return Address("camera", number, f"camera {number}")
    if not _is_video_device(rest):
        raise SourceError(f"{without_secrets(uri)} is not a camera: write v4l2:///dev/video0.")
    return Address("camera", rest, rest)


def _csi(uri: str, rest: str) -> Address:
    sensor, _, query = rest.partition("?")
    if not re.fullmatch("[0-9]", sensor):
        raise SourceError(
            f"{without_secrets(uri)} has no sensor number: write csi://0 or "
            "csi://0?width=1280&height=720&fps=30."
        )
    return Address("csi", int(sensor), f"csi://{sensor}", _numbers("csi", uri, query))


def _test(uri: str, rest: str) -> Address:
    what, _, query = rest.partition("?")
    if what != MOVING_SHAPES:
        raise SourceError(
            f"There is no test stream {without_secrets(uri)}: write test://{MOVING_SHAPES}, "
            "optionally with ?fps=30&seconds=60&seed=0."
        )
    return Address("test", what, uri, _numbers("test", uri, query))


def _numbers(kind: str, uri: str, query: str) -> dict[str, float]:
    """Return the parameters of a URI, each a number within its bounds."""
    # The parameters are numbers and no secrets, and the sentence below quotes what is wrong.
    known, shown = _NUMBERS[kind], without_secrets(uri.partition("?")[0])
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise SourceError(f"Write the parameters of {shown} as ?fps=30&…") from error
    numbers: dict[str, float] = {}
    for key, text in pairs:
        if key not in known or key in numbers:
            raise SourceError(f"{shown} takes {', '.join(known)}, each once, not {key!r:.40}.")
        low, high = known[key]
        pattern = "[0-9]{1,10}" if key in _WHOLE else r"[0-9]{1,10}(\.[0-9]{1,6})?"
        if not re.fullmatch(pattern, text) or not low <= float(text) <= high:
            raise SourceError(f"{key} of {shown} must be a number from {low:g} to {high:g}.")
        numbers[key] = float(text)
    return numbers


def _check_utf8(text: str, name: str) -> None:
    try:
        text.encode()  # OpenCV would crash on a lone surrogate
    except UnicodeEncodeError as error:
        raise SourceError(f"The address {name!r} is not UTF-8: type it again.") from error
