"""The archive: what it has, what a search finds in it, and the videos that are still there."""

import mimetypes

from starlette.responses import FileResponse, Response

from ...errors import StzsarError
from ..messages.archive import ArchiveInfo, Hits, SearchQuery, StillQuery, VideoQuery
from ..refusal import RefusalError
from ..searches import NO_ARCHIVE, Searches
from .endpoints import Asked, Endpoint

_PICTURE, _VIDEO = "image/jpeg", "video/mp4"


def archive_endpoints(searches: Searches | None) -> list[Endpoint]:
    """Return the endpoints of an archive; None is a run without one."""

    def there() -> Searches:
        if searches is None:
            raise RefusalError(409, NO_ARCHIVE)
        return searches

    def info(_asked: Asked) -> ArchiveInfo:
        return there().info()

    def search(asked: Asked) -> Hits:
        client = asked.request.client
        own = there()
        try:
            return own.search(asked.query, client.host if client else "")
        except (RuntimeError, OSError) as error:  # Lance's: a table changed under it, above all
            raise StzsarError("The archive cannot be read just now: try again.") from error

    def still(asked: Asked) -> Response:
        return Response(there().still(asked.query), media_type=_PICTURE)

    def video(asked: Asked) -> Response:
        path = there().video(asked.query.video)
        kind = mimetypes.guess_type(path.name)[0] or ""
        if not kind.startswith("video/"):
            kind = "application/octet-stream"
        try:
            return FileResponse(path, media_type=kind, stat_result=path.stat())
        except OSError:
            raise RefusalError(404, "The file of this video is gone.") from None

    return [
        Endpoint(
            method="GET",
            path="/api/archive",
            summary="Tell of the archive.",
            answer=info,
            returns=ArchiveInfo,
            errors=(409, 422),
            slow=True,
        ),
        Endpoint(
            method="GET",
            path="/api/archive/search",
            summary="Find the moments of the archive that show an action.",
            answer=search,
            query=SearchQuery,
            returns=Hits,
            errors=(404, 409, 422, 503),
            slow=True,
        ),
        Endpoint(
            method="GET",
            path="/api/archive/still",
            summary="Give a picture of a moment.",
            answer=still,
            query=StillQuery,
            returns=_PICTURE,
            errors=(404, 409, 422),
            slow=True,
        ),
        Endpoint(
            method="GET",
            path="/api/archive/video",
            summary="Give a video file of the archive, or a range of it.",
            answer=video,
            query=VideoQuery,
            returns=_VIDEO,
            errors=(404, 409, 416, 422),
            slow=True,
        ),
    ]
