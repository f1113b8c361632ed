"""A wire between a phone and the gateway that can be cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Wire:
    """Carries bytes both ways; `port` is where it begins."""

    def __init__(self) -> None:
        self.port = 0
        self._ends: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Every connection over it is gone, without a word to either side; new ones may come."""
        for end in self._ends:
            end.transport.abort()

    async def carry(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection, to its end."""
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        ends = {writer, far_writer}
        self._ends |= ends
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            self._ends -= ends
            for end in ends:
                end.close()


@contextlib.asynccontextmanager
async def wire_to(port: int) -> AsyncIterator[Wire]:
    """A wire to that port of this machine."""
    wire = Wire()
    server = await asyncio.start_server(
        lambda reader, writer: wire.carry(port, reader, writer), "127.0.0.1", 0
    )
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        wire.cut()
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()
