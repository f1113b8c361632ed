"""Pierre says yes, and Dan hears him in his own voice, until he says no; laptops come and go."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tests.micro.phrases import PHRASES
from tests.micro.voices import speak
from tests.support import speech
from tests.support.heard import heard
from tests.support.phone import Message, Phone, joined
from tests.support.server import Server

from babblefish.audio import SAMPLE_RATE, to_wav
from demo.cast import DAN, PIERRE
from demo.laptop import Laptop

_SESSION = "own-voice"
_PAUSE_S = 1.0
_LATE_S = 8.0
_MOST_SENTENCES = 12
_WORDING = "demo"


@dataclass
class Scene:
    """What is on stage; `right` as long as everything came as it should."""

    pierre: Phone
    dan: Phone
    laptop: Laptop
    folder: Path
    data_dir: Path
    began: float = field(default_factory=time.monotonic)
    said: int = 0
    right: bool = True

    def tell(self, line: str) -> None:
        """With the time."""
        print(f"{time.monotonic() - self.began:6.2f} s  {line}", flush=True)

    def check(self, what: str, so: bool) -> None:
        """Says what should be so, and whether it is."""
        self.right &= so
        self.tell(f"{what} {'✓' if so else '✗'}")


async def play(gateway: Server, laptop: Laptop, folder: Path) -> bool:
    """Whether everything came as it should; what Dan hears is put into the folder as WAVs."""
    async with AsyncExitStack() as stack:
        url = gateway.ws
        pierre, dan = [
            await stack.enter_async_context(joined(url, _SESSION, who.name, who.language))
            for who in (PIERRE, DAN)
        ]
        scene = Scene(pierre, dan, laptop, folder, gateway.data_dir)
        for act in (_stock_voice, _consent, _own_voice, _laptop_lost, _laptop_back, _revoked):
            await act(scene)
        for phone in (pierre, dan):
            await phone.send(type="leave")
    return scene.right


# ── the acts ─────────────────────────────────────────────────────────────────────────────────


async def _stock_voice(scene: Scene) -> None:
    scene.tell("A laptop dials; nobody has said yes.")
    scene.laptop.start()
    await scene.dan.receive("accelerator", 60, connected=1)
    result = await _says(scene)
    scene.check("Dan hears the stock voice only", not result["has_f5_pending"])


async def _consent(scene: Scene) -> None:
    await scene.pierre.send(type="consent", consent="voice", wording=_WORDING)
    answer = await scene.pierre.receive("consent")
    scene.check(f"Pierre says yes: {answer['state']}", answer["state"] == "granted")
    for _ in range(_MOST_SENTENCES):
        await _says(scene)
        progress = await scene.pierre.receive("training_progress")
        scene.tell(f"  {progress['seconds']:.1f} of {progress['needed_s']:.0f} s of his voice")
        if progress["ready"]:
            return
    scene.check("there is enough of Pierre's voice", so=False)


async def _own_voice(scene: Scene) -> None:
    result = await _says(scene)
    scene.check("a laptop took the sentence", bool(result["has_f5_pending"]))
    await _hears_own_voice(scene, result)


async def _laptop_lost(scene: Scene) -> None:
    result = await _says(scene, during=scene.laptop.kill)
    scene.check("the laptop is killed in mid-sentence: Dan hears the stock voice", _sounds(result))
    result = await _says(scene)
    scene.check("and the talk goes on", _sounds(result) and not result["has_f5_pending"])


async def _laptop_back(scene: Scene) -> None:
    scene.laptop.start()
    await scene.dan.receive("accelerator", 60, connected=1)
    result = await _says(scene)
    scene.check("the laptop is back, and took the next one", bool(result["has_f5_pending"]))
    await _hears_own_voice(scene, result)


async def _revoked(scene: Scene) -> None:
    await scene.pierre.send(type="consent", consent="none")
    answer = await scene.pierre.receive("consent", 10, state="revoked")
    scene.check(f"Pierre says no: deleted on {', '.join(answer['purged'])}", bool(answer["purged"]))
    left = _left(scene.data_dir)
    scene.check(f"what is left of all voices here: {left} bytes, no sound", left < _A_SECOND)
    result = await _says(scene)
    scene.check("Dan hears the stock voice only", not result["has_f5_pending"])


_A_SECOND = 2 * SAMPLE_RATE
"""Bytes of sound: less than of any sentence that would be kept."""


# ── what happens in them ─────────────────────────────────────────────────────────────────────


async def _says(scene: Scene, during: Callable[[], None] = lambda: None) -> Message:
    """Pierre's next sentence, in real time; what Dan is told of it."""
    phrase = PHRASES[scene.said % len(PHRASES)]
    scene.said += 1
    scene.tell(f"Pierre (fr): {phrase.fr}")
    samples = np.concatenate([speak(phrase.fr, PIERRE.voice), speech.silence(_PAUSE_S)])
    asyncio.get_running_loop().call_later(len(samples) / SAMPLE_RATE / 2, during)
    await scene.pierre.stream(samples)
    result = await scene.dan.receive("result", 30)
    right = result["translation"] == phrase.en
    scene.right &= right
    pending = ", his own to follow" if result["has_f5_pending"] else ""
    scene.tell(
        f"  Dan (en) reads {result['translation']!r} {'✓' if right else '✗'}, "
        f"hears {result['tts_voice']}{pending} (+{result['latency_ms'] / 1000:.2f} s)"
    )
    _keep(scene, result)
    return result


async def _hears_own_voice(scene: Scene, result: Message) -> None:
    utterance = result["utterance_id"]
    cloned = await scene.dan.receive("f5_result", _LATE_S, utterance_id=utterance)
    sound = heard(cloned)
    if sound is None:
        raise ValueError("an own voice without sound")
    later_s = (cloned["latency_ms"] - result["latency_ms"]) / 1000
    scene.tell(f"  Dan hears {sound.seconds:.1f} s of {cloned['tts_voice']}, {later_s:.2f} s later")
    _keep(scene, cloned)


def _left(data_dir: Path) -> int:
    """Bytes of what is kept of voices; what was deleted was overwritten with zeros."""
    content = b"".join(file.read_bytes() for file in data_dir.glob("speakers.sqlite*"))
    return len(content) - content.count(0)


def _sounds(result: Message) -> bool:
    return heard(result) is not None


def _keep(scene: Scene, message: Message) -> None:
    if sound := heard(message):
        name = f"{scene.said:02}-{message['tts_voice']}.wav"
        (scene.folder / name).write_bytes(to_wav(sound))
