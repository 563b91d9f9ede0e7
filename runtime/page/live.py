"""The WebSocket of a viewer: it says what it wants to see, and is told what is new."""

import asyncio
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from ..documents import DocumentError, from_json
from .access import Role
from .messages.live import Watch
from .viewers import Viewer, Viewers

GOING_AWAY, NOT_ALLOWED, TRY_LATER = 1001, 1008, 1013
# A watch of as many streams and lanes as there may be.
MAX_MESSAGE_BYTES = 128 << 10
MAX_REASON_BYTES = 123  # of a close, by the protocol


class Live:
    """Serves viewers.

    Args:
        viewers: all of them.
        hello: makes what a viewer is told first, by its role.
        bye: makes what it is told last.
    """

    def __init__(
        self, viewers: Viewers, hello: Callable[[Role], bytes], bye: Callable[[], bytes]
    ) -> None:
        self._viewers, self._hello, self._bye = viewers, hello, bye
        self._is_over = False
        self._tasks: dict[Viewer, asyncio.Task[None]] = {}

    async def serve(self, socket: WebSocket) -> None:
        """Serve one viewer until it leaves, is too slow, or the run ends."""
        role: Role = socket.scope["role"]
        viewer = Viewer()
        await socket.accept()
        if self._is_over or not self._viewers.add(viewer):
            await socket.close(TRY_LATER, "There are too many viewers: try again later.")
            return
        telling = asyncio.create_task(self._tell(socket, viewer, role))
        self._tasks[viewer] = telling
        try:
            while True:
                text = await socket.receive_text()
                try:
                    self._viewers.use(viewer, from_json(text, Watch))
                except DocumentError as error:
                    reason = f"This is no message: {error}.".encode()[:MAX_REASON_BYTES]
                    await socket.close(NOT_ALLOWED, reason.decode(errors="ignore"))
                    return
        except (WebSocketDisconnect, KeyError, RuntimeError):
            pass  # it left, sent no text, or was closed
        finally:
            self._viewers.remove(viewer)
            self._tasks.pop(viewer, None)
            viewer.end()
            telling.cancel()

    def drop(self, viewers: list[Viewer]) -> None:
        """Leave viewers that are too slow."""
        for viewer in viewers:
            if task := self._tasks.get(viewer):
                task.cancel()

    def end(self) -> None:
        """Tell all viewers that the run has ended; take no others."""
        self._is_over = True
        self._viewers.end()

    async def _tell(self, socket: WebSocket, viewer: Viewer, role: Role) -> None:
        try:
            while (found := await viewer.next(lambda: self._hello(role))) is not None:
                if isinstance(found, str):
                    await socket.send_text(found)
                else:
                    await socket.send_bytes(found)
            if self._is_over:
                await socket.send_text(self._bye().decode())
                await socket.close(GOING_AWAY, "The run has ended.")
        except (WebSocketDisconnect, RuntimeError):
            pass
        except asyncio.CancelledError:
            if not viewer.is_over:  # too slow
                viewer.end()
                self._viewers.remove(viewer)
                socket.scope["extensions"]["stzsar.abort"]()
            raise
