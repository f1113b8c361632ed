"""The production engines, each in a stage of its own, on micro checkpoints."""

import httpx
import pytest
from tests.gateway.test_insight import figures
from tests.micro.phrases import PHRASES

from deployment import STAGES, Release, speak


def test_a_french_sentence_is_heard_in_english(full: Release) -> None:
    phrase = PHRASES[0]
    said = (f"--say={phrase.fr}", "--language=fr", "--to=en", f"--expect={phrase.en}")
    heard = speak(full, "salon", full.token, said, full.gateway)
    assert f"heard as “{phrase.fr}”, told as “{phrase.en}”" in heard


def test_each_language_is_spoken_by_the_first_engine_that_can(full: Release) -> None:
    voices = httpx.get(f"{full.gateway}/languages").json()["voices"]
    assert (voices["en"], voices["fr"], voices["pl"]) == ("kokoro", "kokoro", "espeak")


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_warm_with_the_threads_of_its_own_limit(full: Release, stage: str) -> None:
    (pod,) = full.pods(stage)
    address = full.get("pod", pod)["status"]["podIP"]
    told = figures(httpx.get(f"http://{address}:9001/metrics").text)
    assert told[f"babblefish_stage_ready.{stage}"] == 1
    assert told[f"babblefish_stage_cores.{stage}"] == 1
    assert told[f"babblefish_stage_pinned.{stage}"] == 0
