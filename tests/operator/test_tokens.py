"""The link of a session: what it says, and that it says the same again."""

from dataclasses import replace

import jwt
import pytest

from babblefish_operator.tokens import claims, link, signed
from tests.operator.worlds import NOW, session

_KEY = "k" * 32


def test_the_claims_are_its_limits() -> None:
    limited = session(max_clients=4, ttl_s=60, voice_cloning="OptIn")
    created = int(NOW) - 3600
    assert claims(limited) == {
        "iss": "babblefish-operator",
        "sub": "uid-standup",
        "session": "standup",
        "languages": ["en", "fr"],
        "max_clients": 4,
        "voice_cloning": "OptIn",
        "iat": created,
        "gen": 1,
        "exp": created + 60,
    }


def test_without_a_lifetime_it_never_expires() -> None:
    assert "exp" not in claims(session())


def test_the_signature_is_the_keys() -> None:
    token = signed(session(), _KEY)
    assert jwt.decode(token, _KEY, algorithms=["HS256"])["session"] == "standup"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, "x" * 32, algorithms=["HS256"])


def test_the_same_spec_is_the_same_token_and_another_is_another() -> None:
    assert signed(session(), _KEY) == signed(session(), _KEY)
    assert signed(replace(session(), generation=2), _KEY) != signed(session(), _KEY)


def test_the_token_stands_where_no_server_sees_it() -> None:
    whole = link("https://talk.example/", session(), "a.b.c")
    assert whole == "https://talk.example/?session=standup#token=a.b.c"
