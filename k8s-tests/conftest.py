"""One cluster and one release for all tests here; without a cluster they say why they skip."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.phone import Phone, joined

import claim
import cluster
import environment
from cluster import Cluster
from cluster.layout import LAPTOP
from deployment import Release, bring_images, here, speak

TWO_OF_EACH = ("--set=gateway.adhocSessions=true", "--set=translator.replicas=2",
               "--set=synthesizer.replicas=2")  # fmt: skip
GOVERNED = ("--set=operator.quietSeconds=2", "--set=operator.headroom=0")
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bringing up a cluster takes as long as it takes; no test may."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.timeout(240, func_only=True))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """Here those of one release follow each other: from one to the next it takes half a minute."""
    if not item.path.is_relative_to(_HERE):
        return -1
    needed = getattr(item, "fixturenames", ())
    releases = ("babblefish", "governed", "full")
    return max((turn for turn, release in enumerate(releases, 1) if release in needed), default=0)


@pytest.fixture(scope="session")
def there() -> Iterator[Cluster]:
    """The user's cluster, or ours, which is gone afterwards."""
    if os.environ.get("KUBECONFIG"):
        yield here()
        return
    if reason := cluster.why_not():
        pytest.skip(f"skipped, because {reason}")
    try:
        running = here()
        print(bring_images(running))
        yield running
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def installed(there: Cluster) -> Callable[..., Release]:
    """The release with these flags; it is upgraded only if it has others."""
    release, present = Release(there), list[str]()

    def with_flags(*flags: str) -> Release:
        if present != list(flags):
            release.install_small(*flags)
            present[:] = flags
        return release

    return with_flags


@pytest.fixture(scope="module")
def babblefish(installed: Callable[..., Release]) -> Release:
    """BabbleFish as a small machine has it; two replicas of each stage, so that one may die."""
    release = installed(*TWO_OF_EACH)
    speak(release, "ready", release.token)  # the gateway learns of new replicas a little later
    return release


@pytest.fixture(scope="module")
def governed(installed: Callable[..., Release]) -> Release:
    """Sessions are TranslationSessions, and the operator owns the synthesizer's replicas."""
    return installed(*GOVERNED)


@pytest.fixture(scope="session")
def full(there: Cluster) -> Iterator[Release]:
    """The production engines on micro checkpoints, in stages of their own."""
    if reason := environment.why_not(there):
        pytest.skip(f"skipped, because {reason}")
    print(bring_images(there, ("stage-runtime",), (LAPTOP.name,)))
    release = Release(there, "full", "full", "full.example")
    claim.make(there, release.namespace)
    release.install_full()
    yield release
    release.uninstall()
    there.kubectl("delete", "namespace", release.namespace)
    claim.remove(there, release.namespace)


@asynccontextmanager
async def phone(release: Release, session: str, name: str, language: str) -> AsyncIterator[Phone]:
    """A phone that came by the ingress, with the link's token."""
    url = f"{release.url.replace('https', 'wss')}/ws/client"
    async with joined(url, session, name, language, token=release.token) as calling:
        yield calling
