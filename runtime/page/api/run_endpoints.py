"""The run and its streams: what anybody may see who may look."""

import asyncio

from starlette.responses import JSONResponse, Response

from ...sinks.metrics import Metrics
from ..messages.run import Health, PictureQuery, Readiness, RunInfo, Streams
from ..pictures import Packet, Size
from ..refusal import RefusalError, unknown_stream
from ..sight import Sight
from .endpoints import Asked, Endpoint

PICTURE_S = 2.0
_LOOK_S = 0.05


def run_endpoints(sight: Sight, metrics: Metrics) -> list[Endpoint]:
    """Return the endpoints of a run."""

    async def run(_asked: Asked) -> RunInfo:
        return sight.run()

    def streams(_asked: Asked) -> Streams:
        scene = sight.scene
        return Streams(streams=tuple(scene.stream(one, history=True) for one in scene.sources))

    async def picture(asked: Asked) -> Response:
        source, size = asked.query.stream, asked.query.size
        if source not in sight.scene.sources:
            raise unknown_stream(source)
        packet = await _fresh(sight, source, size)
        if packet is None:
            raise RefusalError(503, "There is no picture of this stream now: look at its state.")
        return Response(packet.jpeg, media_type="image/jpeg")

    def health(_asked: Asked) -> Response:
        states = [sight.scene.stream(one).state for one in sight.scene.sources]
        is_live = "live" in states
        content = {"status": "live" if is_live else "not live"}
        return JSONResponse(content, 200 if is_live else 503)

    def readiness(_asked: Asked) -> Response:
        is_ready = bool(sight.table.lanes)
        content = {"status": "ready" if is_ready else "starting"}
        return JSONResponse(content, 200 if is_ready else 503)

    def numbers(asked: Asked) -> Response:
        kind, content = metrics.text(asked.request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": kind})

    return [
        Endpoint(
            method="GET",
            path="/metrics",
            summary="Give the metrics of the run, for Prometheus.",
            answer=numbers,
            returns="text/plain",
            slow=True,
        ),
        Endpoint(
            method="GET",
            path="/api/run",
            summary="Tell of the run.",
            answer=run,
            returns=RunInfo,
        ),
        Endpoint(
            method="GET",
            path="/api/streams",
            summary="Tell of all streams, with their results of the last minutes.",
            answer=streams,
            returns=Streams,
        ),
        Endpoint(
            method="GET",
            path="/api/picture",
            summary="Give the newest picture of a stream.",
            answer=picture,
            query=PictureQuery,
            returns="image/jpeg",
            errors=(404, 503),
        ),
        Endpoint(
            method="GET",
            path="/healthz",
            summary="Say whether a stream is live.",
            answer=health,
            needs="open",
            returns=Health,
            errors=(503,),
        ),
        Endpoint(
            method="GET",
            path="/readyz",
            summary="Say whether the run reads its sources.",
            answer=readiness,
            needs="open",
            returns=Readiness,
            errors=(503,),
        ),
    ]


async def _fresh(sight: Sight, source: str, size: Size) -> Packet | None:
    """Return a picture that is being shown, or else the next one; None if none comes."""
    before = sight.pictures.newest(source, size)
    if before and sight.pictures.is_watched(source, size):
        return before
    with sight.pictures.asked(source, size):
        for _ in range(round(PICTURE_S / _LOOK_S)):
            await asyncio.sleep(_LOOK_S)
            found = sight.pictures.newest(source, size)
            if found is not None and found is not before:
                return found
    return before
