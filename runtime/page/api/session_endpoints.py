"""Logging in and out."""

from starlette.responses import JSONResponse, Response

from ..access import COOKIE_S, Access, Role
from ..messages.run import Login, Session
from .endpoints import Asked, Endpoint
from .guard import checked


def session_endpoints(access: Access) -> list[Endpoint]:
    """Return the endpoints of sessions."""

    def session(asked: Asked) -> Session:
        return Session(role=asked.request.scope["role"], needs_token=access.needs_token)

    def log_in(asked: Asked) -> Response:
        if not access.needs_token:
            return _answer("change", access)
        client = asked.request.client
        role = checked(access, asked.body.token, client.host if client else "")
        response = _answer(role, access)
        response.set_cookie(
            access.cookie,
            access.cookie_of(role),
            max_age=COOKIE_S,
            httponly=True,
            samesite="strict",
            secure=asked.request.url.scheme == "https",
        )
        return response

    def log_out(_asked: Asked) -> Response:
        response = Response(status_code=204)
        response.delete_cookie(access.cookie, httponly=True, samesite="strict")
        return response

    path = "/api/session"
    return [
        Endpoint(
            method="GET",
            path=path,
            summary="Say what whoever asks may do.",
            answer=session,
            needs="open",
            returns=Session,
        ),
        Endpoint(
            method="POST",
            path=path,
            summary="Log in: keep a token as a cookie.",
            answer=log_in,
            needs="open",
            body=Login,
            returns=Session,
            errors=(401, 429),
        ),
        Endpoint(
            method="DELETE",
            path=path,
            summary="Log out: forget the cookie.",
            answer=log_out,
            needs="open",
        ),
    ]


def _answer(role: Role, access: Access) -> JSONResponse:
    return JSONResponse({"role": role, "needs_token": access.needs_token})
