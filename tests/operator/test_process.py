"""The operator as Kubernetes runs it: a process, its probes, its end."""

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.operator.process import Operator, command, free_port, kubeconfig, running

pytestmark = pytest.mark.slow  # each starts an operator of its own


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """One whose API server is not there."""
    with running(tmp_path_factory.mktemp("operator"), free_port()) as it:
        yield it


def test_waiting_for_the_api_server_is_healthy(operator: Operator) -> None:
    answer = operator.get("/health")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_tells_its_version(operator: Operator) -> None:
    wanted = f'babblefish_operator_build_info{{version="{version("babblefish")}"}} 1.0'
    assert wanted in operator.get("/metrics").text


def test_tells_how_old_its_tick_is(operator: Operator) -> None:
    lines = operator.get("/metrics").text.splitlines()
    (age,) = [line for line in lines if line.startswith("babblefish_operator_tick_age_seconds ")]
    assert 0 <= float(age.split()[1]) < 5


def test_says_what_there_is_to_ask_for(operator: Operator) -> None:
    answer = operator.get("/ready")
    assert answer.status_code == 404
    assert "/health" in answer.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_two_seconds(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path, free_port()) as operator:
        time.sleep(0.5)  # long enough that it calls the API server in vain
        operator.process.send_signal(number)
        assert operator.process.wait(2) == 0


def test_an_api_server_that_comes_late_is_found(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port), _api_server(port) as server:
        assert server.asked.wait(10)


def test_without_a_cluster_it_says_so() -> None:
    said = _refusal(BABBLEFISH_OPERATOR_NAMESPACE="here")
    assert "neither a service account nor a kubeconfig" in said
    assert "set KUBECONFIG" in said


def test_outside_a_pod_it_must_be_told_its_namespace() -> None:
    assert "Set BABBLEFISH_OPERATOR_NAMESPACE" in _refusal()


def test_a_broken_kubeconfig_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "kubeconfig"
    broken.write_text("contexts: []")
    said = _refusal(BABBLEFISH_OPERATOR_NAMESPACE="here", KUBECONFIG=str(broken))
    assert "Mend KUBECONFIG" in said


def test_a_setting_that_cannot_be_is_named() -> None:
    assert "BABBLEFISH_OPERATOR_NAMESPACE 'A*'" in _refusal(BABBLEFISH_OPERATOR_NAMESPACE="A*")


def test_what_it_cannot_do_without_is_named() -> None:
    said = _refusal(BABBLEFISH_OPERATOR_NAMESPACE="here", BABBLEFISH_OPERATOR_GATEWAYS="gateway")
    assert "BABBLEFISH_OPERATOR_GATEWAYS 'gateway'" in said


def test_a_key_that_is_too_short_is_refused_and_not_repeated() -> None:
    said = _refusal(BABBLEFISH_OPERATOR_NAMESPACE="here", BABBLEFISH_SESSION_KEY="hunter2")
    assert "BABBLEFISH_SESSION_KEY" in said
    assert "hunter2" not in said


def test_a_port_that_is_taken_is_named(tmp_path: Path, operator: Operator) -> None:
    said = _refusal(
        BABBLEFISH_OPERATOR_NAMESPACE="here",
        BABBLEFISH_OPERATOR_HEALTH_PORT=operator.address.rpartition(":")[2],
        KUBECONFIG=str(kubeconfig(tmp_path, "http://127.0.0.1:1")),
    )
    assert "Choose another with BABBLEFISH_OPERATOR_HEALTH_PORT" in said


def _refusal(**environment: str) -> str:
    """The one line that it ends with."""
    process = command(**environment)
    try:
        _, said = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 1
    (line,) = said.splitlines()
    assert line.startswith("babblefish-operator: ")
    return line


class _ApiServer(ThreadingHTTPServer):
    """As much of one as says that it serves nothing."""

    def __init__(self, port: int) -> None:
        self.asked = threading.Event()
        super().__init__(("127.0.0.1", port), _Discovery)


@contextlib.contextmanager
def _api_server(port: int) -> Iterator[_ApiServer]:
    with _ApiServer(port) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


class _Discovery(BaseHTTPRequestHandler):
    server: _ApiServer

    def do_GET(self) -> None:
        self.server.asked.set()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"versions": [], "groups": []}')

    def log_message(self, *_: object) -> None:
        """Nothing."""
