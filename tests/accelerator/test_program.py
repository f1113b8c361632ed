"""`babblefish accelerator`, as a process: what a laptop's owner and a kubelet see of it."""

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from babblefish.cloner.wire import Failure, Leaving, Result
from tests.accelerator.gateway import Gateway, Line, reference, request
from tests.gateway.test_insight import figures
from tests.support.command import babblefish
from tests.support.laptop import TOKEN, laptop_process

pytestmark = pytest.mark.slow

_START_S = 100
_ROOT = Path(__file__).parents[2]


async def first(server: Gateway) -> Line:
    """The line of a process that has just been started."""
    async with asyncio.timeout(_START_S):
        return await server.lines.get()


def address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    found = re.search(r"http://localhost:\d+", process.stdout.readline())
    assert found
    return found[0].replace("localhost", "127.0.0.1")


async def test_it_serves_and_tells_how_it_is(server: Gateway, tmp_path: Path) -> None:
    with laptop_process(server.url, tmp_path) as process:
        line = await first(server)
        async with httpx.AsyncClient(base_url=address(process), trust_env=False) as http:
            assert (await http.get("/health")).status_code == 200
            assert (await http.get("/ready")).status_code == 503
            await line.welcome()
            await line.say(request(sent=reference()))
            await line.hear(Result)
            assert (await http.get("/ready")).status_code == 200
            about = (await http.get("/about")).json()
            assert (about["stage"], about["abilities"]) == ("cloner", {"en": "MIT", "es": "MIT"})
            seen = figures((await http.get("/metrics")).text)
    assert seen["babblefish_accelerator_connected"] == 1
    assert seen["babblefish_accelerator_voices"] == 1
    assert seen["babblefish_accelerator_memory_bytes.total"] == 4 << 30
    assert seen["babblefish_stage_requests_total.speak.ok.cloner"] == 1


async def test_sigterm_lets_it_finish_what_it_speaks(server: Gateway, tmp_path: Path) -> None:
    with laptop_process(server.url, tmp_path, seconds=1) as process:
        line = await first(server)
        await line.welcome()
        asked = [request(sent=reference()), request()]
        for each in asked:
            await line.say(each)
        await line.understood()
        process.terminate()
        await line.hear(Leaving)
        assert (await line.hear(Failure)).returned
        assert (await line.hear(Result)).request_id == asked[0].request_id
        await line.closed()
        assert await asyncio.to_thread(process.wait, 30) == 0


async def test_a_second_signal_waits_for_nothing(server: Gateway, tmp_path: Path) -> None:
    with laptop_process(server.url, tmp_path, seconds=60) as process:
        line = await first(server)
        await line.welcome()
        await line.say(request(sent=reference(), deadline_ms=60_000))
        await line.understood()
        process.send_signal(signal.SIGINT)
        await line.hear(Leaving)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await line.socket.wait_closed()
        assert await asyncio.to_thread(process.wait, 30) == 0


async def test_neither_secrets_nor_names_nor_texts_are_in_its_log(
    server: Gateway, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("w") as file:
        debugging = {"BABBLEFISH_LOG_LEVEL": "debug"}
        with laptop_process(server.url, tmp_path, stderr=file, environment=debugging) as process:
            line = await first(server)
            await line.welcome()
            await line.say(request("voice-of-pierre", "A private word.", sent=reference()))
            await line.hear(Result)
            await line.say('{"type":"A private word."}')
            await line.say(request("voice-of-pierre", "A private word.", reference_id="none"))
            await line.hear(Failure)
            process.terminate()
            await asyncio.to_thread(process.wait, 30)
    written = log.read_text()
    assert "gateway_connected" in written
    for secret in (TOKEN, "private", "Pierre", "pierre", "What was said"):
        assert secret not in written


async def test_it_needs_no_home_and_writes_nothing(server: Gateway, tmp_path: Path) -> None:
    """As in a pod: no home, and a root file system that cannot be written."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    nowhere = {"HOME": "/nonexistent", "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    with laptop_process(server.url, tmp_path, environment=nowhere) as process:
        line = await first(server)
        await line.welcome()
        await line.say(request(sent=reference()))
        await line.hear(Result)
        assert not files_open_in(process.pid)
    assert not any(files_below(temporary))


def files_open_in(pid: int) -> set[str]:
    """Paths; what is not of a disk is left out, and where its parent wants its output."""
    opened = Path(f"/proc/{pid}/fd").iterdir()
    there = {str(file.readlink()) for file in opened if int(file.name) > 2}
    return {path for path in there if path.startswith("/") and not path.startswith("/dev/")}


def files_below(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


def test_the_secret_is_refused_where_others_can_read_it() -> None:
    for given in (["--accelerator-token", "x"], ["--accelerator-token=x"]):
        status, said = babblefish("accelerator", "--server", "ws://127.0.0.1:9", *given)
        assert status != 0
        assert "BABBLEFISH_ACCELERATOR_TOKEN in the environment" in said


def test_the_file_that_is_named_in_the_users_documents_starts_it() -> None:
    done = subprocess.run(
        [sys.executable, _ROOT / "laptop_tts_accelerator.py", "--server", "talk.example"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no gateway's address. Give one: wss://" in done.stderr
    assert "Traceback" not in done.stderr
