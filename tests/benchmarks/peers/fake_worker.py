"""A worker that speaks the line protocol without any library: `fake_worker.py FOLDER NAME MODE`.

It notes when each of its turns began and ended, which shows that nobody else had one meanwhile.
"""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    folder, name, mode = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if mode == "dies":
        print("a library said why", file=sys.stderr)
        sys.exit(3)
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "quit":
            (folder / f"{name}.quit").touch()
            return
        if mode == "hangs" and command == "run":
            time.sleep(600)
        if mode == "babbles":
            print("Loading weights: 100%", flush=True)
            continue
        if mode == "dies later" and command == "run" and turns(folder, name) >= 2:
            sys.exit(4)
        print(json.dumps(answer(folder, name, mode, command, rest)), flush=True)


def answer(folder: Path, name: str, mode: str, command: str, rest: list[str]) -> dict:
    if command == "load":
        return {"load_s": 1.5, "frames_mib": 1.0, "versions": {name: "1.0"}}
    if mode == "refuses":
        return {"error": "ValueError: no such graph"}
    count = int(rest[0]) - (mode == "miscounts")
    start = time.monotonic()
    time.sleep(0.02)
    with (folder / f"{name}.turns").open("a") as file:
        file.write(f"{start} {time.monotonic()} {count}\n")
    return {"ms": [float(mode)] * count if mode.isdigit() else [1.0] * count, "label": "a"}


def turns(folder: Path, name: str) -> int:
    path = folder / f"{name}.turns"
    return len(path.read_text().splitlines()) if path.is_file() else 0


if __name__ == "__main__":
    main()
