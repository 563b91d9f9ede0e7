"""Recognise actions in frames that your program has: here it draws them itself."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from stzsar.runtime import Frames, Recognizer


def camera(seconds: float, fps: float) -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
    """Yield times and pictures, uint8 [H, W, 3]: a red square that moves to the left."""
    for number in range(round(seconds * fps)):
        image = np.full((128, 128, 3), 40, np.uint8)
        left = 127 - round(number / (seconds * fps) * 127)
        image[48:80, max(0, left - 32) : left] = (60, 60, 230)  # BGR, as OpenCV has it
        yield number / fps, image


def main() -> None:
    """Stream the frames one by one, and classify all of them at once."""
    with Recognizer.load() as recognizer:
        for result in recognizer.stream(camera(seconds=4, fps=25)):
            print(f"{result.end_s:5.2f} s  {result.score:4.0%}  {result.label}")

        rgb = np.stack([image[..., ::-1] for _, image in camera(seconds=4, fps=25)])
        print(recognizer.classify(Frames(rgb, fps=25, order="RGB", name="square")))


if __name__ == "__main__":
    main()
