"""What opens a session: a token with its limits, signed, so that gateways verify it offline."""

from typing import Any

import jwt

from babblefish_operator.model import Session
from babblefish_operator.status import join_url

ISSUER = "babblefish-operator"
_ALGORITHM = "HS256"


def claims(session: Session) -> dict[str, Any]:
    """What a JSON Web Token (RFC 7519) says; the same for the same spec, at any time."""
    said = {
        "iss": ISSUER,
        "sub": session.uid,
        "session": session.name,
        "languages": list(session.spec.languages),
        "max_clients": session.spec.max_clients,
        "voice_cloning": session.spec.voice_cloning,
        "iat": session.created,
        "gen": session.generation,
    }
    return said if session.expires_at is None else {**said, "exp": session.expires_at}


def signed(session: Session, key: str) -> str:
    """The token."""
    return jwt.encode(claims(session), key, algorithm=_ALGORITHM)


def link(public_url: str, session: Session, token: str) -> str:
    """What phones open; what stands behind `#` no server ever sees."""
    return f"{join_url(public_url, session.name)}#token={token}"
