"""One replica of a stage, as its callers see it."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import msgspec

from babblefish.stage import wire

_PROBE_S = 1.0


class ReplicaLost(Exception):
    """It did not answer, or went away in the middle."""


class Replica:
    """One address that serves the stage."""

    def __init__(self, http: httpx.AsyncClient, host: str, port: int) -> None:
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.up = False
        self._http = http
        self._ours = 0
        self._others = 0
        self._held: set[Callable[[], None]] = set()

    @property
    def load(self) -> int:
        """What it has to do, as far as we know."""
        return self._ours + self._others

    def report(self, depth: int) -> None:
        """It says how much it has to do; what is not ours is other callers'."""
        self._others = max(0, depth - self._ours)

    @contextlib.contextmanager
    def held(self, let_go: Callable[[], None]) -> Iterator[None]:
        """Given work; `let_go` is called if the replica dies meanwhile."""
        self._ours += 1
        self._held.add(let_go)
        try:
            yield
        finally:
            self._ours -= 1
            self._held.discard(let_go)

    def lose(self) -> None:
        """It is dead until it says otherwise: nobody waits for it."""
        self.up = False
        for let_go in list(self._held):
            let_go()

    async def about(self) -> wire.About | None:
        """What it says of itself, if it answers."""
        try:
            answer = await self._http.get(f"http://{self.address}/about", timeout=_PROBE_S)
            return msgspec.json.decode(answer.content, type=wire.About)
        except (httpx.HTTPError, msgspec.DecodeError):
            return None

    async def post(self, path: str, body: bytes) -> bytes:
        """The answer; raises `ReplicaLost`, `StageError`, `TimeoutError`."""
        async with self.posted(path, body) as answer:
            return await answer.aread()

    @contextlib.asynccontextmanager
    async def posted(self, path: str, body: bytes) -> AsyncIterator[httpx.Response]:
        """The answer while it comes; raises as `post` does."""
        left = wire.deadline_ms()
        headers = {} if left is None else {wire.DEADLINE_HEADER: str(left)}
        url = f"http://{self.address}{path}"
        try:
            async with self._http.stream("POST", url, content=body, headers=headers) as answer:
                self.report(int(answer.headers.get(wire.DEPTH_HEADER, 0)))
                if answer.status_code != httpx.codes.OK:
                    raise msgspec.msgpack.decode(await answer.aread(), type=wire.Failure).error()
                yield answer
        except (httpx.TransportError, msgspec.DecodeError) as error:
            raise ReplicaLost from error
