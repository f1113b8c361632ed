"""`python -m demo`: a gateway and its stages on the micro checkpoints, and three phones."""

import argparse
import asyncio
import contextlib
import secrets
import sys
from pathlib import Path

from tests.support.server import Server

from demo import own_voice
from demo.laptop import Laptop
from demo.scene import Turn, play
from demo.servers import everything
from demo.timeline import keep, lines


def main() -> None:
    """Plays a scene, or serves until it is interrupted."""
    parser = argparse.ArgumentParser("demo", description="Three people talk in three languages.")
    parser.add_argument("--serve", action="store_true", help="leave it up for other phones")
    parser.add_argument("--clone", action="store_true", help="a laptop speaks in Pierre's voice")
    parser.add_argument("--port", type=int, default=0, help="the gateway's; 0 picks one")
    parser.add_argument("--heard", type=Path, default=Path("heard"), help="folder for WAV files")
    chosen = parser.parse_args()
    if chosen.clone:
        sys.exit(_clone(chosen.port, chosen.heard))
    with everything(chosen.port) as gateway:
        if chosen.serve:
            _leave_up(gateway)
        else:
            sys.exit(_show(asyncio.run(play(gateway.ws)), chosen.heard))


def _clone(port: int, folder: Path) -> int:
    """The exit status: 0 if Pierre's own voice came and went as he said."""
    token = secrets.token_urlsafe()
    folder.mkdir(parents=True, exist_ok=True)
    with (
        everything(port, accelerator_token=token) as gateway,
        Laptop(f"ws://127.0.0.1:{gateway.port}/ws/tts-accelerator", token) as laptop,
    ):
        right = asyncio.run(own_voice.play(gateway, laptop, folder))
    print(f"Heard: {folder}/*.wav")
    print("(The micro Kokoro hums; the micro F5 whispers, in the colour of the speaker's voice.)")
    return 0 if right else 1


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
