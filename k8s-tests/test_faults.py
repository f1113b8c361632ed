"""A pod that dies in mid-utterance costs no sentence."""

import numpy as np
import pytest
from tests.support import speech
from tests.support.phone import Phone

from conftest import phone
from deployment import Release


async def say_while_dying(dan: Phone, release: Release, part: str) -> None:
    """Half of the sentence, a SIGKILL to every replica but one, the other half."""
    first, second = np.array_split(np.concatenate([speech.go_forward(), speech.silence(1)]), 2)
    await dan.stream(first)
    *doomed, _ = sorted(release.pods(part))
    for pod in doomed:
        release.kubectl("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")
    await dan.stream(second)


@pytest.mark.parametrize("part", ["translator", "synthesizer"])
async def test_a_stage_pod_killed_in_mid_utterance_costs_no_sentence(
    babblefish: Release, part: str
) -> None:
    for attempt in range(2):  # so that the one which was at work is among them for sure
        async with (
            phone(babblefish, f"{part}-{attempt}", "Ana", "es") as ana,
            phone(babblefish, f"{part}-{attempt}", "Dan", "en") as dan,
        ):
            await say_while_dying(dan, babblefish, part)
            result = await ana.receive("result", deadline_s=30)
            assert result["transcript"] == "Go forward ten meters"
            assert result["tts_audio"]
        babblefish.kubectl(
            "rollout", "status", f"deployment/{babblefish.fullname}-{part}", "--timeout=120s"
        )


@pytest.mark.parametrize("part", ["translator", "synthesizer"])
async def test_a_rollout_under_way_costs_no_sentence(babblefish: Release, part: str) -> None:
    deployment = f"deployment/{babblefish.fullname}-{part}"
    before = set(babblefish.pods(part))
    async with (
        phone(babblefish, f"rolling-{part}", "Ana", "es") as ana,
        phone(babblefish, f"rolling-{part}", "Dan", "en") as dan,
    ):
        babblefish.kubectl("rollout", "restart", deployment)
        said = 0
        while before & set(babblefish.pods(part)):
            await dan.stream(np.concatenate([speech.go_forward(), speech.silence(0.8)]))
            said += 1
        for _ in range(said):
            result = await ana.receive("result", deadline_s=30)
            assert result["transcript"] == "Go forward ten meters"
            assert result["tts_audio"]
    babblefish.kubectl("rollout", "status", deployment, "--timeout=120s")


async def test_engines_that_are_killed_cost_no_sentence(
    babblefish: Release,
) -> None:
    async with (
        phone(babblefish, "killed", "Ana", "es") as ana,
        phone(babblefish, "killed", "Dan", "en") as dan,
    ):
        first, second = np.array_split(np.concatenate([speech.go_forward(), speech.silence(1)]), 2)
        await dan.stream(first)
        for pod in babblefish.pods("translator"):
            # Process 1 cannot be killed from within; its children can, and the engine with them.
            babblefish.kubectl("exec", pod, "--", "python", "-c", KILL_ENGINES)
        await dan.stream(second)
        result = await ana.receive("result", deadline_s=30)
        # Decoded anew with what had come of the silence after it: there pocketsphinx wavers.
        assert result["transcript"].startswith("Go forward ten ")


KILL_ENGINES = """
import os, signal
from pathlib import Path
for status in Path("/proc").glob("[0-9]*/status"):
    number = int(status.parent.name)
    command = (status.parent / "cmdline").read_bytes()
    if number not in (1, os.getpid()) and b"stage.worker" in command:
        os.kill(number, signal.SIGKILL)
"""
