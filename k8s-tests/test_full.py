"""The production engines, each in a stage of its own, on micro checkpoints."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from demo.scene import play
from demo.timeline import lines
from tests.gateway.test_insight import figures
from tests.micro.phrases import PHRASES

from deployment import STAGES, Release, speak
from meetings import Meeting, meeting, watching

LANGUAGES = ["fr", "en", "pl"]


@pytest.fixture(scope="module")
def salon(full: Release) -> Iterator[Meeting]:
    """A TranslationSession with a voice that is there before anybody comes."""
    with meeting(full, "salon", languages=LANGUAGES, synthesizer={"minReplicas": 1}) as salon:
        salon.wait("jsonpath={.status.synthesizer.ready}=1", "120s")
        yield salon


def test_a_french_sentence_is_heard_in_english(full: Release, salon: Meeting) -> None:
    phrase = PHRASES[0]
    said = (f"--say={phrase.fr}", "--language=fr", "--to=en", f"--expect={phrase.en}")
    heard = speak(full, salon.name, salon.token, said)
    assert f"heard as “{phrase.fr}”, told as “{phrase.en}”" in heard


def test_each_language_is_spoken_by_the_first_engine_that_can(full: Release) -> None:
    answer = httpx.get(f"https://{full.at}/languages", headers={"Host": full.host}, verify=False)  # noqa: S501 the ingress has a certificate of its own
    voices = answer.json()["voices"]
    assert (voices["en"], voices["fr"], voices["pl"]) == ("kokoro", "kokoro", "espeak")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.usefixtures("salon")
def test_every_stage_is_warm_with_the_threads_of_its_own_limit(full: Release, stage: str) -> None:
    pod, *_ = full.pods(stage)
    address = full.get("pod", pod)["status"]["podIP"]
    told = figures(httpx.get(f"http://{address}:9001/metrics").text)
    assert told[f"babblefish_stage_ready.{stage}"] == 1
    assert told[f"babblefish_stage_cores.{stage}"] == 1
    assert told[f"babblefish_stage_pinned.{stage}"] == 0


@pytest.mark.usefixtures("salon")
async def test_pierre_dan_marek_and_claire_are_heard_and_known_by_their_voices(
    full: Release,
) -> None:
    """Their phones tell no names, Claire borrows Pierre's, and the synthesizer follows them."""
    with meeting(full, "scene", languages=LANGUAGES) as scene:
        token = scene.token
        async with watching(full) as watch:
            url = f"wss://{full.host}/ws/client"
            playing = asyncio.create_task(play(url, scene.name, token, full.at))
            try:
                await watch.becomes(4, deadline_s=60)  # 1 for salon, 3 phones / 2, a spare one
                turns = await playing
            finally:
                playing.cancel()
            await watch.becomes(1, deadline_s=60)
    print(*lines(turns), sep="\n")
    assert all(turn.right for turn in turns)
    engines = {(told.listener.language, told.voice) for turn in turns for told in turn.told}
    assert engines >= {("en", "kokoro"), ("fr", "kokoro"), ("pl", "espeak")}
