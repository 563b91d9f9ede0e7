"""Call a function when an action starts or ends: `python examples/a_camera.py 0`.

The argument is a camera's number, an address such as rtsp://…, or test://moving-shapes.
"""

import sys
from collections.abc import Callable

from stzsar.runtime import ActionEvent, Policy, Recognizer


def watch(source: str, on_event: Callable[[ActionEvent], None]) -> None:
    """Watch a source until it ends, or until Ctrl-C."""
    patient = Policy(score=0.5, min_length_s=1.0, cool_down_s=2.0)
    with (
        Recognizer.load() as recognizer,
        recognizer.stream(source, policy=patient, events=True) as results,
    ):
        for message in results:
            if isinstance(message, ActionEvent):
                on_event(message)


def tell(event: ActionEvent) -> None:
    """Switch on a light, ring a bell: here, print a line."""
    print(f"{event.time_s:6.1f} s  {event.event:5}  {event.label}", flush=True)


if __name__ == "__main__":
    try:
        watch(sys.argv[1] if len(sys.argv) > 1 else "0", tell)
    except KeyboardInterrupt:
        print("Stopped.")
