import base64
import hashlib
import re
import socket
import subprocess
import sys

import httpx
import psutil
import pytest

from tests.support.http import plain
from tests.support.phone import joined
from tests.support.server import Server, serving


def test_a_browser_gets_the_page_and_everything_else_the_status(server: Server) -> None:
    page = plain.get(server.http, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "<title>BabbleFish</title>" in page.text
    for accept in ("*/*", "application/json"):
        status = plain.get(server.http, headers={"Accept": accept}).json()
        assert status["service"] == "BabbleFish"
        assert status["tts_accelerator"] is None
        assert status["models"] == {"seamless": False, "kokoro": False, "speaker": False}
        assert status["cpu_threads"] >= 1
        assert re.fullmatch(r"\d+%", status["cpu_usage"])
        assert status["languages"]["speak"] == ["en"]


def test_only_the_pages_own_script_and_style_may_run(server: Server) -> None:
    page = plain.get(server.http, headers={"Accept": "text/html"})
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (inline,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


async def test_the_status_counts_phones(server: Server, session: str) -> None:
    async with httpx.AsyncClient(base_url=server.http) as http:
        before = (await http.get("/")).json()["clients"]
        async with joined(server.ws, session, "Dan", "en"):
            assert (await http.get("/")).json()["clients"] == before + 1


def test_health_ready_and_docs(server: Server) -> None:
    assert plain.get(f"{server.http}/health").json() == {"status": "ok"}
    assert plain.get(f"{server.http}/ready").json() == {"status": "ready"}
    docs = plain.get(f"{server.http}/docs")
    assert docs.status_code == 200
    assert re.findall(r"(?:src|href)=\"(https?:)?//", docs.text) == []  # nothing from elsewhere
    for address in re.findall(r"(?:src|href)=\"(/[^\"]+)", docs.text):
        assert plain.get(server.http + address).status_code == 200
    assert "/ready" in plain.get(f"{server.http}/openapi.json").json()["paths"]
    assert plain.get(f"{server.http}/nothing").status_code == 404


@pytest.mark.slow
def test_a_port_in_use_is_one_line_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "babblefish",
                "serve",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert run.returncode == 1
    assert str(port) in run.stderr
    assert "PORT=" in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("warm_up", [True, False])
def test_a_gateway_that_is_told_to_stop_leaves_no_process_behind(warm_up: bool) -> None:
    with serving(warm_up=warm_up) as running:
        engines = running.children
        assert bool(engines) == warm_up
        running.process.terminate()
        assert running.process.wait(10) in (0, -15)
        _, alive = psutil.wait_procs(engines, timeout=5)
        assert not alive
