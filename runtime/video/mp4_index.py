"""The index of an MP4 file: where it lies, and the duration that it states.

FFmpeg's own switch for this, `faststart`, cannot be set through OpenCV.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Boxes that hold the tables of offsets, from the outside in, and the width of their numbers.
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_OFFSETS = {b"stco": 4, b"co64": 8}
_PIECE_BYTES = 1 << 20


def put_index_in_front(path: Path) -> None:
    """Move the index of an MP4 file before its pictures, so that it plays while it loads.

    Does nothing where it lies there already, or where the file has another form.

    Raises:
        OSError: the disk is full.
    """
    with path.open("rb") as file:
        boxes = list(_boxes(file, 0, file.seek(0, 2)))
        kinds = [kind for kind, _, _ in boxes]
        if b"moov" not in kinds or b"mdat" not in kinds:
            return
        at = kinds.index(b"mdat")
        if kinds.index(b"moov") < at:
            return
        _, start, end = boxes[kinds.index(b"moov")]
        file.seek(start)
        index = bytearray(file.read(end - start))
        if not _shift_offsets(index, len(index)):
            return
        moved = path.with_name(f"{path.name}.index")
        try:
            with moved.open("wb") as out:
                for number, (kind, first, last) in enumerate(boxes):
                    if number == at:
                        out.write(index)
                    if kind != b"moov":
                        _copy(file, out, first, last)
            moved.replace(path)
        finally:
            moved.unlink(missing_ok=True)


def write_duration(path: Path, seconds: float) -> None:
    """Put the duration into the header, where FFmpeg leaves 0 in a file of fragments.

    Browsers would otherwise show the part that they have loaded as all there is.
    """
    with path.open("r+b") as file:
        start = file.read(4096)
        at = start.find(b"mvhd") + 4  # version 0: flags, two dates, time scale, duration
        if at > 4 and start[at] == 0 and len(start) >= at + 20:
            ticks = round(seconds * int.from_bytes(start[at + 12 : at + 16], "big"))
            file.seek(at + 16)
            file.write(min(ticks, 2**32 - 1).to_bytes(4, "big"))


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind, the start and the end of each box between two places."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 1:  # the true size follows
            size = int.from_bytes(head[8:16], "big")
        if size < 8 or start + size > end:
            return
        yield head[4:8], start, start + size
        start += size


def _shift_offsets(index: bytearray, by: int) -> bool:
    """Add to every offset in an index; return False where one would no longer fit."""
    todo = [(0, len(index))]
    while todo:
        start, end = todo.pop()
        while start + 8 <= end:
            size = int.from_bytes(index[start : start + 4], "big")
            kind = bytes(index[start + 4 : start + 8])
            if size < 8 or start + size > end:
                return False
            if kind in _PARENTS:
                todo.append((start + 8, start + size))
            elif width := _OFFSETS.get(kind):
                count = int.from_bytes(index[start + 12 : start + 16], "big")
                for at in range(start + 16, start + 16 + count * width, width):
                    moved = int.from_bytes(index[at : at + width], "big") + by
                    if moved >= 1 << 8 * width:
                        return False
                    index[at : at + width] = moved.to_bytes(width, "big")
            start += size
    return True


def _copy(file: BinaryIO, out: BinaryIO, start: int, end: int) -> None:
    file.seek(start)
    left = end - start
    while left:
        piece = file.read(min(left, _PIECE_BYTES))
        if not piece:
            raise OSError("the file became shorter")
        out.write(piece)
        left -= len(piece)
