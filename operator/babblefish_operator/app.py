"""kopf's wiring, and nothing else."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator

import kopf

from babblefish.errors import BabbleFishError
from babblefish.telemetry import configure_logging
from babblefish_operator import settings as settings_module
from babblefish_operator.health import served
from babblefish_operator.heartbeat import Heartbeat

_GRACE_S = 0.5


class NoCluster(BabbleFishError):
    """There is nothing to operate on."""


class _Backoffs:
    """Seconds between attempts: without end, so that a restart of the API server is waited out."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1, 1, 2, 3, 5), itertools.repeat(8))


def run() -> None:
    """Runs until a signal ends it; raises `BabbleFishError` if it cannot start."""
    settings = settings_module.load()
    configure_logging(settings.log_level)
    _require_credentials()
    heartbeat = Heartbeat(settings.tick_s, settings.stale_s)
    ended = contextlib.suppress(asyncio.CancelledError)
    with served(heartbeat, settings.host, settings.health_port), ended:
        asyncio.run(_operate(settings.namespace, heartbeat))


async def _operate(namespace: str, heartbeat: Heartbeat) -> None:
    whole = asyncio.current_task()
    assert whole  # noqa: S101 for mypy: this is a coroutine
    await kopf.operator(
        registry=wired(heartbeat, whole.cancel), namespaces=[namespace], standalone=True
    )


def wired(heartbeat: Heartbeat, end: Callable[[], object]) -> kopf.OperatorRegistry:
    """Every handler, in a registry of our own: kopf's imports the whole Kubernetes client."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    async def startup(settings: kopf.OperatorSettings, **_: object) -> None:
        configure(settings)
        heartbeat.start()

    @kopf.on.cleanup(registry=registry)
    async def cleanup(**_: object) -> None:
        await heartbeat.stop()
        # Else kopf would wait 5 s for what it left behind while there was no API server.
        asyncio.get_running_loop().call_later(_GRACE_S, end)

    kopf.on.login(registry=registry)(_login)
    return registry


def configure(settings: kopf.OperatorSettings) -> None:
    """What kopf leaves open, or decides otherwise."""
    # Neither namespaces nor definitions are watched: that would take rights in the whole cluster.
    settings.scanning.disabled = True
    settings.networking.error_backoffs = _Backoffs()
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    # The server ends a watch before we give it up; a dead one is noticed by its missing bookmarks.
    settings.watching.server_timeout = 240
    settings.watching.client_timeout = 300
    settings.watching.connect_timeout = 5
    settings.watching.inactivity_timeout = 70


def _login(settings: kopf.OperatorSettings, **_: object) -> kopf.ConnectionInfo | None:
    """A pod's own account, read again when it was refused; a person's kubeconfig elsewhere."""
    account = kopf.login_with_service_account(settings=settings)
    return account or kopf.login_with_kubeconfig(settings=settings)


def _require_credentials() -> None:
    """Says it at once: kopf would try again for ever, and tell nobody but the log."""
    try:
        found = _login(settings=kopf.OperatorSettings())
    except Exception as error:  # noqa: BLE001 whatever a broken kubeconfig raises
        raise NoCluster(f"The kubeconfig cannot be used: {error!r}.", "Mend KUBECONFIG.") from None
    if not found:
        raise NoCluster(
            "There is no cluster here: neither a service account nor a kubeconfig.",
            "Run it in a pod whose service account token is mounted, or set KUBECONFIG.",
        )
