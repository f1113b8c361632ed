"""A real gateway in the test's own process, where engines can be scripted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from babblefish.audio import Samples
from babblefish.errors import StageDown
from babblefish.gateway.app import GatewayApps
from babblefish.gateway.interpreter import Participant
from babblefish.gateway.speakers import Speakers
from babblefish.gateway.tickets import Live
from babblefish.registry.identity import Decision, Heard
from babblefish.registry.store import FILE
from babblefish.settings import load
from babblefish.speaker.base import NoVoice, Voiceprint
from babblefish.stage.door import Door, listen
from babblefish.translator.base import Translation
from tests.support.scripted import ScriptedStream, ScriptedSynthesizer, ScriptedTranslator

_SIZE = 64


@dataclass
class ScriptedEncoder:
    """Hears whoever it is told talks, a little different each time."""

    model: str = "scripted/voices"
    threshold: float = 0.7
    delay_s: float = 0.0
    fails: bool = False
    hears: bool = True
    talking: str = ""
    calls: int = 0
    _voices: dict[str, Voiceprint] = field(default_factory=dict)

    async def embed(self, speech: Samples) -> Voiceprint:
        self.calls += 1
        rng = np.random.default_rng(self.calls)
        print_ = self._voice(self.talking) + 0.02 * rng.standard_normal(_SIZE)
        await asyncio.sleep(self.delay_s)
        if self.fails:
            raise StageDown("Scripted.", "To be so.")
        if not self.hears:
            raise NoVoice("Scripted.", "To be so.")
        unit: Voiceprint = (print_ / np.linalg.norm(print_)).astype(np.float32)
        return unit

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def _voice(self, name: str) -> Voiceprint:
        """Of everybody in a direction of their own."""
        self._voices.setdefault(name, np.eye(_SIZE, dtype=np.float32)[len(self._voices)])
        return self._voices[name]


class PatientTranslator(ScriptedTranslator):
    """Takes longer than a voice does to be recognised, as real ones do; waits for no slow one."""

    def __init__(self, encoder: ScriptedEncoder | None) -> None:
        super().__init__()
        self._encoder = encoder
        self.recognised = asyncio.Event()

    @property
    def patience_s(self) -> float:
        encoder = self._encoder
        well = encoder and encoder.hears and not (encoder.fails or encoder.delay_s)
        return 10 if well else 0

    def open(self, source: str, speaker: str) -> "PatientStream":
        return PatientStream(self, source)


class PatientStream(ScriptedStream):
    _translator: PatientTranslator

    async def finish(self, targets: Collection[str]) -> Translation:
        translator = self._translator
        translator.recognised.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(translator.patience_s):
                await translator.recognised.wait()
        return await super().finish(targets)


@dataclass
class Running:
    """Where it listens, what it keeps, and its engines."""

    port: int
    data_dir: Path
    encoder: ScriptedEncoder | None
    synthesizer: ScriptedSynthesizer
    govern: Callable[[Mapping[str, Live]], Awaitable[None]]
    """The operator's word: which sessions there are, by name."""
    learned: "asyncio.Queue[None]"
    """An item whenever the registry learned from an utterance, which it does beside the telling."""
    translator: ScriptedTranslator

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/client"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def traces(self) -> bytes:
        """Everything that the registry has on the disk."""
        return b"".join(file.read_bytes() for file in self.data_dir.glob(f"{FILE}*"))


@contextlib.asynccontextmanager
async def gateway(
    data_dir: Path, encoder: ScriptedEncoder | None, **settings: object
) -> AsyncIterator[Running]:
    """A gateway on a free port with scripted engines; ended at the end."""
    chosen = {"data_dir": data_dir, "warm_up": False, "host": "127.0.0.1", "tls": False, **settings}
    loaded = load([f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()])
    apps = GatewayApps(loaded)
    translator, synthesizer = PatientTranslator(encoder), ScriptedSynthesizer()
    engines = apps._gateway.engines
    engines.translator, engines.synthesizer, engines.speaker = translator, synthesizer, encoder
    listening = listen("127.0.0.1", 0, "")
    port = listening.getsockname()[1]
    door = Door(apps.phones, loaded, listening)
    learned: asyncio.Queue[None] = asyncio.Queue()
    async with apps.running():
        _announce(apps._gateway._speakers, translator.recognised, learned)
        serving = asyncio.create_task(door.open())
        try:
            govern = apps._gateway._sessions.govern
            yield Running(port, data_dir, encoder, synthesizer, govern, learned, translator)
        finally:
            door.should_exit = True
            await serving


def _announce(
    speakers: Speakers, recognised: asyncio.Event, learned: "asyncio.Queue[None]"
) -> None:
    recognise, learn = speakers.recognise, speakers.learn

    async def recognising(phone: Participant, heard: Heard) -> Decision:
        try:
            return await recognise(phone, heard)
        finally:
            recognised.set()

    async def learning(phone: Participant, heard: Heard) -> Decision:
        try:
            return await learn(phone, heard)
        finally:
            learned.put_nowait(None)

    speakers.recognise = recognising  # type: ignore[method-assign]
    speakers.learn = learning  # type: ignore[method-assign]
