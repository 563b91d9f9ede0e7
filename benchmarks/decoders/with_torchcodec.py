"""torchcodec: PyTorch's decoder, over the FFmpeg of the machine."""

from typing import Literal

import numpy as np
from torchcodec import decoders  # pyright: ignore[reportMissingImports]

from .reader import THREADS, Array, NoFramesError, Request


def exact(clip: Request) -> Array:
    """Scan the file for its true frames first."""
    return _read(clip, "exact")


def approximate(clip: Request) -> Array:
    """Trust the number and the rate of frames that the file announces."""
    return _read(clip, "approximate")


def _read(clip: Request, mode: Literal["exact", "approximate"]) -> Array:
    try:
        decoder = decoders.VideoDecoder(  # pyright: ignore[reportPrivateImportUsage]
            str(clip.path), dimension_order="NHWC", num_ffmpeg_threads=THREADS, seek_mode=mode
        )
        frames = decoder.get_frames_at(clip.wanted(decoder.metadata.num_frames or 1)).data.numpy()
    except (RuntimeError, ValueError, IndexError) as error:
        raise NoFramesError(str(error)) from error
    return np.stack([clip.fit(np.ascontiguousarray(frame[..., ::-1])) for frame in frames])
