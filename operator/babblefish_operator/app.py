"""kopf's wiring, and nothing else."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import cast

import kopf

from babblefish.errors import BabbleFishError
from babblefish.telemetry import configure_logging
from babblefish_operator import settings as settings_module
from babblefish_operator.api import Api, Json
from babblefish_operator.health import registry, served
from babblefish_operator.heartbeat import Heartbeat
from babblefish_operator.kinds import Kind, watched
from babblefish_operator.metrics import Metrics
from babblefish_operator.reconciler import Reconciler
from babblefish_operator.settings import Settings

Seen = Callable[[Kind, str | None, Json], None]

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
    # At info it tells of every event of every object that it was handled.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    _require_credentials()
    heartbeat = Heartbeat(settings.stale_s)
    collected = registry(heartbeat)
    ended = contextlib.suppress(asyncio.CancelledError)
    with served(heartbeat, collected, settings.host, settings.health_port), ended:
        asyncio.run(_operate(settings, heartbeat, Metrics(collected)))


async def _operate(settings: Settings, heartbeat: Heartbeat, metrics: Metrics) -> None:
    """Kopf watches, one task reconciles: if either ends, both do."""
    whole = asyncio.current_task()
    assert whole  # noqa: S101 for mypy: this is a coroutine
    reconciler = Reconciler(Api(_account, heartbeat.beat), settings, heartbeat, metrics)
    async with asyncio.TaskGroup() as group:
        reconciling = group.create_task(reconciler.run(), name="reconciler")
        # kopf never looks again for a definition that is not there when it starts.
        await reconciler.seeded.wait()
        kinds = watched(settings.synthesizer)
        handlers = wired(kinds, reconciler.seen, whole.cancel)
        await kopf.operator(registry=handlers, namespaces=[settings.namespace], standalone=True)
        reconciling.cancel()


def wired(kinds: Iterable[Kind], seen: Seen, end: Callable[[], object]) -> kopf.OperatorRegistry:
    """Every handler, in a registry of our own: kopf's imports the whole Kubernetes client."""
    registry = kopf.OperatorRegistry()
    kinds = tuple(kinds)

    @kopf.on.startup(registry=registry)
    async def startup(settings: kopf.OperatorSettings, **_: object) -> None:
        configure(settings, kinds)

    @kopf.on.cleanup(registry=registry)
    async def cleanup(**_: object) -> None:
        # Else kopf would wait 5 s for what it left behind while there was no API server.
        asyncio.get_running_loop().call_later(_GRACE_S, end)

    kopf.on.login(registry=registry)(_login)
    for kind in kinds:
        _watch(registry, kind, seen)
    return registry


def _watch(registry: kopf.OperatorRegistry, kind: Kind, seen: Seen) -> None:
    """`on.event` alone: whatever keeps state in objects would put a finalizer on them."""

    @kopf.on.event(group=kind.group, version=kind.version, plural=kind.plural, registry=registry)
    async def changed(event: kopf.RawEvent, **_: object) -> None:
        seen(kind, event["type"], cast("Json", event["object"]))


def configure(settings: kopf.OperatorSettings, kinds: Iterable[Kind]) -> None:
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
    for kind in kinds:
        if kind.labels:
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = kind.labels
        if kind.fields:
            settings.watching.field_selectors[kind.group, kind.version, kind.plural] = kind.fields


def _login(settings: kopf.OperatorSettings, **_: object) -> kopf.ConnectionInfo | None:
    """A pod's own account, read again when it was refused; a person's kubeconfig elsewhere."""
    account = kopf.login_with_service_account(settings=settings)
    return account or kopf.login_with_kubeconfig(settings=settings)


def _account() -> kopf.ConnectionInfo:
    """For our own calls; raises `NoCluster` if it is no more."""
    account = _login(settings=kopf.OperatorSettings())
    if account is None:
        raise _no_cluster()
    return account


def _no_cluster() -> NoCluster:
    return NoCluster(
        "There is no cluster here: neither a service account nor a kubeconfig.",
        "Run it in a pod whose service account token is mounted, or set KUBECONFIG.",
    )


def _require_credentials() -> None:
    """Says it at once: kopf would try again for ever, and tell nobody but the log."""
    try:
        found = _login(settings=kopf.OperatorSettings())
    except Exception as error:  # noqa: BLE001 whatever a broken kubeconfig raises
        raise NoCluster(f"The kubeconfig cannot be used: {error!r}.", "Mend KUBECONFIG.") from None
    if not found:
        raise _no_cluster()
