import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from babblefish.gateway import certificates, links, tls
from babblefish.gateway.folder import DataFolder
from babblefish.gateway.tls import Tls


@contextlib.asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A port at which every caller is greeted and hung up on."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def is_believed_as(name: str, port: int, folder: DataFolder) -> bool:
    authority = certificates.authority_certificate(folder)
    assert authority
    context = ssl.create_default_context(cadata=authority.public_bytes(Encoding.PEM).decode())
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=name
        )
    except ssl.SSLCertVerificationError:
        return False
    assert await reader.read() == b"hello"
    writer.close()
    return True


async def test_a_laptop_that_changes_networks_is_believed_at_its_new_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DataFolder(tmp_path / "kept")
    monkeypatch.setattr(tls, "_LOOK_S", 0.01)
    monkeypatch.setattr(links, "lan_addresses", lambda: ["192.168.1.5"])
    secure = Tls(folder)
    fresh = asyncio.create_task(secure.keep_fresh())
    async with listening(secure.context) as port:
        assert await is_believed_as("192.168.1.5", port, folder)
        assert not await is_believed_as("10.0.0.7", port, folder)
        monkeypatch.setattr(links, "lan_addresses", lambda: ["10.0.0.7"])
        async with asyncio.timeout(5):
            while not await is_believed_as("10.0.0.7", port, folder):
                await asyncio.sleep(0.05)
    fresh.cancel()


async def test_a_folder_that_breaks_meanwhile_costs_nothing_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DataFolder(tmp_path / "kept")
    monkeypatch.setattr(tls, "_LOOK_S", 0.01)
    secure = Tls(folder)
    (folder.path / certificates.AUTHORITY).write_bytes(b"nonsense")
    fresh = asyncio.create_task(secure.keep_fresh())
    await asyncio.sleep(0.1)
    assert not fresh.done()
    fresh.cancel()


def test_what_is_older_than_tls_1_2_is_refused(tmp_path: Path) -> None:
    assert Tls(DataFolder(tmp_path / "kept")).context.minimum_version == ssl.TLSVersion.TLSv1_2
