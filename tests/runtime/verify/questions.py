"""Questions about pictures of one colour."""

import numpy as np

from stzsar.runtime.events.ring import Picture
from stzsar.runtime.events.stills import encoded
from stzsar.runtime.verify.judge import Question

BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


def question(colour, label="red", *, region=None, around=None, threshold=0.5, size=(48, 64)):
    """Four pictures of a colour; with `around`, only in their right half."""
    image = np.full((*size, 3), BGR[around or colour], np.uint8)
    image[:, size[1] // 2 :] = BGR[colour]
    pictures = tuple(Picture(n, n / 4, encoded(image)) for n in range(4))
    return Question(label, "hall", region, threshold, pictures)
