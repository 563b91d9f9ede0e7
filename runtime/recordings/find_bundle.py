"""Finds the bundle that a recording was made with: beside it, under runs/, or the shipped one."""

from collections.abc import Iterator
from pathlib import Path

from ..bundle.bundle import RUNS, bundles_below, read_manifest, shipped_bundle
from ..errors import BundleError, RecordingError
from .file_format import read_records
from .recorder import identity_of
from .records import BundleIdentity, read_header


def bundle_of(recording: Path) -> Path:
    """Return the folder of the bundle that a recording was made with.

    Raises:
        RecordingError: it is no recording, or the bundle is not found.
    """
    wanted = _identity(recording)
    for folder in _candidates(recording):
        try:
            manifest = read_manifest(folder)
        except BundleError:
            continue
        if {"frame.onnx", "window.onnx"} <= manifest.files.keys():
            found = identity_of(manifest)
            if (found.frame, found.window) == (wanted.frame, wanted.window):
                return folder
    raise RecordingError(
        f"The recording {recording} was made with the bundle {wanted.name!r:.80} (its frame graph "
        f"has the sha256 {wanted.frame[:12]:.12}…), which is neither beside it nor under {RUNS}/: "
        "name its folder with --bundle."
    )


def _candidates(recording: Path) -> Iterator[Path]:
    beside = recording.absolute().parent
    yield beside
    yield from bundles_below(beside)
    yield from bundles_below(RUNS)
    yield shipped_bundle()


def _identity(recording: Path) -> BundleIdentity:
    try:
        kind, payload = next(read_records(recording))
        return read_header(kind, payload, recording).bundle
    except StopIteration:
        raise RecordingError(f"The recording {recording} is empty: record again.") from None
    except ValueError as error:
        raise RecordingError(
            f"The recording {recording} was not written by stzsar, or is damaged: {error}."
        ) from error
