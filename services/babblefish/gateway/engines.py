"""The engines of this gateway: built from the settings, warmed up, and what they can together."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from babblefish.protocol import Languages
from babblefish.settings import Settings
from babblefish.stage import engines
from babblefish.synthesizer.base import Synthesizer
from babblefish.telemetry import log, milliseconds_since
from babblefish.translator.base import Translator

_log = log(__name__)


class Engines:
    """Translator and synthesizer; ready once they are warm."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.translator: Translator = engines.build("translator", settings.translator, settings)
        self.synthesizer: Synthesizer = engines.build("synthesizer", settings.synthesizer, settings)
        self.ready = not settings.warm_up

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Engines"]:
        """Warm-up goes on in the background: the gateway answers at once, `/ready` says when."""
        warming = asyncio.create_task(self._warm_up())
        try:
            yield self
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)
            await asyncio.gather(self.translator.stop(), self.synthesizer.stop())

    def languages(self) -> Languages:
        """See `protocol.Languages`."""
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
            await asyncio.gather(self.translator.start(), self.synthesizer.start())
        except Exception:
            _log.exception("warm_up_failed")
            raise
        self.ready = True
        _log.info("engines_warm", milliseconds=milliseconds_since(started))
