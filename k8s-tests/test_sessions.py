"""Meetings as users run them: `kubectl apply`, a link, phones, and replicas that follow."""

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import yaml
from tests.support import speech
from tests.support.phone import Phone, connected, joined

from cluster import ClusterError
from conftest import TWO_OF_EACH
from deployment import Release

GOVERNED = ("--set=operator.quietSeconds=3", "--set=operator.headroom=0")


@dataclass(frozen=True)
class Meeting:
    """A TranslationSession that was applied."""

    release: Release
    name: str

    @property
    def found(self) -> Any:  # noqa: ANN401 whatever Kubernetes has
        return self.release.get("translationsession", self.name)

    @property
    def token(self) -> str:
        secret = self.release.get("secret", f"{self.name}-join")
        return base64.b64decode(secret["data"]["token"]).decode()

    @asynccontextmanager
    async def phone(self, name: str, language: str) -> AsyncIterator[Phone]:
        url = f"{self.release.url.replace('https', 'wss')}/ws/client"
        token = await asyncio.to_thread(lambda: self.token)
        async with joined(url, self.name, name, language, token=token) as calling:
            yield calling

    def wait(self, condition: str, timeout: str = "30s") -> None:
        self.release.kubectl(
            "wait", f"translationsession/{self.name}", f"--for={condition}", f"--timeout={timeout}"
        )


def manifest(name: str, **spec: object) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "babblefish.io/v1alpha1",
            "kind": "TranslationSession",
            "metadata": {"name": name},
            "spec": {"languages": ["en", "es"], **spec},
        }
    )


def apply(release: Release, name: str, **spec: object) -> Meeting:
    release.cluster.kubectl(
        "apply", f"--namespace={release.namespace}", "--filename=-", given=manifest(name, **spec)
    )
    return Meeting(release, name)


@pytest.fixture(scope="module")
def governed(babblefish: Release) -> Iterator[Release]:
    """Sessions are TranslationSessions, and the operator owns the synthesizer's replicas."""
    babblefish.install_small(*GOVERNED)
    yield babblefish
    babblefish.install_small(*TWO_OF_EACH)


@contextlib.contextmanager
def meeting(release: Release, name: str, **spec: object) -> Iterator[Meeting]:
    """Applied and ready; deleted at the end."""
    applied = apply(release, name, **spec)
    applied.wait("condition=Ready")
    try:
        yield applied
    finally:
        release.kubectl("delete", "translationsession", name, "--ignore-not-found")


def replicas(release: Release) -> int:
    deployment = release.get("deployment", f"{release.fullname}-synthesizer")
    return int(deployment["spec"]["replicas"])


async def until(so: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(so):  # noqa: ASYNC110 another program's state
            await asyncio.sleep(0.2)


async def test_applying_a_session_makes_a_working_link(governed: Release) -> None:
    with meeting(governed, "standup") as standup:
        status = standup.found["status"]
        assert status["phase"] == "Ready"
        assert "token" not in status["joinURL"]
        assert "finalizers" not in standup.found["metadata"]
        async with standup.phone("Ana", "es") as ana, standup.phone("Dan", "en") as dan:
            await dan.send(type="text", text="house")
            assert (await ana.receive("result", deadline_s=30))["translation"] == "Casa"
            standup.wait("jsonpath={.status.clients}=2")


async def test_a_session_nobody_made_cannot_be_joined(governed: Release) -> None:
    with meeting(governed, "real") as real:
        url = f"{governed.url.replace('https', 'wss')}/ws/client"
        async with connected(url) as stranger:
            await stranger.send(type="join", session="unreal", name="Eve", language="en",
                                token=real.token)  # fmt: skip
            assert (await stranger.receive("error"))["code"] == "bad_token"


async def test_replicas_follow_the_phones_and_no_sentence_is_lost(governed: Release) -> None:
    bounds = {"minReplicas": 1, "maxReplicas": 3, "clientsPerReplica": 2}
    with meeting(governed, "crowd", synthesizer=bounds) as crowd:
        await until(lambda: replicas(governed) == 1)
        async with AsyncExitStack() as stack:
            dan = await stack.enter_async_context(crowd.phone("Dan", "en"))
            talking = asyncio.create_task(_talk(dan, sentences=8))
            listeners = []
            for number in range(4):
                listener = crowd.phone(f"Ana {number}", "es")
                listeners.append(await stack.enter_async_context(listener))
            await until(lambda: replicas(governed) == 3)
            said = await talking
            for _ in range(said - len(listeners[0].all("result"))):
                await listeners[0].receive("result", deadline_s=30)
            heard = [result["transcript"] for result in listeners[0].all("result")]
            assert set(heard) == {"Go forward ten meters"}
            for phone in listeners:
                await phone.send(type="leave")
            await until(lambda: replicas(governed) == 1, seconds=60)


async def _talk(dan: Phone, sentences: int) -> int:
    await dan.receive("participants")
    async with asyncio.timeout(30):
        while len(dan.all("participants")[-1]["participants"]) < 2:
            await dan.receive("participants")
    for _ in range(sentences):
        await dan.stream(np.concatenate([speech.go_forward(), speech.silence(0.8)]))
    return sentences


async def test_deleting_a_session_tells_every_phone(governed: Release) -> None:
    with meeting(governed, "short") as short:
        async with short.phone("Ana", "es") as ana, short.phone("Dan", "en") as dan:
            started = time.monotonic()
            governed.kubectl("delete", "translationsession", "short", "--wait=false")
            for phone in (ana, dan):
                error = await phone.receive("error", code="session_ended")
                assert error["message"] == "This session was ended."
                assert (await phone.closed())[0] == 4410
            assert time.monotonic() - started < 5


async def test_a_session_ends_when_its_time_is_over(governed: Release) -> None:
    with meeting(governed, "brief", ttl="8s") as brief:
        async with brief.phone("Ana", "es") as ana:
            error = await ana.receive("error", code="session_ended", deadline_s=30)
            assert error["message"] == "The time of this session is over."
        brief.wait("jsonpath={.status.phase}=Expired")


async def test_without_sessions_nothing_speaks(governed: Release) -> None:
    await until(lambda: replicas(governed) == 0, seconds=60)


async def test_an_operator_that_is_killed_goes_on_where_it_was(governed: Release) -> None:
    with meeting(governed, "robust", synthesizer={"minReplicas": 2}) as robust:
        await until(lambda: replicas(governed) == 2)
        (pod,) = governed.pods("operator")
        governed.kubectl("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")
        async with robust.phone("Ana", "es") as ana:
            robust.wait("jsonpath={.status.clients}=1", timeout="60s")
            assert replicas(governed) == 2
            await ana.send(type="ping", id=1)
            await ana.receive("pong", id=1)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"languages": []}, "languages"),
        ({"maxClients": 0}, "maxClients"),
        ({"voiceCloning": "Always"}, "voiceCloning"),
        ({"ttl": "forever"}, "ttl"),
        ({"synthesizer": {"minReplicas": 3, "maxReplicas": 2}}, "minReplicas"),
    ],
)
def test_an_invalid_session_is_refused_with_the_field(
    governed: Release, spec: dict[str, object], says: str
) -> None:
    with pytest.raises(ClusterError, match=says):
        apply(governed, "invalid", **spec)
