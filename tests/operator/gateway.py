"""A gateway as the operator sees it: a WebSocket that says who is connected."""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

TOKEN = "let-the-operator-in"  # noqa: S105 of this file's gateway


class FakeGateway:
    """Says the same counts every half a second, and at once when they change."""

    def __init__(self) -> None:
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.callers = 0
        self.raw: str | None = None
        self._counts: dict[str, Any] = {}
        self._laptops: dict[str, Any] = {}
        self._changed = threading.Condition()
        self._mute = False

    def say(self, **clients: int) -> None:
        """So many clients, by session."""
        with self._changed:
            self._counts = {
                name: {"clients": number, "languages": ["en", "fr"][:number]}
                for name, number in clients.items()
            }
            self._changed.notify_all()

    def connect(self, laptops: int, *languages: str) -> None:
        """So many laptops, which speak these together."""
        with self._changed:
            self._laptops = {"accelerators": {"laptops": laptops, "languages": languages}}
            self._changed.notify_all()

    def mute(self, *, on: bool) -> None:
        """Stays connected, and says nothing."""
        self._mute = on

    def awaited(self, seconds: float = 5, **expected: object) -> dict[str, Any]:
        """The next message of which all that is true."""
        until = time.monotonic() + seconds
        while True:
            message = self.told.get(timeout=max(0.01, until - time.monotonic()))
            if all(message[key] == value for key, value in expected.items()):
                return message

    def answer(self, connection: ServerConnection) -> None:
        """One operator, until it leaves."""
        self.callers += 1
        hearing = threading.Thread(target=self._hear, args=(connection,), daemon=True)
        hearing.start()
        with contextlib.suppress(ConnectionClosed):
            while hearing.is_alive():
                with self._changed:
                    if not self._mute:
                        connection.send(self.raw or self._message())
                    self._changed.wait(0.5)

    def _hear(self, connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                self.told.put(json.loads(message))

    def _message(self) -> str:
        return json.dumps({"type": "counts", "sessions": self._counts, **self._laptops})


def _admit(_: ServerConnection, request: Request) -> Response | None:
    authorized = request.headers.get("Authorization") == f"Bearer {TOKEN}"
    if authorized and request.path == "/operator":
        return None
    return Response(HTTPStatus.FORBIDDEN, "Forbidden", Headers())


@contextlib.contextmanager
def answering(gateway: FakeGateway, port: int = 0) -> Iterator[int]:
    """On that port, or on any; gives it."""
    with serve(gateway.answer, "127.0.0.1", port, process_request=_admit) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield _port(server)


def _port(server: Server) -> int:
    port: int = server.socket.getsockname()[1]
    return port
