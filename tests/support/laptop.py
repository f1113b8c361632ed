"""The real accelerator, with a scripted engine: in the test's own process, or in one of its own."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from babblefish.accelerator.accelerator import Accelerator
from babblefish.accelerator.server import Server
from babblefish.audio import Audio
from babblefish.cloner.base import Memory, Reference
from babblefish.errors import StageDown
from babblefish.settings import Settings, load

TOKEN = "the laptops' own secret"  # noqa: S105 a test's

_ROOT = Path(__file__).parents[2]
_RATE = 24_000
_SECONDS_A_CHARACTER = 0.06


@dataclass
class ScriptedCloner:
    """Says every text as a tone; each of its slots takes `seconds` a sentence, as a queue does."""

    seconds: float = 0.0
    languages: Mapping[str, str] = field(default_factory=lambda: {"en": "MIT", "es": "MIT"})
    capacity: int = 1
    device: str = "scripted"
    fails: bool = False
    forgets: bool = True
    spoken: list[tuple[str, str, Reference]] = field(default_factory=list)
    """Texts, languages and references, in the order in which they were begun."""
    known: set[str] = field(default_factory=set)
    """References of which it computed something that it has not forgotten."""
    at_once: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a sentence is begun."""
    held_up: asyncio.Event | None = None
    """A sentence that is begun ends once this is set."""
    audio: Audio | None = None
    """What it says in place of the tone."""

    async def memory(self) -> Memory:
        return Memory(4 << 30, 1 << 30)

    async def speak(self, text: str, language: str, reference: Reference) -> Audio:
        self.at_once += 1
        assert self.at_once <= self.capacity
        try:
            self.spoken.append((text, language, reference))
            self.known.add(reference.id)
            self.begun.set()
            await asyncio.sleep(self.seconds)
            if self.held_up:
                await self.held_up.wait()
            if self.fails:
                raise StageDown("Scripted.", "To be so.")
            return self.audio or tone(text)
        finally:
            self.at_once -= 1

    async def forget(self, references: Collection[str]) -> None:
        if not self.forgets:
            raise StageDown("Scripted.", "To be so.")
        self.known.difference_update(references)

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.known.clear()


def tone(text: str) -> Audio:
    """As long as the text is, as loud as speech."""
    seconds = max(0.3, _SECONDS_A_CHARACTER * len(text))
    at = np.arange(round(seconds * _RATE)) / _RATE
    return Audio((0.2 * np.sin(2 * np.pi * 220 * at)).astype(np.float32), _RATE)


def build(settings: Settings) -> ScriptedCloner:
    """The engine `local:scripted` of a laptop that runs as a process."""
    return ScriptedCloner(float(os.environ.get("SCRIPTED_SECONDS", "0")))


@dataclass(frozen=True)
class Laptop:
    """A running accelerator, and its engine."""

    accelerator: Accelerator
    cloner: ScriptedCloner

    async def ready(self, deadline_s: float = 10) -> None:
        """Until a gateway may ask it."""
        async with asyncio.timeout(deadline_s):
            await self.accelerator.connected.wait()

    async def leave(self) -> None:
        """As at the first SIGTERM."""
        await self.accelerator.leave()


@contextlib.asynccontextmanager
async def laptop(
    url: str, cloner: ScriptedCloner | None = None, token: str = TOKEN, **settings: object
) -> AsyncIterator[Laptop]:
    """One that dials `ws://…/ws/tts-accelerator`; it hangs up at the end of the block."""
    engine = cloner or ScriptedCloner()
    chosen = {"accelerator_server": url, **settings}
    loaded = load([f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()])
    accelerator = Accelerator(engine, Server(url, token), loaded)
    async with accelerator.running(asyncio.Event()):
        yield Laptop(accelerator, engine)


@contextlib.contextmanager
def laptop_process(
    url: str,
    folder: Path,
    token: str = TOKEN,
    seconds: float = 0.0,
    stderr: IO[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> "Iterator[subprocess.Popen[str]]":
    """`babblefish accelerator` with `ScriptedCloner`; `folder` is an empty one, for its plugin."""
    process = subprocess.Popen(
        [sys.executable, "-m", "babblefish", "accelerator", f"--server={url}"],
        env={
            **os.environ,
            "PYTHONPATH": f"{_plugin(folder)}:{_ROOT}",
            "BABBLEFISH_CLONER": "local:scripted",
            "BABBLEFISH_ACCELERATOR_TOKEN": token,
            "BABBLEFISH_HOST": "127.0.0.1",
            "BABBLEFISH_PORT": "0",
            "SCRIPTED_SECONDS": str(seconds),
            **(environment or {}),
        },
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _plugin(folder: Path) -> Path:
    """A package that declares the engine: https://packaging.python.org/specifications/entry-points/."""
    about = folder / "scripted_cloner-1.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: scripted-cloner\nVersion: 1\n")
    target = f"{__name__}:build"
    (about / "entry_points.txt").write_text(f"[babblefish.cloner]\nscripted = {target}\n")
    return folder
