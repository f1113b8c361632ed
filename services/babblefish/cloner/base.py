"""What a cloner is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from babblefish.audio import Audio


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Some seconds of somebody's voice, and what they say in them.

    Another `id` for every other content. `adapter`: what a fine-tune learned of the voice
    (safetensors); empty without one.
    """

    id: str
    audio: Audio
    text: str
    language: str
    adapter: bytes = b""


class Memory(Struct, frozen=True):
    """Of what the cloner computes on, in bytes."""

    total: int = 0
    used: int = 0

    @property
    def free(self) -> int:
        """What is left."""
        return max(0, self.total - self.used)


class Cloner(Protocol):
    """Text to speech in the voice of a reference; the engine of an accelerator."""

    @property
    def languages(self) -> Mapping[str, str]:
        """Languages whose checkpoints are loaded, each with its checkpoint's licence."""

    @property
    def device(self) -> str:
        """What it computes on: `cpu`, or `cuda: ` and the GPU's name."""

    @property
    def capacity(self) -> int:
        """Sentences that it does at a time."""

    async def memory(self) -> Memory:
        """How much there is, and how much is used, by anybody."""

    async def speak(self, text: str, language: str, reference: Reference) -> Audio:
        """The speech; raises `StageError` if it cannot.

        What it computed of the reference is kept for the next sentence of that voice.
        """

    async def forget(self, references: Collection[str]) -> None:
        """Lets go of everything that was computed of these references, by id."""

    async def start(self) -> None:
        """Loads what takes time, and speaks once: the first sentence is the slowest."""

    async def stop(self) -> None:
        """Ends processes and threads."""
