"""Teaching, as endpoints."""

from .endpoints import Asked, Endpoint, RefusalError
from .teaching import NO_TEACHING, Teaching
from .teaching_messages import ExamplePath, NewExample, TeachingInfo, TeachingStart


def teaching_endpoints(teaching: Teaching | None) -> list[Endpoint]:
    """Return the endpoints of teaching; None is a run that cannot be taught."""

    def there() -> Teaching:
        if teaching is None:
            raise RefusalError(409, NO_TEACHING)
        return teaching

    def info(_asked: Asked) -> TeachingInfo:
        return there().info

    def add(asked: Asked) -> TeachingInfo:
        return there().add(asked.body)

    def remove(asked: Asked) -> TeachingInfo:
        return there().remove(asked.path.id)

    def start(asked: Asked) -> TeachingInfo:
        return there().start(asked.body)

    def stop(_asked: Asked) -> TeachingInfo:
        return there().stop()

    def use(_asked: Asked) -> TeachingInfo:
        return there().use()

    path = "/api/teaching"
    return [
        Endpoint(
            method="GET",
            path=path,
            summary="Tell what there is to teach with, and how far teaching is.",
            answer=info,
            returns=TeachingInfo,
            errors=(409, 422),
            slow=True,
        ),
        Endpoint(
            method="POST",
            path=path,
            summary="Teach in the background.",
            answer=start,
            needs="change",
            body=TeachingStart,
            returns=TeachingInfo,
            errors=(409, 422),
            slow=True,
        ),
        Endpoint(
            method="DELETE",
            path=path,
            summary="Stop to teach.",
            answer=stop,
            needs="change",
            returns=TeachingInfo,
            errors=(409, 422),
            slow=True,
        ),
        Endpoint(
            method="POST",
            path=f"{path}/examples",
            summary="Make an example of the last seconds of a stream.",
            answer=add,
            needs="change",
            body=NewExample,
            returns=TeachingInfo,
            errors=(404, 409, 422),
            slow=True,
        ),
        Endpoint(
            method="DELETE",
            path=f"{path}/examples/{{id}}",
            summary="Remove an example.",
            answer=remove,
            needs="change",
            path_type=ExamplePath,
            returns=TeachingInfo,
            errors=(404, 409, 422),
            slow=True,
        ),
        Endpoint(
            method="POST",
            path=f"{path}/use",
            summary="Decide by what was taught from now on.",
            answer=use,
            needs="change",
            returns=TeachingInfo,
            errors=(409, 422, 503),
            slow=True,
        ),
    ]
