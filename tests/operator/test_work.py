"""What replicas have in hand, as they say it over HTTP."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from babblefish_operator.work import busy


@contextlib.contextmanager
def _replica(answer: object) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200 if self.path == "/about" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_port
        server.shutdown()


async def test_who_has_requests_is_busy() -> None:
    with _replica({"stage": "synthesizer", "depth": 2}) as port:
        assert await busy(["127.0.0.1", "127.0.0.1"], port) == 2


async def test_who_has_none_is_not() -> None:
    with _replica({"stage": "synthesizer", "depth": 0}) as port:
        assert await busy(["127.0.0.1"], port) == 0


async def test_nobody_is_not_busy() -> None:
    assert await busy([]) == 0


async def test_one_that_does_not_answer_makes_it_unknown() -> None:
    with _replica({"something": "else"}) as port:
        assert await busy(["127.0.0.1"], port) is None
    assert await busy(["127.0.0.1"], 1) is None
