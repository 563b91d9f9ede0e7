"""What people change in a run, as endpoints."""

from ..changes import Changes
from ..messages.run import (
    Areas,
    Arming,
    Duties,
    LabelsChange,
    LabelsInfo,
    LabelsQuery,
    Recording,
    RecordingInfo,
    StreamQuery,
    Threshold,
    ThresholdChange,
)
from ..recordings import Recordings
from .endpoints import MAX_LABELS_BODY_BYTES, Asked, Endpoint


def change_endpoints(changes: Changes, recordings: Recordings) -> list[Endpoint]:
    """Return the endpoints of labels, regions, masks, thresholds, duty and recordings."""

    def labels(asked: Asked) -> LabelsInfo:
        return changes.labels(asked.query.stream)

    def change_labels(asked: Asked) -> LabelsInfo:
        return changes.change_labels(asked.body)

    def areas(asked: Asked) -> Areas:
        return changes.areas(asked.query.stream)

    def change_areas(asked: Asked) -> Areas:
        return changes.change_areas(asked.body)

    def change_threshold(asked: Asked) -> Threshold:
        return changes.change_threshold(asked.body)

    def arm(asked: Asked) -> Duties:
        return Duties(streams=changes.arm(asked.body.stream, armed=asked.body.armed))

    def record(asked: Asked) -> RecordingInfo:
        return recordings.record(on=asked.body.on)

    return [
        Endpoint(
            method="GET",
            path="/api/labels",
            summary="Give the labels of a stream as they are edited.",
            answer=labels,
            query=LabelsQuery,
            returns=LabelsInfo,
            errors=(404,),
            slow=True,
        ),
        Endpoint(
            method="PUT",
            path="/api/labels",
            summary="Recognise other labels from the next window on.",
            answer=change_labels,
            needs="change",
            body=LabelsChange,
            returns=LabelsInfo,
            errors=(404, 409, 422),
            slow=True,
            max_bytes=MAX_LABELS_BODY_BYTES,
        ),
        Endpoint(
            method="GET",
            path="/api/regions",
            summary="Give the regions and masks of a stream.",
            answer=areas,
            query=StreamQuery,
            returns=Areas,
            errors=(404,),
        ),
        Endpoint(
            method="PUT",
            path="/api/regions",
            summary="Look at other regions of a stream, and hide other parts of it.",
            answer=change_areas,
            needs="change",
            body=Areas,
            returns=Areas,
            errors=(404, 409, 422, 503),
            slow=True,
        ),
        Endpoint(
            method="PUT",
            path="/api/threshold",
            summary="Decide from another threshold on.",
            answer=change_threshold,
            needs="change",
            body=ThresholdChange,
            returns=Threshold,
            errors=(404, 409, 422, 503),
            slow=True,
        ),
        Endpoint(
            method="PUT",
            path="/api/armed",
            summary="Switch streams on or off.",
            answer=arm,
            needs="change",
            body=Arming,
            returns=Duties,
            errors=(404, 409),
            slow=True,
        ),
        Endpoint(
            method="PUT",
            path="/api/recording",
            summary="Start or stop a recording.",
            answer=record,
            needs="change",
            body=Recording,
            returns=RecordingInfo,
            errors=(409, 422, 503),
            slow=True,
        ),
    ]
