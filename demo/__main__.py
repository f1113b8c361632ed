"""`python -m demo`: a gateway and its stages on the micro checkpoints, and three phones."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.micro import CHECKPOINTS
from tests.support.server import Server, serving
from tests.support.stages import Stage, staged

from demo.scene import Turn, play
from demo.timeline import keep, lines


def main() -> None:
    """Plays the scene, or serves until it is interrupted."""
    parser = argparse.ArgumentParser("demo", description="Three people talk in three languages.")
    parser.add_argument("--serve", action="store_true", help="leave it up for other phones")
    parser.add_argument("--port", type=int, default=0, help="the gateway's; 0 picks one")
    parser.add_argument("--heard", type=Path, default=Path("heard"), help="folder for WAV files")
    chosen = parser.parse_args()
    with everything(chosen.port) as server:
        if chosen.serve:
            _leave_up(server)
        else:
            sys.exit(_show(asyncio.run(play(server.ws)), chosen.heard))


@contextlib.contextmanager
def everything(port: int = 0) -> Iterator[Server]:
    """Every stage in a process of its own, and the gateway."""
    with (
        _stage("translator") as translator,
        _stage("synthesizer") as synthesizer,
        _stage("speaker") as speaker,
        serving(
            port,
            translator=translator.url,
            synthesizer=synthesizer.url,
            speaker=speaker.url,
            adhoc_sessions=True,
        ) as server,
    ):
        yield server


def _stage(name: str) -> contextlib.AbstractContextManager[Stage]:
    return staged(name, profile="full", models_dir=CHECKPOINTS, threads=1)


def _show(turns: list[Turn], folder: Path) -> int:
    """The exit status: 0 if everybody read what was said, and who said it."""
    for line in lines(turns):
        print(line)
    print("Heard:", ", ".join(str(path) for path in keep(turns, folder)))
    print("(The micro Kokoro hums, as its weights are random; Polish is spoken by espeak-ng.)")
    return 0 if all(turn.right for turn in turns) else 1


def _leave_up(server: Server) -> None:
    print(f"Open {server.http}/ in two browsers; the micro model knows the phrases of", flush=True)
    print("tests/micro/phrases.py. Ctrl-C ends it.", flush=True)
    for link in server.links:
        print(f"Phones: {link}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.process.wait()


if __name__ == "__main__":
    main()
