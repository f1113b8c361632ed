import pytest

from babblefish.gateway.admission import Admission
from babblefish.protocol import CLOSE_FULL, CLOSE_ORIGIN, Refusal

HOST = {"host": "babblefish.local:9000"}


@pytest.mark.parametrize(
    "origin", [None, "http://babblefish.local:9000", "https://meet.example.org"]
)
def test_own_listed_and_no_origins_are_admitted(origin: str | None) -> None:
    admission = Admission(["https://meet.example.org"], 10)
    headers = HOST if origin is None else {**HOST, "origin": origin}
    with admission.admitted(headers):
        assert admission.phones == 1
    assert admission.phones == 0


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
    admission = Admission([], 10)
    with pytest.raises(Refusal) as refused, admission.admitted({**HOST, "origin": origin}):
        pass
    assert refused.value.close == CLOSE_ORIGIN
    assert admission.phones == 0


def test_a_full_server_admits_nobody_until_somebody_goes() -> None:
    admission = Admission([], 1)
    with admission.admitted(HOST):
        with pytest.raises(Refusal) as refused, admission.admitted(HOST):
            pass
        assert refused.value.close == CLOSE_FULL
    with admission.admitted(HOST):
        assert admission.phones == 1
