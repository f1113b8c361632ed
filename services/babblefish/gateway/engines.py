"""The engines of this gateway, in this process or behind HTTP: built from the settings, warmed up,
and what they can together.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator

from babblefish.protocol.down import Languages
from babblefish.settings import Settings
from babblefish.speaker.base import SpeakerEncoder
from babblefish.stage import engines
from babblefish.synthesizer import chooser
from babblefish.synthesizer.base import Synthesizer
from babblefish.telemetry import log, milliseconds_since
from babblefish.translator.base import Translator

# Engines in other processes come and go, and are not the same for ever.
_LANGUAGES_KEPT_S = 1.0

_log = log(__name__)


class Engines:
    """Translator, synthesizer and, unless nobody is known by voice, speaker encoder.

    Ready once they are warm.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.translator = _translator(settings)
        self.synthesizer = _synthesizer(settings)
        self.speaker = speaker_encoder(settings)
        self.ready = not settings.warm_up
        self._languages = self._common_languages()
        self._languages_at = time.monotonic()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Engines"]:
        """Warm-up goes on in the background: the gateway answers at once, `/ready` says when."""
        warming = asyncio.create_task(self._warm_up())
        try:
            yield self
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)
            await self.stop()

    async def start(self) -> None:
        """Waits until all are warm, wherever they are."""
        await asyncio.gather(*(engine.start() for engine in self._all))
        self._languages_at = -math.inf

    async def stop(self) -> None:
        """Ends all of them."""
        await asyncio.gather(*(engine.stop() for engine in self._all))

    @property
    def languages(self) -> Languages:
        """See `protocol.Languages`."""
        if time.monotonic() - self._languages_at > _LANGUAGES_KEPT_S:
            self._languages = self._common_languages()
            self._languages_at = time.monotonic()
        return self._languages

    @property
    def voices(self) -> dict[str, str]:
        """Which engine speaks each language that can be heard."""
        return {language: self.synthesizer.engine(language) for language in self.languages.hear}

    @property
    def _all(self) -> list[Translator | Synthesizer | SpeakerEncoder]:
        speaker = [self.speaker] if self.speaker else []
        return [self.translator, self.synthesizer, *speaker]

    def _common_languages(self) -> Languages:
        speak, write = self.translator.speech_languages, self.translator.text_languages
        read = speak.union(*(self.translator.reachable(source) for source in speak | write))
        return Languages(
            speak=sorted(speak),
            read=sorted(read),
            hear=sorted(read & self.synthesizer.languages),
            write=sorted(write),
        )

    async def _warm_up(self) -> None:
        if self.ready:
            return
        started = time.monotonic()
        try:
            await self.start()
        except Exception:
            _log.exception("warm_up_failed")
            raise
        self.ready = True
        _log.info("engines_warm", milliseconds=milliseconds_since(started))


def _translator(settings: Settings) -> Translator:
    """Raises `EngineMissing`."""
    if _is_remote(settings.translator):
        from babblefish.translator.remote import RemoteTranslator

        return RemoteTranslator(settings.translator)
    engine: Translator = engines.build("translator", settings.translator, settings)
    return engine


def _synthesizer(settings: Settings) -> Synthesizer:
    """Raises `EngineMissing`."""
    if _is_remote(settings.synthesizer):
        from babblefish.synthesizer.remote import RemoteSynthesizer

        return RemoteSynthesizer(settings.synthesizer)
    return chooser.build(settings.synthesizer, settings)


def speaker_encoder(settings: Settings) -> SpeakerEncoder | None:
    """Not yet started; none where nobody is known by voice. Raises `EngineMissing`."""
    if not settings.speaker:
        return None
    if _is_remote(settings.speaker):
        from babblefish.speaker.remote import RemoteSpeakerEncoder

        return RemoteSpeakerEncoder(settings.speaker, settings.speaker_threshold)
    encoder: SpeakerEncoder = engines.build("speaker", settings.speaker, settings)
    return encoder


def _is_remote(reference: str) -> bool:
    return reference.startswith("http://")
