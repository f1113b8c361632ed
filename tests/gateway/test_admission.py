import pytest

from babblefish.gateway.admission import Admission
from babblefish.gateway.quota import Quotas
from babblefish.protocol import CLOSE_FULL, CLOSE_ORIGIN, Refusal
from babblefish.settings import Settings

HOST = {"host": "babblefish.local:9000"}
LISTED = "https://meet.example.org"


def admission(**settings: object) -> Admission:
    chosen = Settings.model_validate({"allowed_origins": [LISTED], **settings})
    return Admission(chosen, Quotas(chosen))


@pytest.mark.parametrize(
    "origin", [None, "http://babblefish.local:9000", "https://babblefish.local:9000", LISTED]
)
def test_own_listed_and_no_origins_are_admitted(origin: str | None) -> None:
    door = admission()
    headers = HOST if origin is None else {**HOST, "origin": origin}
    with door.admitted(headers, "10.0.0.1"):
        assert door.phones == 1
    assert door.phones == 0


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.example",
        "http://babblefish.local",
        "http://babblefish.local:9000.evil.example",
        "http://[",
    ],
)
def test_any_other_page_is_refused(origin: str) -> None:
    door = admission()
    refusal = refused(door, "10.0.0.1", {**HOST, "origin": origin})
    assert refusal.close == CLOSE_ORIGIN
    assert door.phones == 0


def test_a_page_opened_as_a_file_is_not_trusted_for_being_here() -> None:
    door = admission(join_token="given")
    with door.admitted({**HOST, "origin": "null"}, "127.0.0.1") as trusted:
        assert not trusted
    with door.admitted(HOST, "127.0.0.1") as trusted:
        assert trusted


def test_a_full_server_admits_nobody_until_somebody_goes() -> None:
    door = admission(max_phones=1)
    with door.admitted(HOST, "10.0.0.1"):
        assert refused(door, "10.0.0.2").close == CLOSE_FULL
    with door.admitted(HOST, "10.0.0.2"):
        assert door.phones == 1


def test_one_address_does_not_take_everybodys_place() -> None:
    door = admission(max_phones_per_address=1)
    with door.admitted(HOST, "10.0.0.1"):
        assert refused(door, "10.0.0.1").code == "address_full"
        with door.admitted(HOST, "10.0.0.2"):
            assert door.phones == 2


def test_calling_again_and_again_is_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    door = admission(max_calls_per_minute_per_address=6)
    for _ in range(6):
        with door.admitted(HOST, "10.0.0.1"):
            pass
    assert refused(door, "10.0.0.1").code == "too_many_calls"
    with door.admitted(HOST, "10.0.0.2"):
        pass
    now = 10.0
    with door.admitted(HOST, "10.0.0.1"):
        pass
    assert refused(door, "10.0.0.1").code == "too_many_calls"


def test_addresses_that_left_are_not_remembered() -> None:
    door = admission()
    with door.admitted(HOST, "10.0.0.1"):
        pass
    assert not door._by_address


def refused(door: Admission, address: str, headers: dict[str, str] = HOST) -> Refusal:
    with pytest.raises(Refusal) as refusal, door.admitted(headers, address):
        pass
    return refusal.value
