"""A laptop as a node: it clones voices, vanishes and comes back, and nobody waits for it."""

import asyncio
import contextlib
import functools
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from demo.cast import PIERRE
from tests.micro.phrases import PHRASES, Phrase
from tests.micro.voices import speak as speech_of
from tests.support import speech
from tests.support.heard import heard
from tests.support.phone import Message, Phone
from tests.voices.pierre import heard_enough

import claim
import dashboard
from babblefish.registry.store import FILE, Store
from cluster.layout import LAPTOP, SERVER
from deployment import Release, speak
from meetings import Meeting, apply, meeting, until
from prometheus import Prometheus, scraping

LANGUAGES = ["fr", "en", "pl"]
CLONERS = "--selector=app.kubernetes.io/component=cloner"
TRAININGS = "--selector=app.kubernetes.io/component=training"
# A gateway pings every 20 s, and waits as long for the answer.
NOTICED = "60s"


@pytest.fixture(scope="module")
def laptop(full: Release) -> str:
    """The cloner's pod, once it is warm and connected."""
    full.kubectl("wait", "pods", CLONERS, "--for=create", "--timeout=30s")
    full.kubectl("wait", "pods", CLONERS, "--for=condition=Ready", "--timeout=200s")
    return only(full.pods("cloner"))


@pytest.fixture(scope="module")
def salon(full: Release) -> Iterator[Meeting]:
    """A session that allows own voices, with a stock voice that is there."""
    spec = {"voiceCloning": "OptIn", "synthesizer": {"minReplicas": 1}}
    with meeting(full, "salon", languages=LANGUAGES, **spec) as salon:
        salon.wait("jsonpath={.status.synthesizer.ready}=1", "120s")
        yield salon


def only(them: list[str]) -> str:
    """The one that there is."""
    (one,) = them
    return one


def tts_accelerator(release: Release) -> str | None:
    """What the status of the server says of laptops."""
    answer = httpx.get(f"https://{release.at}/", headers={"Host": release.host}, verify=False)  # noqa: S501 the ingress has a certificate of its own
    told: str | None = answer.json()["tts_accelerator"]
    return told


def talk(release: Release, session: Meeting) -> str:
    """A French sentence is heard in English."""
    phrase = PHRASES[0]
    said = (f"--say={phrase.fr}", "--language=fr", "--to=en", f"--expect={phrase.en}")
    return speak(release, session.name, session.token, said)


async def says(pierre: Phone, dan: Phone, phrase: Phrase) -> Message:
    """A sentence of his, in real time; what Dan is told of it."""
    samples = speech_of(phrase.fr, PIERRE.voice)
    await pierre.stream(np.concatenate([samples, speech.silence(1)]))
    return await dan.receive("result", 30)


def pods_on(release: Release, node: str) -> list[dict[str, Any]]:
    """Of all namespaces."""
    listed = release.cluster.kubectl(
        "get", "pods", "--all-namespaces", f"--field-selector=spec.nodeName={node}", "--output=json"
    )
    items: list[dict[str, Any]] = json.loads(listed)["items"]
    return items


def shows(prometheus: Prometheus, expression: str) -> bool:
    """Whether there is anything; it may be no number, before anybody was cloned."""
    try:
        return bool(prometheus.ask(expression))
    except httpx.HTTPError:
        return False


def test_the_cloner_is_on_the_laptop_and_nothing_else_is(full: Release, laptop: str) -> None:
    assert [pod["metadata"]["name"] for pod in pods_on(full, LAPTOP.name)] == [laptop]
    assert laptop not in [pod["metadata"]["name"] for pod in pods_on(full, SERVER.name)]


def test_it_has_the_runtime_and_the_gpu_that_the_device_plugin_gives(
    full: Release, laptop: str
) -> None:
    assert full.get("pod", laptop)["spec"]["runtimeClassName"] == "nvidia"
    assert full.kubectl("exec", laptop, "--", "printenv", "NVIDIA_VISIBLE_DEVICES") == (
        "invented-0\n"
    )


def test_a_kubelet_that_restarts_has_its_gpu_again(full: Release, laptop: str) -> None:
    before = full.get("pod", laptop)["status"]["containerStatuses"][0]["restartCount"]
    full.cluster.process(f"{LAPTOP.name}-kubelet").restart()
    gpu = r"jsonpath={.status.allocatable.nvidia\.com/gpu}"
    full.cluster.kubectl("wait", f"node/{LAPTOP.name}", f"--for={gpu}=1", "--timeout=60s")
    full.cluster.kubectl("wait", f"node/{LAPTOP.name}", "--for=condition=Ready", "--timeout=60s")
    assert full.get("pod", laptop)["status"]["containerStatuses"][0]["restartCount"] == before


@pytest.mark.usefixtures("laptop")
def test_it_serves(full: Release, salon: Meeting) -> None:
    salon.wait("condition=VoiceCloning")
    said = salon.condition("VoiceCloning")
    assert said["reason"] == "Serving"
    assert said["message"].startswith("1 laptop; en, fr, pl can be heard")
    assert tts_accelerator(full) == "connected"


@pytest.mark.usefixtures("laptop")
async def test_where_it_is_not_allowed_it_is_not_done(full: Release) -> None:
    with meeting(full, "hushed", languages=LANGUAGES) as hushed:
        assert hushed.condition("VoiceCloning")["reason"] == "Disabled"
        async with hushed.phone("Pierre", "fr") as pierre:
            assert not pierre.all("joined")[0]["capabilities"]["cloning"]
            apply(full, "hushed", languages=LANGUAGES, voiceCloning="OptIn")
            await pierre.receive("policy", 30, cloning=True)
        hushed.wait("condition=VoiceCloning")


@pytest.mark.usefixtures("laptop")
async def test_pierre_is_heard_in_his_own_voice_until_he_says_no(salon: Meeting) -> None:
    phrases = itertools.cycle(PHRASES)

    async def said() -> Message:
        return await says(pierre, dan, next(phrases))

    async def cloned() -> Message:
        """He talks on until enough was learned of his voice: not every sentence is clean."""
        while not (result := await said())["has_f5_pending"]:
            pass
        return result

    async with salon.phone("Pierre", "fr") as pierre, salon.phone("Dan", "en") as dan:
        assert not (await said())["has_f5_pending"]
        await pierre.send(type="consent", consent="voice", wording="test")
        await pierre.receive("consent", state="granted")
        async with asyncio.timeout(200):
            result = await cloned()
        assert pierre.all("training_progress")[-1]["ready"]
        assert heard(await dan.receive("f5_result", 30, utterance_id=result["utterance_id"]))
        await pierre.send(type="consent", consent="none")
        answer = await pierre.receive("consent", 10, state="revoked")
        assert answer["purged"] == [LAPTOP.name]
        assert not (await said())["has_f5_pending"]


@pytest.mark.usefixtures("laptop")
async def test_the_dashboards_row_of_laptops_shows_something(full: Release, tmp_path: Path) -> None:
    asked = [it for it in dashboard.asked(full.namespace) if it.row == dashboard.LAPTOPS]
    with scraping(full, tmp_path) as prometheus:
        for panel in asked:
            await until(functools.partial(shows, prometheus, panel.expression), 60)


def test_a_job_beside_the_gateway_trains_a_voice(full: Release) -> None:
    with contextlib.closing(Store(claim.folder(full.namespace) / FILE)) as store:
        heard_enough(store)
        full.install_full("--set-string=training.voice=pierre")
        full.kubectl("wait", "jobs", TRAININGS, "--for=condition=Complete", "--timeout=200s")
        said = full.kubectl("logs", TRAININGS, "--tail=-1")
        assert "This needs about" in said
        assert ("It is kept." in said) == bool(store.samples.adapter("pierre"))
        assert "It is kept." in said or "It is worse" in said
        assert not list(claim.folder(full.namespace).glob("training/*"))
        store.revoke("pierre")


async def test_a_cloner_that_is_killed_is_missed_at_once_and_serves_again(
    full: Release, laptop: str, salon: Meeting
) -> None:
    full.kubectl("delete", "pod", laptop, "--grace-period=0", "--force", "--wait=false")
    salon.wait("condition=VoiceCloning=False", "10s")
    assert salon.condition("VoiceCloning")["reason"] == "NoAccelerator"
    assert "told as" in await asyncio.to_thread(talk, full, salon)
    salon.wait("condition=VoiceCloning", "150s")
    await until(lambda: tts_accelerator(full) == "connected")
    assert only(full.pods("cloner")) != laptop


@pytest.mark.usefixtures("laptop")
async def test_a_lid_that_closes_stops_nobody_and_opens_again(
    full: Release, salon: Meeting
) -> None:
    pod = only(full.pods("cloner"))
    with full.cluster.unplugged(LAPTOP.name):
        assert "told as" in await asyncio.to_thread(talk, full, salon)
        salon.wait("condition=VoiceCloning=False", NOTICED)
        assert tts_accelerator(full) is None
        assert "told as" in await asyncio.to_thread(talk, full, salon)
    salon.wait("condition=VoiceCloning", "120s")
    await until(lambda: tts_accelerator(full) == "connected")
    assert only(full.pods("cloner")) == pod
