"""Voices of people who said yes, for whoever runs the server: `/voices`."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from babblefish.errors import KeptFileError
from babblefish.registry.holdings import Purge
from babblefish.voices.account import Account


class VoiceKept(BaseModel):
    """A voice that may be cloned; times in seconds since 1970.

    `seconds`: of all `samples`; `ready`: it can be cloned; `trained`: by a model of its own, too;
    `laptops`: which hold it.
    """

    speaker_id: str
    name: str
    session: str
    wording: str
    since: float
    expires: float
    samples: int
    seconds: float
    ready: bool
    trained: bool
    laptops: list[str]


class VoiceRevoked(BaseModel):
    """Everything of the voice is deleted: here, and on `purged` laptops.

    On those in `waiting` as soon as they are back, before they serve.
    """

    speaker_id: str
    purged: list[str]
    waiting: list[str]


def router(
    kept: Callable[[], Awaitable[list[Account]]],
    revoke: Callable[[str], Awaitable[Purge | None]],
) -> APIRouter:
    """The addresses; who may ask is not decided here."""
    routes = APIRouter()

    @routes.get("/voices")
    async def voices() -> list[VoiceKept]:
        """Who said yes, and what was collected of them; no sound of it is ever told."""
        return [_kept(account) for account in await kept()]

    @routes.delete("/voices/{speaker_id}", responses={404: {}, 503: {}})
    async def forget(speaker_id: str) -> VoiceRevoked:
        """Takes back the yes of a voice; answers once laptops confirmed it, or after 5 s."""
        try:
            purge = await revoke(speaker_id)
        except KeptFileError as error:
            raise HTTPException(503, str(error)) from error
        if purge is None:
            raise HTTPException(404, "Nobody of this speaker id said yes.")
        return VoiceRevoked(speaker_id=speaker_id, purged=purge.purged, waiting=purge.waiting)

    return routes


def _kept(account: Account) -> VoiceKept:
    consent = account.consent
    return VoiceKept(
        speaker_id=consent.voice.speaker.id,
        name=consent.voice.speaker.name,
        session=consent.session.name,
        wording=consent.wording,
        since=consent.since,
        expires=consent.expires,
        samples=account.samples,
        seconds=round(account.seconds, 1),
        ready=account.ready,
        trained=account.trained,
        laptops=account.laptops,
    )
