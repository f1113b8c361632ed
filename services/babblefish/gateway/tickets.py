"""What a session's link lets its bearer do: signed by the operator, verified here, offline.

A ticket is a JSON Web Token (RFC 7519) with the limits of a TranslationSession.
"""

import functools
from typing import Any, Literal

import msgspec
from msgspec import Struct

from babblefish.protocol import CLOSE_TOKEN, Refusal

ISSUER = "babblefish-operator"
VoiceCloning = Literal["OptIn", "Disabled"]
_ALGORITHM = "HS256"


class Ticket(Struct, frozen=True):
    """The limits of one session."""

    sub: str
    """The session's uid: another one of the same name is another session."""
    session: str
    languages: frozenset[str] = frozenset()
    max_clients: int | None = None
    voice_cloning: VoiceCloning = "Disabled"


class Live(Struct, frozen=True):
    """A session that there is, as the operator has it: it may allow other things than tickets."""

    uid: str
    voice_cloning: VoiceCloning | None = None


def looks_like_one(token: str | None) -> bool:
    """Whether it is meant to be a ticket: a server's own token has no dots."""
    return token is not None and token.count(".") == 2


def verified(token: str, session: str, key: str) -> Ticket:
    """The ticket, if it is genuine, still good, and for this session; raises `Refusal`."""
    jwt = _jwt()
    try:
        # Whether it was signed in the future says only whose clock is late.
        claims = jwt.decode(
            token, key, algorithms=[_ALGORITHM], issuer=ISSUER, options={"verify_iat": False}
        )
        ticket = msgspec.convert(claims, Ticket)
    except jwt.ExpiredSignatureError:
        raise Refusal("expired_token", "This session is over.", CLOSE_TOKEN) from None
    except (jwt.InvalidTokenError, msgspec.ValidationError, UnicodeError):
        raise Refusal("bad_token", "Join by the link of the session.", CLOSE_TOKEN) from None
    if ticket.session != session:
        raise Refusal("bad_token", "This link is for another session.", CLOSE_TOKEN)
    return ticket


@functools.cache
def _jwt() -> Any:  # noqa: ANN401 a module
    """Only gateways with sessions of an operator need it."""
    import jwt

    return jwt
