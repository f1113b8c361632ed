"""Meetings as users run them: `kubectl apply`, a link, phones, an end."""

import time

import pytest
from tests.support.phone import connected

from cluster import ClusterError
from deployment import Release
from meetings import apply, meeting


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


async def test_two_sessions_know_nothing_of_each_other(governed: Release) -> None:
    with meeting(governed, "left") as left, meeting(governed, "right") as right:
        async with (
            left.phone("Ana", "es") as ana,
            left.phone("Dan", "en") as dan,
            right.phone("Eva", "es") as eva,
        ):
            left.wait("jsonpath={.status.clients}=2")
            right.wait("jsonpath={.status.clients}=1")
            assert left.found["status"]["languagesInUse"] == ["en", "es"]
            assert right.found["status"]["languagesInUse"] == ["es"]
            await dan.send(type="text", text="house")
            assert (await ana.receive("result", deadline_s=30))["translation"] == "Casa"
            governed.kubectl("delete", "translationsession", "left", "--wait=false")
            await ana.receive("error", code="session_ended")
            await eva.send(type="ping", id=1)
            await eva.receive("pong", id=1)
            assert eva.all("result") == []


async def test_a_link_opens_one_session_only(governed: Release) -> None:
    with meeting(governed, "left") as left, meeting(governed, "right") as right:
        url = f"{governed.url.replace('https', 'wss')}/ws/client"
        async with connected(url) as stranger:
            await stranger.send(type="join", session="left", name="Eve", language="en",
                                token=right.token)  # fmt: skip
            assert (await stranger.receive("error"))["code"] == "bad_token"
        assert left.found["status"]["clients"] == 0


async def test_deleting_a_session_tells_every_phone(governed: Release) -> None:
    with meeting(governed, "short") as short:
        async with short.phone("Ana", "es") as ana, short.phone("Dan", "en") as dan:
            started = time.monotonic()
            governed.kubectl("delete", "translationsession", "short", "--wait=false")
            for phone in (ana, dan):
                error = await phone.receive("error", code="session_ended")
                assert error["message"] == "This session was ended."
                assert (await phone.closed())[0] == 4410
            took_s = time.monotonic() - started
            print(f"deleted → both phones told and closed: {took_s:.2f} s (aim 5)")
            assert took_s < 5


async def test_a_session_ends_when_its_time_is_over(governed: Release) -> None:
    with meeting(governed, "brief", ttl="8s") as brief:
        async with brief.phone("Ana", "es") as ana:
            error = await ana.receive("error", code="session_ended", deadline_s=30)
            assert error["message"] == "The time of this session is over."
        brief.wait("jsonpath={.status.phase}=Expired")


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
