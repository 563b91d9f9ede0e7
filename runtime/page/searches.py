"""Searches of an archive for those who look at a page: bounded in number, time and reach."""

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StzsarError
from .messages.archive import ArchiveInfo, Hit, Hits, SearchQuery, StillQuery
from .refusal import RefusalError

if TYPE_CHECKING:
    from ..archive.keeping.tables import Tables
    from ..archive.search.moments import Moment
    from ..archive.search.questions import SearchResult

NO_ARCHIVE = "This run has no archive: start stzsar-run with --archive DIR."
# At once: each needs the processor, and memory for its graphs.
MAX_SEARCHES, SEARCH_S = 2, 60.0
MAX_STREAMS = 500
# Of a hit's curve: more would not be seen.
_MAX_POINTS = 200


@dataclass(frozen=True, kw_only=True)
class ArchiveOptions:
    """An archive that people search on a page.

    Attributes:
        archive: its folder, or its address in an object store.
        bundle: whose frames are searched; None finds one that the archive has.
        videos: whether video files that are still there are played and shown.
        threads: CPU threads of a search; 0 leaves the number to the engine.
        engine: see `open_graph`.
        trust_engines: see `open_graph`.
    """

    archive: str
    bundle: Path | None = None
    videos: bool = True
    threads: int = 0
    engine: str = "auto"
    trust_engines: bool = False


class _Search:
    """A search in a thread, which ends soon after nobody waits for it any more."""

    def __init__(self) -> None:
        self.is_given_up = False
        self._done = threading.Event()
        self._result: SearchResult | None = None
        self._error: BaseException | None = None

    def run(self, options: Any) -> None:
        """Search."""
        from ..archive.search.questions import search

        try:
            self._result = search(options, self._go_on, self._go_on)
        except BaseException as error:  # raised where it is awaited
            self._error = error

    def end(self) -> None:
        """Let whoever waits go on."""
        self._done.set()

    def wait(self) -> "SearchResult":
        """Return what was found.

        Raises:
            RefusalError: it takes too long.
            StzsarError: it cannot be asked, or the archive cannot be read.
        """
        if not self._done.wait(SEARCH_S):
            self.is_given_up = True
            raise _too_long()
        if self._error:
            raise self._error
        assert self._result
        return self._result

    def _go_on(self, *_: object) -> None:
        if self.is_given_up:
            raise _too_long()


class Searches:
    """An archive, for any thread.

    Nobody reaches a file by its path: videos are named by the ids that the archive gave them.
    """

    def __init__(self, options: ArchiveOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._running: dict[str, _Search] = {}

    @property
    def at_work(self) -> int:
        """How many searches have not ended."""
        return len(self._running)

    def close(self) -> None:
        """Have searches end soon."""
        with self._lock:
            for search in self._running.values():
                search.is_given_up = True

    def info(self) -> ArchiveInfo:
        """Tell of the archive.

        Raises:
            StzsarError: there is none (yet).
        """
        streams = self._streams()
        return ArchiveInfo(
            name=self._options.archive.rstrip("/").rpartition("/")[2],
            streams=tuple(streams[:MAX_STREAMS]),
            more=len(streams[MAX_STREAMS:]),
            videos=self._options.videos,
        )

    def search(self, asked: SearchQuery, viewer: str) -> Hits:
        """Return what was found.

        Args:
            asked: what to find.
            viewer: who asks: one search of each at a time.

        Raises:
            RefusalError: another search goes on, it takes too long, or a stream is unknown.
            StzsarError: it cannot be asked, or the archive cannot be read.
        """
        from ..archive.search.questions import SearchOptions

        known = frozenset(self._streams()) if asked.stream else frozenset[str]()
        for name in asked.stream:
            if name not in known:
                raise RefusalError(404, f"The archive has no stream {name!r:.80}: choose another.")
        own = self._options
        options = SearchOptions(
            archive=own.archive,
            labels=_labels(asked.text),
            streams=asked.stream,
            since=asked.since,
            until=asked.until,
            top=asked.top,
            bundle=own.bundle,
            threads=own.threads,
            engine=own.engine,
            trust_engines=own.trust_engines,
        )
        found = self._begun(options, viewer).wait()
        return Hits(
            hits=tuple(self._hits(found.moments)),
            bundle=found.bundle,
            frames=found.frames,
            other_frames=found.other_frames,
            hours=found.hours,
            windows=found.windows,
            complete=found.complete,
        )

    def still(self, asked: StillQuery) -> bytes:
        """Return a picture of a moment as a JPEG: the archive's own, or one cut from the video.

        Raises:
            RefusalError: there is none.
        """
        from ..archive.report.stills import cut_still, kept_still

        found = kept_still(self._tables(), asked.video, asked.start_s, asked.end_s, asked.peak_s)
        if found is None and (path := self._file(asked.video)):
            found = cut_still(path, asked.peak_s)
        if found is None:
            raise RefusalError(404, "There is no picture of this moment.")
        return found

    def video(self, video: str) -> Path:
        """Return the file of a video.

        Raises:
            RefusalError: the archive knows none, it is gone or changed, or videos are not shown.
        """
        if not self._options.videos:
            raise RefusalError(409, "Videos are not shown here: start without --no-videos.")
        path = self._file(video)
        if path is None:
            raise RefusalError(404, "There is no such video, or its file is gone or has changed.")
        return path

    def _begun(self, options: Any, viewer: str) -> _Search:
        with self._lock:
            if viewer in self._running:
                raise RefusalError(429, "Your other search goes on: wait for it.", wait_s=2)
            if len(self._running) >= MAX_SEARCHES:
                raise RefusalError(503, "Others search just now: try again soon.", wait_s=5)
            search = self._running[viewer] = _Search()

        def run() -> None:
            search.run(options)
            with self._lock:  # before the answer, since the next search may follow at once
                del self._running[viewer]
            search.end()

        threading.Thread(target=run, name="archive search", daemon=True).start()
        return search

    def _hits(self, moments: "Sequence[Moment]") -> "list[Hit]":
        from ..archive.report.stills import kept_still

        tables, file = self._tables(), functools.cache(self._file)
        hits: list[Hit] = []
        for one in moments:
            plays = file(one.video) is not None
            still = plays or kept_still(tables, one.video, one.start_s, one.end_s, one.peak_s)
            step = -(-len(one.windows) // _MAX_POINTS) or 1
            scores = [pair for pair in one.windows[::step] if pair[0] != one.peak_s]
            hits.append(
                Hit(
                    stream=one.stream,
                    label=one.label,
                    video=one.video,
                    start_s=one.start_s,
                    end_s=one.end_s,
                    peak_s=one.peak_s,
                    peak=one.peak,
                    time=one.start_clock,
                    scores=tuple(sorted([*scores, (one.peak_s, one.peak)])),
                    still=bool(still),
                    plays=plays,
                )
            )
        return hits

    def _tables(self) -> "Tables":
        from ..archive.keeping.tables import Tables

        return Tables(self._options.archive)

    def _streams(self) -> list[str]:
        rows = self._tables().rows("stretches", columns=["stream"])
        return sorted({row["stream"] for row in rows})

    def _file(self, video: str) -> Path | None:
        """Return the file of a video, if it is the one that was indexed."""
        from ..archive.store.opening import quoted

        if not self._options.videos:
            return None
        columns = ["path", "size", "mtime"]
        rows = self._tables().rows("videos", where=f"video = {quoted(video)}", columns=columns)
        if not rows or not rows[0]["path"]:
            return None
        row, path = rows[0], Path(rows[0]["path"])
        try:
            now = path.stat()
            # Another file may stand there by now, and nobody chose to show that one.
            same = (now.st_size, now.st_mtime) == (row.get("size"), row.get("mtime"))
            return path if same and path.is_file() else None
        except (OSError, ValueError):
            return None


def _labels(texts: Sequence[str]) -> list[str]:
    labels = [text.strip() for text in texts]
    if any(not label or label.startswith("!") for label in labels):
        raise StzsarError("An action is a word or a sentence: write what you look for.")
    return list(dict.fromkeys(labels))


def _too_long() -> RefusalError:
    return RefusalError(
        503, f"This took more than {SEARCH_S:g} s: choose a stream or a shorter time.", wait_s=5
    )
