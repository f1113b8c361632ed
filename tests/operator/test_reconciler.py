"""The operator against a real API server, with no more rights than the chart gives it."""

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial

import jwt
import pytest

from babblefish_operator.api import Api
from babblefish_operator.apply import Applier
from babblefish_operator.health import registry
from babblefish_operator.heartbeat import Heartbeat
from babblefish_operator.kinds import SESSIONS
from babblefish_operator.metrics import Metrics
from babblefish_operator.reconciler import Reconciler
from babblefish_operator.settings import Settings
from tests.operator import process, release
from tests.operator.gateway import TOKEN, FakeGateway, answering
from tests.operator.process import Operator
from tests.operator.release import Cluster, Json, eventually

_SETTINGS = {
    "namespace": release.NAMESPACE,
    "synthesizer": "demo-babblefish-synthesizer",
    "gateways": "app=gateway",
    "session_key": "k" * 32,
    "admin_token": TOKEN,
}

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180, func_only=True)]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if reason := release.missing():
        pytest.skip(f"skipped, because {reason}")
    with release.installed(tmp_path_factory.mktemp("release")) as cluster:
        cluster.gateway()
        yield cluster


@pytest.fixture(scope="session")
def port() -> int:
    return process.free_port()


@pytest.fixture
def gateway(port: int) -> Iterator[FakeGateway]:
    gateway = FakeGateway()
    with answering(gateway, port):
        yield gateway


@pytest.fixture
def operator(cluster: Cluster, gateway: FakeGateway, port: int) -> Iterator[Operator]:
    with _operating(cluster, port) as operator:
        yield operator
    for session in cluster.sessions():
        cluster.end(session["metadata"]["name"])


@contextlib.contextmanager
def _operating(cluster: Cluster, port: int) -> Iterator[Operator]:
    with process.operating(release.environment(cluster, port)) as operator:
        yield operator


def _ready(cluster: Cluster, name: str) -> Json | None:
    session = cluster.session(name)
    return session if session.get("status", {}).get("phase") == "Ready" else None


def test_a_session_gets_a_link_and_a_status(cluster: Cluster, operator: Operator) -> None:
    cluster.open("standup", maxClients=4, ttl="8h")
    session = eventually(lambda: _ready(cluster, "standup"))
    status = session["status"]
    assert status["joinURL"] == "https://talk.example/?session=standup"
    assert status["observedGeneration"] == 1
    assert status["synthesizer"] == {"wanted": 0, "ready": 0, "limitedBy": ""}
    assert [each["type"] for each in status["conditions"]] == [
        "Ready",
        "ScalingActive",
        "ScalingLimited",
        "VoiceCloning",
    ]

    secret = cluster.secret("standup-join")
    assert secret
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner["uid"] == session["metadata"]["uid"]
    token = base64.b64decode(secret["data"]["token"]).decode()
    url = base64.b64decode(secret["data"]["url"]).decode()
    assert url == f"{status['joinURL']}#token={token}"
    claims = jwt.decode(token, "k" * 32, algorithms=["HS256"])
    assert (claims["sub"], claims["max_clients"]) == (owner["uid"], 4)
    assert claims["exp"] - claims["iat"] == 8 * 3600


def test_replicas_follow_the_phones(
    cluster: Cluster, operator: Operator, gateway: FakeGateway
) -> None:
    cluster.open("standup")
    eventually(lambda: _ready(cluster, "standup"))
    took = []
    for clients, replicas in ((1, 2), (3, 3)):
        started = time.monotonic()
        gateway.say(standup=clients)
        eventually(partial(_has, cluster, replicas), 5)
        took.append(time.monotonic() - started)
        cluster.deployed()
    assert max(took) < 1, took
    told = [event["message"] for event in cluster.events("Scaled")]
    assert "3 clients in 1 session: ⌈1.5⌉ + 1 spare = 3. 2 become 3." in told
    share = {"wanted": 2, "ready": 2, "limitedBy": ""}
    eventually(lambda: cluster.session("standup")["status"]["synthesizer"] == share)

    gateway.say()
    down = []
    while cluster.replicas:
        eventually(partial(_has, cluster, cluster.replicas - 1))
        down.append(cluster.replicas)
        cluster.deployed()
    assert down == [2, 1, 0]


def test_who_sets_the_replicas_has_the_last_word(
    cluster: Cluster, operator: Operator, gateway: FakeGateway
) -> None:
    cluster.open("standup")
    eventually(lambda: _ready(cluster, "standup"))
    gateway.say(standup=5)
    eventually(partial(_has, cluster, 4))
    cluster.choose(1)
    gateway.say(standup=7)
    eventually(lambda: 'decisions_total{reason="Fixed"}' in operator.get("/metrics").text)
    assert cluster.replicas == 1
    cluster.leave_to_the_operator()
    eventually(partial(_has, cluster, 5))


async def test_a_decision_about_what_is_no_more_is_not_applied(cluster: Cluster) -> None:
    """The owner writes between the operator's look and its write: else that would undo it."""
    api = Api(cluster.account, lambda: None)
    applier = Applier(api, Settings.model_validate(_SETTINGS))
    try:
        seen = cluster.deployment
        cluster.choose(2)
        assert not await applier.scale(seen, 0)
        assert cluster.replicas == 2
        assert await applier.scale(cluster.deployment, 1)
        assert cluster.replicas == 1
    finally:
        await api.close()
        cluster.leave_to_the_operator()


def _unwatched(cluster: Cluster, port: int, api: type[Api] = Api) -> Reconciler:
    """One that kopf tells nothing: what it does not see itself, it finds when it lists again."""
    mine = release.environment(cluster, port)["BABBLEFISH_OPERATOR_GATEWAYS"]
    settings = Settings.model_validate({**_SETTINGS, "gateway_port": port, "gateways": mine})
    heartbeat = Heartbeat(settings.stale_s)
    metrics = Metrics(registry(heartbeat))
    return Reconciler(api(cluster.account, heartbeat.beat), settings, heartbeat, metrics)


@contextlib.asynccontextmanager
async def _running(reconciler: Reconciler) -> AsyncIterator[None]:
    """It lives to the end of the block."""
    reconciling = asyncio.create_task(reconciler.run())
    try:
        yield
        assert not reconciling.done()
    finally:
        reconciling.cancel()
        await asyncio.gather(reconciling, return_exceptions=True)


async def test_what_went_before_kopf_watched_is_noticed(
    cluster: Cluster, gateway: FakeGateway, port: int
) -> None:
    cluster.open("missed", synthesizer={"minReplicas": 2})
    async with _running(_unwatched(cluster, port)):
        await asyncio.to_thread(eventually, partial(_has, cluster, 2))
        await asyncio.to_thread(cluster.end, "missed")
        await asyncio.to_thread(eventually, partial(_has, cluster, 0), 30)


async def test_a_session_that_goes_in_mid_pass_stops_nothing(
    cluster: Cluster, gateway: FakeGateway, port: int
) -> None:
    """It is deleted, and the watch says so, while its link is being written."""

    class Meddling(Api):
        async def create(self, path: str, content: Json) -> None:
            await super().create(path, content)
            if content["metadata"]["name"].startswith("gone"):
                body = cluster.session("gone")
                await asyncio.to_thread(cluster.end, "gone")
                reconciler.seen(SESSIONS, "DELETED", body)

    reconciler = _unwatched(cluster, port, Meddling)
    for name in ("gone", "stays"):
        cluster.open(name)
    async with _running(reconciler):
        await asyncio.to_thread(eventually, lambda: _ready(cluster, "stays"), 30)


def test_what_does_not_fit_is_not_asked_for_and_said(
    cluster: Cluster, operator: Operator, gateway: FakeGateway
) -> None:
    cluster.open("crowd", synthesizer={"maxReplicas": 99})
    eventually(lambda: _ready(cluster, "crowd"))
    gateway.say(crowd=40)
    eventually(lambda: cluster.session("crowd")["status"]["synthesizer"]["limitedBy"] == "Capacity")
    condition = _condition(cluster.session("crowd"), "ScalingLimited")
    assert (condition["status"], condition["reason"]) == ("True", "CapacityLimited")
    assert "40 clients / 2 per replica = 20" in condition["message"]
    assert 0 < cluster.replicas < 21
    assert eventually(lambda: cluster.events("CapacityLimited"))[0]["type"] == "Warning"


def test_gateways_are_told_of_sessions_and_of_their_end(
    cluster: Cluster, operator: Operator, gateway: FakeGateway
) -> None:
    cluster.open("short", ttl="3s")
    cluster.open("long")
    uids = {name: cluster.session(name)["metadata"]["uid"] for name in ("short", "long")}
    limits = {"max_clients": 50, "languages": ["en", "fr"], "voice_cloning": "Disabled"}
    both = {name: {"uid": uid, **limits} for name, uid in uids.items()}
    gateway.awaited(10, live=both)
    gateway.awaited(8, ended={"short": "expired"}, live={"long": both["long"]})
    started = time.monotonic()
    cluster.end("long")
    gateway.awaited(5, live={})
    assert time.monotonic() - started < 2
    assert cluster.session("short")["status"]["phase"] == "Expired"


def test_conditions_of_others_stay(
    cluster: Cluster, operator: Operator, gateway: FakeGateway
) -> None:
    cluster.open("standup")
    eventually(lambda: _ready(cluster, "standup"))
    foreign = {
        "type": "example.com/Booked",
        "status": "True",
        "reason": "Calendar",
        "message": "Room 5.",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    cluster.add_condition("standup", foreign)
    gateway.say(standup=1)
    eventually(lambda: cluster.session("standup")["status"]["clients"] == 1)
    assert foreign in cluster.session("standup")["status"]["conditions"]


def test_nothing_is_left_on_objects(cluster: Cluster, operator: Operator) -> None:
    cluster.open("standup")
    session = eventually(lambda: _ready(cluster, "standup"))
    for body in (session, cluster.deployment, cluster.secret("standup-join")):
        assert body
        assert "finalizers" not in body["metadata"]
        assert not [key for key in body["metadata"].get("annotations", {}) if "kopf" in key]


def test_a_link_that_somebody_changed_is_put_right(cluster: Cluster, operator: Operator) -> None:
    cluster.open("standup")
    eventually(lambda: _ready(cluster, "standup"))
    right = cluster.secret("standup-join")
    assert right
    path = f"/api/v1/namespaces/{release.NAMESPACE}/secrets/standup-join"
    cluster.merge(path, {"data": {"url": "ZXZpbA=="}})
    eventually(lambda: (cluster.secret("standup-join") or {}).get("data") == right["data"])


def test_one_that_is_killed_goes_on_where_it_was(
    cluster: Cluster, operator: Operator, gateway: FakeGateway, port: int
) -> None:
    cluster.open("standup")
    eventually(lambda: _ready(cluster, "standup"))
    gateway.say(standup=3)
    operator.process.kill()
    operator.process.wait()
    cluster.open("late")
    with _operating(cluster, port):
        eventually(lambda: cluster.replicas == 3)
        eventually(lambda: _ready(cluster, "late"))
        eventually(lambda: cluster.session("standup")["status"]["clients"] == 3)


def test_a_signal_ends_it_at_once(cluster: Cluster, operator: Operator) -> None:
    cluster.open("standup")
    eventually(lambda: _ready(cluster, "standup"))
    operator.process.terminate()
    assert operator.process.wait(3) == 0


def test_an_api_server_that_was_killed_is_found_again(
    cluster: Cluster, operator: Operator, gateway: FakeGateway
) -> None:
    cluster.open("before")
    eventually(lambda: _ready(cluster, "before"))
    with cluster.api_server_gone():
        time.sleep(2)
        assert operator.get("/health").status_code == 200
        gateway.say(before=1)
    cluster.open("after")
    eventually(lambda: _ready(cluster, "after"), 30)
    eventually(lambda: cluster.session("before")["status"]["clients"] == 1, 20)
    eventually(lambda: cluster.replicas >= 2, 20)
    cluster.end("before")
    gateway.awaited(20, live={"after": _limits_of(cluster, "after")})


@pytest.mark.slow
def test_500_sessions_that_do_not_change_are_not_written(
    cluster: Cluster, operator: Operator
) -> None:
    for number in range(500):
        cluster.open(f"quiet-{number}")
    eventually(lambda: all("status" in each for each in cluster.sessions()), 90)
    time.sleep(1)
    before = _versions(cluster)
    cluster.open("another")
    eventually(lambda: _ready(cluster, "another"))
    time.sleep(2)
    after = _versions(cluster)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2, "the other session and its link"


def test_it_tells_prometheus(cluster: Cluster, operator: Operator, gateway: FakeGateway) -> None:
    cluster.open("standup")
    gateway.say(standup=1)
    eventually(lambda: 'replicas{state="wanted"} 2.0' in operator.get("/metrics").text)
    told = operator.get("/metrics").text
    assert "babblefish_operator_clients 1.0" in told
    assert 'babblefish_operator_replicas{state="fits"}' in told
    assert 'babblefish_operator_decisions_total{reason="None"}' in told
    assert "babblefish_operator_reconcile_seconds_count" in told


def _has(cluster: Cluster, replicas: int) -> bool:
    return cluster.replicas == replicas


def _limits_of(cluster: Cluster, name: str) -> Json:
    uid = cluster.session(name)["metadata"]["uid"]
    limits = {"max_clients": 50, "languages": ["en", "fr"], "voice_cloning": "Disabled"}
    return {"uid": uid, **limits}


def _versions(cluster: Cluster) -> dict[str, str]:
    """Of sessions and of their links."""
    bodies = [*cluster.sessions(), *cluster.secrets()]
    return {body["metadata"]["name"]: body["metadata"]["resourceVersion"] for body in bodies}


def _condition(session: Json, type_: str) -> Json:
    (found,) = [each for each in session["status"]["conditions"] if each["type"] == type_]
    return dict(found)
