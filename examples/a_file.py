"""Recognise actions in a video file: `python examples/a_file.py clip.mp4 archery waving`."""

import sys

from stzsar.runtime import Recognizer, StzsarError


def main(path: str, *labels: str) -> None:
    """Print what the whole clip shows, and then what it shows over time."""
    with Recognizer.load(labels=labels or None) as recognizer:
        print(recognizer)
        whole = recognizer.classify(path)
        print(f"The whole clip: {whole.label} ({whole.score:.0%})")
        for result in recognizer.stream(path):
            print(f"{result.end_s:6.1f} s  {result.decision or 'none of these'}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StzsarError as error:
        sys.exit(f"Error: {error}")
