"""One video into an archive, stretch by stretch: what each process and each actor does."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...bundle.bundle import Bundle
from ...errors import SourceError
from ..store.archive import Archive
from ..store.schema import Sampling, Stretch, Video
from .encoding import FrameEncoder, Piece
from .videos import Found, content_hash

Outcome = Literal["indexed", "there", "broken", "changed"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How videos are indexed, the same in every process.

    Attributes:
        archive: its folder or address.
        bundle: the folder of the bundle.
        sampling: how frames are chosen.
        storage: of an object store, as lancedb takes it.
        gate: encode a frame only if it changed by this much of 255; None encodes all.
        still_s: keep a picture this often, in seconds; None keeps none.
        threads: CPU threads of the graph.
        engine: see `engines.opening.open_graph`.
    """

    archive: str
    bundle: Path
    sampling: Sampling
    storage: Mapping[str, str] = field(default_factory=dict[str, str])
    gate: float | None = None
    still_s: float | None = None
    threads: int = 0
    engine: str = "auto"

    def settings(self, bundle: str) -> str:
        """Return what, beside the video, the rows depend on."""
        own = self.sampling
        return f"{bundle} {own.rate_fps:g} {own.stretch_s:g} {own.patches} {self.gate or 0:g}"


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of a video.

    Attributes:
        path: the file.
        outcome: "there" if it was in the archive already.
        seconds: of video that were encoded now.
        stretches: that were committed now.
        error: why it is broken or changed.
    """

    path: str
    outcome: Outcome
    seconds: float = 0.0
    stretches: int = 0
    error: str = ""


class Indexer:
    """Indexes one video after the other."""

    def __init__(self, plan: Plan, encoder: FrameEncoder | None = None) -> None:
        """Open the archive, and load the frame graph unless there is an `encoder` of this plan.

        Raises:
            StzsarError: one of them cannot be used.
        """
        self._plan = plan
        self._encoder = encoder or FrameEncoder(
            Bundle.open(plan.bundle), threads=plan.threads, engine=plan.engine
        )
        self._archive = Archive(plan.archive, storage=plan.storage)
        manifest = self._encoder.bundle.manifest
        self._bundle = self._archive.use(manifest, plan.sampling, self._encoder.dim)
        self._settings = plan.settings(self._bundle)

    def index(self, path: str, on_stretch: Callable[[float], None] = lambda _seconds: None) -> Done:
        """Index a video; what is committed already is left as it is.

        Args:
            path: the file.
            on_stretch: called with the seconds of video of each stretch that is committed.

        Raises:
            StzsarError: the archive or the engine fails; a broken video is no error but a row.
        """
        try:
            found = Found.at(Path(path))
            video = self._video(found)
        except SourceError as error:
            # Without a size and a time, so that it is tried again.
            lost = Video(
                video=_named("missing", path), stream=path, path=path, state="broken",
                error=str(error), settings=self._settings,
            )  # fmt: skip
            self._archive.put_video(lost)
            return Done(path=path, outcome="broken", error=str(error))
        try:
            return self._index(found, video, on_stretch)
        except SourceError as error:
            return self._ended(video, "broken", str(error))

    def _video(self, found: Found) -> Video:
        content = content_hash(Path(found.path))
        return Video(
            video=_named(content, self._settings),
            stream=found.path,
            path=found.path,
            size=found.size,
            mtime=found.mtime,
            hash=content,
            settings=self._settings,
        )

    def _index(self, found: Found, video: Video, on_stretch: Callable[[float], None]) -> Done:
        plan, sampling = self._plan, self._plan.sampling
        committed = self._archive.committed(video.video)

        # A stretch is skipped by its name, which says all that its rows depend on.
        def is_there(index: int) -> bool:
            return stretch_name(video.video, index) in committed

        end_s, seconds, failure, is_begun = 0.0, 0.0, "", False
        ours: list[str] = []
        pieces = self._encoder.pieces_of(
            Path(found.path), sampling, is_there=is_there, gate=plan.gate, still_s=plan.still_s
        )
        for piece in pieces:
            end_s = piece.end_s
            failure = str(piece.failure) if piece.failure else ""
            if not len(piece.rows):
                continue
            if not found.is_as_it_was:
                if content_hash(Path(found.path)) != video.hash:
                    # The same times come again, under the name of the new content.
                    self._archive.take_back(ours)
                    ours, seconds = [], 0.0
                why = f"{found.path} changed while it was read: index it again when it is complete."
                return self._ended(video, "changed", why, seconds=seconds, stretches=len(ours))
            if not is_begun:
                self._archive.put_video(video)  # "partial": a kill leaves its rows with a name
                is_begun = True
            if self._commit(video, piece, failure):
                length_s = piece.end_s - piece.rows.first_s + 1 / sampling.rate_fps
                seconds += length_s
                ours.append(stretch_name(video.video, piece.index))
                on_stretch(length_s)
        outcome: Outcome = "broken" if failure else "indexed" if ours else "there"
        return self._ended(
            video, outcome, failure, seconds=seconds, stretches=len(ours), duration_s=end_s
        )

    def _commit(self, video: Video, piece: Piece, error: str) -> bool:
        stretch = Stretch(
            stretch=stretch_name(video.video, piece.index),
            video=video.video,
            stream=video.stream,
            bundle=self._bundle,
        )
        if not self._archive.put(stretch, piece.rows.table(stretch), error):
            return False
        self._archive.put_stills(
            [still_row(video, time_s, None, jpeg) for time_s, jpeg in piece.stills]
        )
        return True

    def _ended(
        self,
        video: Video,
        outcome: Outcome,
        error: str,
        *,
        seconds: float = 0.0,
        stretches: int = 0,
        duration_s: float = 0.0,
    ) -> Done:
        state = {"indexed": "whole", "there": "whole"}.get(outcome, outcome)
        kept: dict[str, Any] = {"state": state, "error": error, "duration_s": duration_s}
        if outcome == "changed":
            kept |= {"size": 0, "mtime": 0.0}  # so it is looked at again
        self._archive.put_video(dataclasses.replace(video, **kept))
        assert video.path
        return Done(
            path=video.path, outcome=outcome, seconds=seconds, stretches=stretches, error=error
        )


def stretch_name(video: str, index: int) -> str:
    """Return the name of a stretch; the video's id says content, bundle and sampling."""
    return _named(video, str(index))


def still_row(video: Video, time_s: float, clock: float | None, jpeg: bytes) -> dict[str, Any]:
    """Return a row of `stills`."""
    return {
        "stream": video.stream, "video": video.video, "time_s": time_s, "clock": clock,
        "jpeg": jpeg,
    }  # fmt: skip


def _named(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
