"""Holds a request between whoever made it and the API server's word: an admission webhook."""

import contextlib
import json
import queue
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cluster.layout import HOST
from cluster.pki import AUTHORITY, PKI
from deployment import Release

Json = dict[str, Any]
_NAME = "held.babblefish.test"
_LONGEST_S = 30


class Held:
    """What was asked for; it is answered, with a refusal, when `refuse` says so."""

    def __init__(self) -> None:
        self.asked: queue.Queue[Json] = queue.Queue()
        self._answered = threading.Event()

    def refuse(self) -> None:
        """Nothing of what was held happens."""
        self._answered.set()

    def review(self, request: Json) -> Json:
        """Blocks until `refuse`."""
        self.asked.put(request)
        self._answered.wait(_LONGEST_S)
        return {"uid": request["uid"], "allowed": False}


@contextlib.contextmanager
def held_scaling(release: Release) -> Iterator[Held]:
    """Every change of `deployments/scale` in the release's namespace is held."""
    held = Held()
    server = _server(held)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    webhook = json.dumps(_webhook(release.namespace, server.server_port))
    release.cluster.kubectl("apply", "--filename=-", given=webhook)
    try:
        yield held
    finally:
        held.refuse()
        release.cluster.kubectl("delete", "validatingwebhookconfiguration", _NAME)
        server.shutdown()
        serving.join()
        server.server_close()


def _server(held: Held) -> ThreadingHTTPServer:
    """With the certificate of the API server, which serves at the same address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = {**review, "request": None, "response": held.review(review["request"])}
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(PKI / "kube-apiserver.crt", PKI / "kube-apiserver.key")
    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def _webhook(namespace: str, port: int) -> Json:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"],
            "resources": ["deployments/scale"]}  # fmt: skip
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": _NAME},
        "webhooks": [
            {
                "name": _NAME,
                "rules": [rule],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "clientConfig": {
                    "url": f"https://{HOST}:{port}/",
                    "caBundle": b64encode(AUTHORITY.read_bytes()).decode(),
                },
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": _LONGEST_S,
                "failurePolicy": "Fail",
            }
        ],
    }
