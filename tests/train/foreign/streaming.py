"""What every family must show: exported within parity, and a stream that equals whole windows."""

from pathlib import Path

import numpy as np
import torch

from stzsar.export.options import ExportOptions
from stzsar.export.pipeline import export
from stzsar.models.checkpoint import load_checkpoint
from stzsar.models.label_texts import embed_labels, to_tensors
from stzsar.runtime.recognizer import Recognizer


def check_streaming(checkpoint: Path, bundle: Path, video: torch.Tensor, window: int) -> None:
    """Export, which checks parity, and compare each full window of a stream with the network's.

    `video` is uint8 BGR [N, S, S, 3], longer than the `window` of frames.
    """
    export(ExportOptions(checkpoint=checkpoint, output=bundle, frames=window, text_encoder=False))
    described, network = load_checkpoint(checkpoint)
    recognizer = Recognizer.load(bundle)
    labels = recognizer.labels
    bank = to_tensors(embed_labels(network.eval(), labels))
    rate = described.sampling.rate_fps
    stream = recognizer.open_stream("camera")
    compared = 0
    for place, frame in enumerate(video):
        result = stream.push(frame.numpy(), place / rate)
        if result is None or result.frames < window:
            continue
        with torch.no_grad():
            whole = network(video[None, place + 1 - window : place + 1], bank)[0].numpy()
        everything = result.everything
        assert everything is not None
        found = np.asarray(everything.similarities) * everything.scale
        np.testing.assert_allclose(found, whole, atol=1e-4 * np.abs(whole).max())
        compared += 1
    assert compared == len(video) - window + 1
