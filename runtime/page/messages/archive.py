"""What a page says of an archive, and what it is asked."""

from typing import Annotated

from msgspec import Meta

from .run import MAX_WATCHED, Count, Name, Said

MAX_TEXTS, MAX_TEXT, MAX_TOP = 16, 200, 100

# Seconds since 1970, to the year 5138: calendars know no later ones.
Clock = Annotated[float, Meta(ge=0, le=1e11)]
Seconds = Annotated[float, Meta(ge=-1e9, le=1e9)]
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]


class ArchiveInfo(Said, frozen=True, kw_only=True):
    """An archive that can be searched.

    Attributes:
        name: the last part of its address.
        streams: what was archived, in order.
        more: how many streams there are besides these.
        videos: whether video files are played.
    """

    name: str
    streams: tuple[str, ...]
    more: Count
    videos: bool


class SearchQuery(Said, frozen=True, kw_only=True):
    """What to find, and where.

    Attributes:
        text: actions, in words.
        stream: in these streams; none is all.
        since: captured at this time or later; files have no such time, and are left out.
        until: captured before this time.
        top: at most so many moments.
    """

    text: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=MAX_TEXTS)]
    stream: Annotated[tuple[Name, ...], Meta(max_length=MAX_WATCHED)] = ()
    since: Clock | None = None
    until: Clock | None = None
    top: Annotated[int, Meta(ge=1, le=MAX_TOP)] = 20


class Hit(Said, frozen=True, kw_only=True):
    """A moment that was found.

    Attributes:
        stream: the file or live stream.
        label: what is seen.
        video: the id of the video.
        start_s: its start, in seconds since the source's first frame.
        end_s: its end, likewise.
        peak_s: the end of its best window, likewise.
        peak: the score of that window.
        time: its start; null of a file.
        scores: seconds and the score then, oldest first.
        still: whether there is a picture.
        plays: whether the video can be played.
    """

    stream: str
    label: str
    video: str
    start_s: float
    end_s: float
    peak_s: float
    peak: float
    time: float | None
    scores: tuple[tuple[float, float], ...]
    still: bool
    plays: bool


class Hits(Said, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        hits: the best first.
        bundle: whose frames were searched.
        frames: how many.
        other_frames: those of other bundles, which were not searched.
        hours: how long they are together.
        windows: how many windows were scored.
        complete: whether these were all.
    """

    hits: tuple[Hit, ...]
    bundle: str
    frames: Count
    other_frames: Count
    hours: float
    windows: Count
    complete: bool


class StillQuery(Said, frozen=True, kw_only=True):
    """Which picture of a moment.

    Attributes:
        video: the id of the video.
        start_s: the moment's start.
        end_s: its end.
        peak_s: its best second: the picture is near it.
    """

    video: Name
    start_s: Seconds
    end_s: Seconds
    peak_s: Seconds


class VideoQuery(Said, frozen=True, kw_only=True):
    """Which video.

    Attributes:
        video: its id.
    """

    video: Name
