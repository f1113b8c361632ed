"""Which servers a laptop dials, and which it does not."""

from pathlib import Path

import pytest

from babblefish.accelerator.server import Server
from babblefish.errors import SettingsError
from babblefish.settings import load
from tests.support.laptop import TOKEN


def server(url: str, monkeypatch: pytest.MonkeyPatch, token: str = TOKEN, **more: str) -> Server:
    monkeypatch.setenv("BABBLEFISH_ACCELERATOR_TOKEN", token)
    for name, value in more.items():
        monkeypatch.setenv(f"BABBLEFISH_ACCELERATOR_{name.upper()}", value)
    return Server.of(load([f"--accelerator-server={url}"]))


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("wss://talk.example", "wss://talk.example/ws/tts-accelerator"),
        ("wss://talk.example/", "wss://talk.example/ws/tts-accelerator"),
        ("wss://talk.example:9443/a/b", "wss://talk.example:9443/a/b"),
        ("ws://localhost:9000", "ws://localhost:9000/ws/tts-accelerator"),
        ("wss://[::1]:9443", "wss://[::1]:9443/ws/tts-accelerator"),
    ],
)
def test_it_knows_the_path(given: str, dialled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server(given, monkeypatch).url == dialled


@pytest.mark.parametrize(
    "given",
    [
        "",
        "talk.example",
        "https://talk.example",
        "wss://",
        "wss://talk.example:99999",
        "wss://talk.example:0",
        "wss://me:secret@talk.example",
        "wss://talk.example/?token=secret",
        "wss://talk.example/#secret",
        "wss://[",
    ],
)
def test_what_is_no_address_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="no gateway's address") as refused:
        server(given, monkeypatch)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("host", ["talk.example", "8.8.8.8", "[2001:4860::8888]"])
def test_voices_do_not_cross_the_world_unencrypted(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="unencrypted"):
        server(f"ws://{host}:9000", monkeypatch)
    assert not server(f"wss://{host}:9000", monkeypatch).warning


@pytest.mark.parametrize("host", ["192.168.1.20", "10.0.0.3", "thinkpad.local", "[fd00::1]"])
def test_that_they_cross_a_private_network_unencrypted_is_said(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "unencrypted" in server(f"ws://{host}:9000", monkeypatch).warning
    assert not server(f"wss://{host}:9000", monkeypatch).warning


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "[::1]", "gateway", "babblefish.svc", "b.talk.svc.cluster.local"],
)
def test_in_one_machine_or_cluster_nothing_is_to_be_said(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not server(f"ws://{host}:9000", monkeypatch).warning


def test_without_the_secret_only_this_machine_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server("ws://127.0.0.1:9000", monkeypatch, token="").token == ""
    with pytest.raises(SettingsError, match="secret"):
        server("wss://talk.example", monkeypatch, token="")


def test_the_secret_is_in_no_description_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TOKEN not in repr(server("wss://talk.example", monkeypatch))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ca", "/nowhere/ca.crt", "cannot be read"),
        ("ca", "/dev/null", "no certificate"),
        ("ca", __file__, "no certificate"),
        ("fingerprint", "abc", "no SHA-256"),
    ],
)
def test_an_authority_that_is_none_is_refused(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=said):
        server("wss://talk.example", monkeypatch, **{name: value})


def test_a_fingerprint_is_taken_as_openssl_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = ":".join(["AB"] * 32)
    written = f"sha256 Fingerprint={digest}"
    trust = server("wss://talk.example", monkeypatch, fingerprint=written).trust
    assert trust.fingerprint == "ab" * 32


def test_der_that_is_no_certificate_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.crt").write_bytes(b"\x30\x82\x01\x00garbage")
    with pytest.raises(SettingsError, match="no certificate"):
        server("wss://talk.example", monkeypatch, ca=str(tmp_path / "ca.crt"))
