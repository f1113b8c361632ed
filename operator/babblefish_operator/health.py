"""`/health` and `/metrics`, on a thread of their own: a blocked loop could not say that it is."""

import contextlib
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, Info, generate_latest
from prometheus_client.process_collector import ProcessCollector

from babblefish.errors import SettingsError
from babblefish.telemetry import log
from babblefish_operator.heartbeat import Heartbeat

_IDLE_S = 10

_log = log(__name__)


def registry(heartbeat: Heartbeat) -> CollectorRegistry:
    """What Prometheus is told."""
    collected = CollectorRegistry()
    ProcessCollector(registry=collected)
    Info("babblefish_operator_build", "What runs.", registry=collected).info(
        {"version": version("babblefish")}
    )
    age = Gauge(
        "babblefish_operator_tick_age_seconds",
        "Since reconciling last showed that it goes on.",
        registry=collected,
    )
    age.set_function(lambda: heartbeat.age_s)
    return collected


@contextlib.contextmanager
def served(
    heartbeat: Heartbeat, collected: CollectorRegistry, host: str, port: int
) -> Iterator[int]:
    """Answers on the port, 0 for any; gives the port. Raises `SettingsError` if it is taken."""
    try:
        server = ThreadingHTTPServer((host, port), _handler(heartbeat, collected))
    except OSError as error:
        raise SettingsError(
            f"Port {port} on {host} cannot be opened: {error.strerror}.",
            "Choose another with BABBLEFISH_OPERATOR_HEALTH_PORT.",
        ) from None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.1,), name="health", daemon=True).start()
    _log.info("listening", port=server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _handler(heartbeat: Heartbeat, collected: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _IDLE_S  # a caller that says nothing keeps no thread

        def do_GET(self) -> None:
            if self.path == "/health":
                self._health()
            elif self.path == "/metrics":
                self._answer(HTTPStatus.OK, generate_latest(collected), CONTENT_TYPE_LATEST)
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"Ask for /health or /metrics.\n")

        def _health(self) -> None:
            if heartbeat.stale:
                silent = f"reconciling has been silent for {heartbeat.age_s:.0f} s\n"
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, silent.encode())
            else:
                self._answer(HTTPStatus.OK, b"ok\n")

        def _answer(self, status: HTTPStatus, body: bytes, kind: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A probe every few seconds is no news."""

    return Handler
