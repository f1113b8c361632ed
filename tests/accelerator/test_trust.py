"""A laptop and the authority that its gateway made for itself."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog.testing
from cryptography.hazmat.primitives.serialization import Encoding

from babblefish.accelerator.accelerator import Accelerator
from babblefish.accelerator.server import Server
from babblefish.gateway import certificates
from babblefish.gateway.folder import DataFolder
from babblefish.settings import load
from tests.accelerator.gateway import Gateway, gateway
from tests.support.laptop import TOKEN, ScriptedCloner


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Gateway]:
    folder = DataFolder(tmp_path / "gateway")
    certificates.renew(folder, certificates.machine_names([]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder.path / certificates.SERVER)
    authority = certificates.authority_certificate(folder)
    assert authority
    async with gateway(context=context) as running:
        running.authority = authority.public_bytes(Encoding.DER)
        yield running


def accelerator(monkeypatch: pytest.MonkeyPatch, url: str, **trust: object) -> Accelerator:
    monkeypatch.setenv("BABBLEFISH_ACCELERATOR_TOKEN", TOKEN)
    chosen = {"server": url, **trust}
    settings = load([f"--accelerator-{name}={value}" for name, value in chosen.items()])
    return Accelerator(ScriptedCloner(), Server.of(settings), settings)


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
async def test_it_trusts_the_file_it_was_given(
    secure: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: Encoding
) -> None:
    der = secure.authority
    pem = ssl.DER_cert_to_PEM_cert(der).encode()
    (tmp_path / "ca.crt").write_bytes(der if encoding is Encoding.DER else pem)
    laptop = accelerator(monkeypatch, secure.url, ca=tmp_path / "ca.crt")
    async with laptop.running(asyncio.Event()):
        await secure.welcomed()


async def test_it_trusts_the_fingerprint_it_was_given(
    secure: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(secure.authority).hexdigest()
    laptop = accelerator(monkeypatch, secure.url, fingerprint=digest)
    async with laptop.running(asyncio.Event()):
        line = await secure.welcomed()
        line.drop()
        await secure.welcomed()


@pytest.mark.parametrize("given", ["nothing", "another fingerprint", "another name"])
async def test_whoever_else_answers_never_sees_the_secret(
    secure: Gateway, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    trust = {"another fingerprint": {"fingerprint": "ab" * 32}}.get(given, {})
    if given == "another name":
        secure.host = "127.0.0.2"
        trust = {"fingerprint": hashlib.sha256(secure.authority).hexdigest()}
    with structlog.testing.capture_logs() as logs:
        laptop = accelerator(monkeypatch, secure.url, **trust)
        async with laptop.running(asyncio.Event()), asyncio.timeout(20):
            while not any(entry["event"] == "gateway_unfit" for entry in logs):
                await asyncio.sleep(0.01)
    assert not secure.calls
