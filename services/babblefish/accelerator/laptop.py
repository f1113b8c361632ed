"""What a laptop is, whichever gateway it talks to and how often the line breaks."""

import asyncio
import socket

from babblefish import metrics
from babblefish.accelerator.held import Held
from babblefish.accelerator.mouth import Mouth
from babblefish.accelerator.references import References
from babblefish.cloner.base import Cloner, Memory
from babblefish.errors import StageError
from babblefish.stage.desk import Desk

_MEMORY_S = 2.0


class Laptop:
    """Its engine, and the voices that it holds; `leaving` is set when it is told to stop."""

    def __init__(self, cloner: Cloner, desk: Desk, name: str = "") -> None:
        self.name = (name or socket.gethostname())[:200]
        self.cloner = cloner
        self.desk = desk
        self.mouth = Mouth(cloner)
        self.held = Held(self.mouth, References())
        self.leaving = asyncio.Event()

    async def memory(self) -> Memory:
        """What the engine computes on; nothing if it does not say."""
        try:
            async with asyncio.timeout(_MEMORY_S):
                memory = await self.cloner.memory()
        except (StageError, TimeoutError):
            memory = Memory()
        metrics.ACCELERATOR_MEMORY.labels("total").set(memory.total)
        metrics.ACCELERATOR_MEMORY.labels("used").set(memory.used)
        return memory
