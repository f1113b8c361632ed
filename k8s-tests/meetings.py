"""TranslationSessions as users apply them, and what becomes of the synthesizer meanwhile."""

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import yaml
from tests.support.phone import Phone, joined
from websockets import ConnectionClosed

from deployment import Release


@dataclass(frozen=True)
class Meeting:
    """A TranslationSession that was applied."""

    release: Release
    name: str

    @property
    def found(self) -> Any:  # noqa: ANN401 whatever Kubernetes has
        """The object as it is now."""
        return self.release.get("translationsession", self.name)

    @property
    def token(self) -> str:
        """What its phones join with."""
        secret = self.release.get("secret", f"{self.name}-join")
        return base64.b64decode(secret["data"]["token"]).decode()

    def condition(self, type_: str) -> dict[str, str]:
        """One of its conditions; empty before it has it."""
        conditions = self.found.get("status", {}).get("conditions", [])
        found: dict[str, str] = next((it for it in conditions if it["type"] == type_), {})
        return found

    @asynccontextmanager
    async def phone(self, name: str, language: str, token: str = "") -> AsyncIterator[Phone]:
        """One that came by its link."""
        url = f"{self.release.url.replace('https', 'wss')}/ws/client"
        token = token or await asyncio.to_thread(lambda: self.token)
        async with joined(url, self.name, name, language, self.release.at, token=token) as calling:
            yield calling
            with contextlib.suppress(ConnectionClosed):  # where the session was ended
                await calling.send(type="leave")  # else its seat is kept for a minute

    async def audible(self) -> None:
        """Waits until what is typed is heard: the first replica needs a moment."""
        token = await asyncio.to_thread(lambda: self.token)
        async with (
            asyncio.timeout(60),
            self.phone("Probe", "en", token) as probe,
            self.phone("Ear", "es", token) as ear,
        ):
            heard = None
            while not heard:
                await probe.send(type="text", text="house")
                heard = (await ear.receive("result", deadline_s=30))["tts_audio"]
                await asyncio.sleep(0.3)

    def wait(self, condition: str, timeout: str = "30s") -> None:
        """Raises `ClusterError` when the time is over."""
        self.release.kubectl(
            "wait", f"translationsession/{self.name}", f"--for={condition}", f"--timeout={timeout}"
        )


def manifest(name: str, **spec: object) -> str:
    """What a user writes."""
    return yaml.safe_dump(
        {
            "apiVersion": "babblefish.io/v1alpha1",
            "kind": "TranslationSession",
            "metadata": {"name": name},
            "spec": {"languages": ["en", "es"], **spec},
        }
    )


def apply(release: Release, name: str, **spec: object) -> Meeting:
    """`kubectl apply`; raises `ClusterError` if it is refused."""
    release.cluster.kubectl(
        "apply", f"--namespace={release.namespace}", "--filename=-", given=manifest(name, **spec)
    )
    return Meeting(release, name)


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
    """What is asked of the synthesizer's Deployment now."""
    deployment = release.get("deployment", f"{release.fullname}-synthesizer")
    return int(deployment["spec"]["replicas"])


def silent(release: Release) -> None:
    """Waits until no synthesizer is left, those on their way out included."""
    labels = f"app.kubernetes.io/instance={release.name},app.kubernetes.io/component=synthesizer"
    release.kubectl("wait", "pods", f"--selector={labels}", "--for=delete", "--timeout=60s")


def rolled_out(release: Release) -> None:
    """Waits until all that is asked for is ready."""
    deployment = f"deployment/{release.fullname}-synthesizer"
    release.kubectl("rollout", "status", deployment, "--timeout=60s")


async def until(so: Callable[[], bool], seconds: float = 30) -> None:
    """Waits for what another program does; raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(so):  # noqa: ASYNC110 another program's state
            await asyncio.sleep(0.2)


class Watch:
    """`spec.replicas` of the synthesizer, each value at the moment when a watch told of it."""

    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines
        self.seen: list[int] = []

    async def becomes(self, wanted: int, deadline_s: float = 30) -> float:
        """The monotonic time of the event that says so."""
        async with asyncio.timeout(deadline_s):
            while (line := await self._lines.readline()).strip():
                self.seen.append(int(line))
                if self.seen[-1] == wanted:
                    return time.monotonic()
        raise EOFError("the watch ended")


@asynccontextmanager
async def watching(release: Release) -> AsyncIterator[Watch]:
    """From what it is now on."""
    process = await asyncio.create_subprocess_exec(
        str(release.cluster.bin / "kubectl"),
        f"--kubeconfig={release.cluster.kubeconfig}",
        f"--namespace={release.namespace}",
        "get",
        f"deployment/{release.fullname}-synthesizer",
        "--watch",
        '--output=jsonpath={.spec.replicas}{"\\n"}',
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        yield Watch(process.stdout)
    finally:
        process.terminate()
        await process.wait()
