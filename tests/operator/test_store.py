"""What is remembered of the cluster: by events, put right by lists."""

import pytest

from babblefish_operator.api import Json
from babblefish_operator.kinds import PODS, SESSIONS
from babblefish_operator.store import Store


def _pod(uid: str, version: int) -> Json:
    metadata = {"uid": uid, "resourceVersion": str(version), "managedFields": ["much"]}
    return {"metadata": metadata, "version": version}


@pytest.fixture
def store() -> Store:
    store = Store()
    store.seen(PODS, "ADDED", _pod("a", 1))
    return store


def _versions(store: Store) -> dict[str, int]:
    return {body["metadata"]["uid"]: body["version"] for body in store.all(PODS)}


def test_events_keep_it_current(store: Store) -> None:
    assert store.seen(PODS, "MODIFIED", _pod("a", 2))
    assert store.seen(PODS, None, _pod("b", 3))
    assert _versions(store) == {"a": 2, "b": 3}
    assert store.seen(PODS, "DELETED", _pod("a", 4))
    assert _versions(store) == {"b": 3}


def test_what_is_known_already_is_no_news(store: Store) -> None:
    assert not store.seen(PODS, None, _pod("a", 1))
    assert not store.seen(PODS, "DELETED", _pod("never", 1))


def test_an_event_from_the_past_changes_nothing(store: Store) -> None:
    store.seen(PODS, "MODIFIED", _pod("a", 10))
    assert not store.seen(PODS, "MODIFIED", _pod("a", 9))
    assert _versions(store) == {"a": 10}


def test_a_list_takes_away_what_a_watch_missed(store: Store) -> None:
    store.listing()
    store.listed(PODS, [_pod("b", 2)], before=store.uids(PODS))
    assert _versions(store) == {"b": 2}


def test_what_came_while_it_was_listed_stays(store: Store) -> None:
    store.listing()
    before = store.uids(PODS)
    store.seen(PODS, "ADDED", _pod("new", 3))
    store.seen(PODS, "MODIFIED", _pod("a", 4))
    store.listed(PODS, [_pod("a", 1)], before)
    assert _versions(store) == {"a": 4, "new": 3}


def test_what_went_while_it_was_listed_does_not_come_back(store: Store) -> None:
    store.listing()
    before = store.uids(PODS)
    store.seen(PODS, "DELETED", _pod("a", 2))
    store.listed(PODS, [_pod("a", 1)], before)
    assert _versions(store) == {}


def test_kinds_do_not_mix(store: Store) -> None:
    assert list(store.all(SESSIONS)) == []


def test_it_keeps_no_managed_fields(store: Store) -> None:
    (kept,) = store.all(PODS)
    assert "managedFields" not in kept["metadata"]
