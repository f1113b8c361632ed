import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.asyncio.client import connect

from babblefish.gateway import links
from babblefish.gateway.links import join_link, qr_svg
from tests.support.http import plain
from tests.support.phone import joined
from tests.support.server import Server, serving

pytestmark = pytest.mark.slow  # each starts a gateway, or the engines, of its own


@pytest.fixture
def invited(server: Server) -> str:
    """The first join link that the server printed."""
    return server.links[0]


def token_of(link: str) -> str:
    return urlsplit(link).fragment.removeprefix("token=")


def trust(server: Server) -> ssl.SSLContext:
    """What a phone does with `/install`."""
    certificate = x509.load_der_x509_certificate(plain.get(f"{server.http}/ca.crt").content)
    return ssl.create_default_context(cadata=certificate.public_bytes(Encoding.PEM).decode())


def test_the_page_tells_every_device_how_and_needs_nothing_but_itself(server: Server) -> None:
    page = plain.get(f"{server.http}/install")
    for word in ("iPhone", "Android", "Windows", "macOS", "Linux", 'href="/ca.crt"'):
        assert word in page.text
    assert "{{" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "<script" not in page.text


def test_the_page_leads_to_https_and_not_where_the_caller_says(server: Server) -> None:
    page = plain.get(f"{server.http}/install", headers={"Host": '"><script>.example:1'})
    assert "example" not in page.text
    assert re.search(rf'href="https://[^"]+:{server.https.rpartition(":")[2]}/"', page.text)


def test_the_certificate_comes_without_its_key(server: Server) -> None:
    answer = plain.get(f"{server.http}/ca.crt")
    assert answer.headers["content-type"] == "application/x-x509-ca-cert"
    assert x509.load_der_x509_certificate(answer.content)
    assert b"PRIVATE" not in answer.content


async def test_a_phone_that_trusts_the_authority_talks_over_tls(server: Server) -> None:
    address = server.https.replace("https", "wss") + "/ws/client"
    async with connect(address, ssl=trust(server)) as socket_:
        await socket_.ping()


def test_both_doors_lead_to_one_gateway(server: Server) -> None:
    status = plain.get(server.http).json()
    assert httpx.get(server.https, verify=trust(server)).json().keys() == status.keys()
    assert httpx.get(f"{server.https}/ready", verify=trust(server)).status_code == 200


async def test_phones_at_one_door_are_counted_at_the_other(server: Server, session: str) -> None:
    async with (
        joined(server.ws, session, "Dan", "en"),
        httpx.AsyncClient(verify=trust(server)) as browser,
    ):
        assert (await browser.get(server.https)).json()["clients"] >= 1


def test_the_code_for_the_machine_itself_holds_the_token(server: Server, invited: str) -> None:
    assert token_of(invited)
    for host in ("localhost", "127.0.0.1"):
        code = plain.get(f"http://{host}:{server.port}/join.svg")
        assert code.headers["content-type"] == "image/svg+xml"
        assert code.headers["cache-control"] == "no-store"
        assert code.content == qr_svg(invited)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"Host": "attacker.example"},
        {"Host": "localhost.attacker.example:9000"},
        {"Host": "[::1"},
        {"Host": ""},
    ],
)
def test_no_other_caller_gets_the_token(
    server: Server, invited: str, headers: dict[str, str]
) -> None:
    code = plain.get(f"{server.http}/join.svg", headers=headers)
    assert code.content == qr_svg(invited.partition("#")[0])


def test_a_caller_from_the_network_gets_no_token(server: Server, invited: str) -> None:
    for address in links.reachable("0.0.0.0", links.lan_addresses()):
        if address == "localhost":
            pytest.skip("this machine has no network")
        code = plain.get(f"http://{address}:{server.port}/join.svg", headers={"Host": "localhost"})
        assert code.content == qr_svg(invited.partition("#")[0])


def test_the_code_can_be_for_another_session(server: Server, invited: str) -> None:
    code = plain.get(f"{server.http}/join.svg", params={"session": "family"})
    origin = invited.partition("/?")[0]
    assert code.content == qr_svg(join_link(origin, "family", token_of(invited)))
    for hostile in ("", "a/b", "a#token=x", "x" * 100):
        answer = plain.get(f"{server.http}/join.svg", params={"session": hostile})
        assert answer.status_code == 422


def ask(
    server: Server, asked: object, host: str = "", page: str = "", **headers: str
) -> httpx.Response:
    """What a page at this host, or of another origin, is answered."""
    host = host or f"localhost:{server.port}"
    return plain.post(
        f"{server.http}/invitation",
        content=asked if isinstance(asked, bytes) else json.dumps(asked),
        headers={"Host": host, "Origin": page or f"http://{host}", **headers},
    )


def test_the_page_of_the_machine_itself_gets_the_printed_link(server: Server, invited: str) -> None:
    for host in (f"localhost:{server.port}", f"127.0.0.1:{server.port}"):
        answer = ask(server, {"origin": f"http://{host}"}, host)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json() == {"link": invited, "svg": qr_svg(invited).decode()}


@pytest.mark.parametrize(
    ("host", "page", "headers"),
    [
        ("fish.example", "", {}),
        ("fish.example", "null", {}),
        ("localhost", "null", {}),
        ("localhost", "", {"X-Forwarded-For": "127.0.0.1"}),
        ("localhost.fish.example", "", {}),
    ],
)
def test_any_other_page_gets_back_the_token_it_has(
    server: Server, host: str, page: str, headers: dict[str, str]
) -> None:
    for scheme, token in (("http", "abc"), ("https", "a#b"), ("https", "")):
        origin = f"{scheme}://{host}"
        asked = {"origin": origin, "session": "family", "token": token}
        answer = ask(server, asked, host, page, **headers)
        assert answer.json()["link"] == join_link(origin, "family", token)
        assert answer.headers["access-control-allow-origin"] == (page or f"http://{host}")


def test_links_lead_to_this_server_only(server: Server) -> None:
    own = f"http://localhost:{server.port}"
    for origin in ("https://evil.example", f"{own}.evil.example", f"{own}/", "javascript:", ""):
        assert ask(server, {"origin": origin}).status_code == 403
    for page in ("https://evil.example", f"{own}.evil.example", "http://localhost"):
        answer = ask(server, {"origin": own}, page=page)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    assert plain.post(f"{server.http}/invitation", json={"origin": own}).status_code == 403


def test_an_invitation_has_a_form_and_an_end(server: Server) -> None:
    own = f"http://localhost:{server.port}"
    for hostile in (b"", b"{", b"[]", b"{}", b"\xff"):
        assert ask(server, hostile).status_code == 422
    for session in ("", "a/b", "a#token=x", "x" * 100):
        assert ask(server, {"origin": own, "session": session}).status_code == 422
    origin = "http://fish.example"
    asked = json.dumps({"origin": origin, "token": ""}).encode()
    longest = asked.replace(b'""', b'"%s"' % (b" " * (768 - len(asked))))
    assert ask(server, longest, "fish.example").json()["link"].count("%20") > 700
    assert ask(server, longest + b" ", "fish.example").status_code == 413


def test_a_page_that_the_settings_name_is_another_way_in() -> None:
    listed = "https://meet.example"
    with serving(allowed_origins=json.dumps([listed]), warm_up=False) as running:
        host = f"localhost:{running.port}"
        for origin in (listed, f"http://{host}"):
            answer = ask(running, {"origin": origin, "token": "own"}, host, listed)
            assert answer.json()["link"] == join_link(origin, token="own")
            assert answer.headers["access-control-allow-origin"] == listed


def test_links_stay_good_over_a_restart(tmp_path: Path) -> None:
    tokens = set()
    for _ in range(2):
        with serving(data_dir=tmp_path / "kept", warm_up=False) as running:
            tokens.add(token_of(running.links[0]))
    assert len(tokens) == 1


def test_a_token_of_ones_own_is_the_links() -> None:
    with serving(join_token="of-my-own", warm_up=False) as running:
        assert token_of(running.links[0]) == "of-my-own"
        assert not (running.data_dir / "join-token").exists()


def test_https_can_be_switched_off() -> None:
    with serving(tls=False, warm_up=False) as running:
        assert all(link.startswith("http://") for link in running.links)
        assert plain.get(f"{running.http}/ca.crt").status_code == 404
        assert not (running.data_dir / "authority.pem").exists()


def test_a_data_folder_that_cannot_be_written_costs_https_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serving(data_dir=tmp_path / "file" / "kept", warm_up=False) as running:
        assert plain.get(f"{running.http}/health").status_code == 200
        assert all(link.startswith("http://") and token_of(link) for link in running.links)


def refusal(**settings: object) -> str:
    """What `serve` says when it does not start."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    run = subprocess.run(
        [sys.executable, "-m", "babblefish", "serve", "--port=0", *flags],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1)
    return run.stderr


def test_a_broken_authority_stops_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "authority.pem").write_text("nonsense")
    assert "authority.pem" in refusal(data_dir=tmp_path)
    assert (tmp_path / "authority.pem").read_text() == "nonsense"


def test_an_https_port_in_use_is_one_line_that_names_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        said = refusal(data_dir=tmp_path, https_port=taken.getsockname()[1])
    assert "BABBLEFISH_HTTPS_PORT" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_closes_both_doors(number: signal.Signals) -> None:
    with serving(warm_up=False) as running:
        line = http.client.HTTPSConnection(
            "127.0.0.1", int(running.https.rpartition(":")[2]), context=trust(running)
        )
        line.request("GET", "/health")
        assert line.getresponse().status == 200  # and the connection stays open
        running.process.send_signal(number)
        assert running.process.wait(5) == 0
