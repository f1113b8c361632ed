import io
import re
import socket
from collections import namedtuple
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
import segno

from babblefish.gateway import links

Entry = namedtuple("Entry", "family address")
State = namedtuple("State", "isup")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop with a tunnel, a container network and a cable that is out."""
    interfaces = {
        "lo": ["127.0.0.1", "::1"],
        "tun0": ["10.8.0.2"],
        "docker0": ["172.17.0.1"],
        "veth12ab": ["169.254.3.3"],
        "wan0": ["93.184.216.34", "2606:2800:220:1::1"],
        "wlan0": ["192.168.1.5", "fe80::1%wlan0", "fd00::5", "aa:bb:cc:dd:ee:ff"],
        "eth0": ["192.168.7.7"],
    }
    entries = {
        name: [Entry(socket.AF_INET, address) for address in addresses]
        for name, addresses in interfaces.items()
    }
    states = {name: State(name != "eth0") for name in interfaces}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: entries)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: states)


@pytest.mark.usefixtures("machine")
def test_the_likeliest_address_comes_first_and_those_nobody_reaches_not_at_all() -> None:
    assert links.lan_addresses() == [
        "192.168.1.5",
        "10.8.0.2",
        "93.184.216.34",
        "fd00::5",
        "2606:2800:220:1::1",
    ]


def test_this_machine_has_no_loopback_among_its_addresses() -> None:
    assert not {"127.0.0.1", "::1"} & set(links.lan_addresses())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0.0.0.0", ["192.168.1.5"]),
        ("::", ["fd00::5"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("fish.example", ["fish.example"]),
    ],
)
def test_links_name_only_addresses_that_answer(host: str, expected: list[str]) -> None:
    assert links.reachable(host, ["192.168.1.5", "fd00::5"]) == expected


def test_a_machine_without_a_network_is_reached_from_itself() -> None:
    assert links.reachable("0.0.0.0", []) == ["localhost"]


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert links.origin("https", "fd00::5", 9443) == "https://[fd00::5]:9443"


@pytest.mark.parametrize("token", ["abc-_", "a#b&c=d e", "ü"])
def test_the_token_stays_out_of_what_a_browser_sends(token: str) -> None:
    link = urlsplit(links.join_link("https://192.168.1.5:9443", "lobby", token))
    assert parse_qs(link.query) == {"session": ["lobby"]}
    assert parse_qs(link.fragment) == {"token": [token]}


def test_a_link_without_a_token_has_no_fragment() -> None:
    assert links.join_link("https://h:1", "a b") == "https://h:1/?session=a+b"


def test_the_terminals_code_is_the_links_own() -> None:
    link = links.join_link("https://192.168.1.5:9443", token="t" * 22)
    drawn = io.StringIO()
    segno.make_qr(link).terminal(drawn, border=2, compact=True)
    lines = re.sub(r"\x1b\[[\d;]+m", "", links.qr_text(link)).split("\n")
    assert lines == drawn.getvalue().rstrip("\n").split("\n")
    assert max(map(len, lines)) <= 60  # a narrow terminal
