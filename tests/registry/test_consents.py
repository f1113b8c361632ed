"""What is kept of those who said yes, and that it goes as one."""

import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from babblefish.audio import to_pcm16
from babblefish.registry import consents, schema
from babblefish.registry.identity import Voice
from babblefish.registry.store import Kept, SessionKey, Store
from tests.registry.consents import MONTH_S, SESSION, consenting, sound
from tests.registry.voices import print_of, voice

PIERRE = voice(print_of(1), "pierre")
DAN = voice(print_of(2), "dan")


def traces(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def secrets(known: Voice) -> list[bytes]:
    name = known.speaker.id
    return [
        f"Said by {name}".encode(),
        f"Reference of {name}".encode(),
        f"adapter of {name}".encode(),
        to_pcm16(sound(1).samples)[100:200],
        to_pcm16(sound(2).samples)[-200:-100],
    ]


def test_a_yes_comes_back_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path / "file")
    given = consenting(store, PIERRE, SessionKey("team", "uid 1"))
    store.close()
    found = Store(tmp_path / "file").consents.of("pierre")
    assert found
    assert (found.session, found.wording) == (("team", "uid 1"), "v1")
    assert (found.since, found.expires, found.voice.speaker) == (
        *(given.since, given.expires),
        PIERRE.speaker,
    )
    assert np.array_equal(found.voice.centroid, PIERRE.centroid)
    assert found.expires == pytest.approx(time.time() + MONTH_S, abs=60)


@pytest.mark.parametrize(
    "forget",
    [
        lambda store: store.revoke("pierre"),
        lambda store: store.forget_speaker("pierre"),
        lambda store: store.forget_session("room"),
        lambda store: store.forget_all(),
    ],
)
def test_with_a_yes_goes_all_that_hung_on_it(tmp_path: Path, forget: object) -> None:
    store = Store(tmp_path / "file")
    consenting(store, PIERRE)
    assert all(secret in traces(tmp_path) for secret in secrets(PIERRE))
    assert callable(forget)
    assert forget(store)
    assert store.consents.of("pierre") is None
    assert store.samples.of("pierre") == []
    assert store.samples.reference("pierre") is None
    assert not any(secret in traces(tmp_path) for secret in secrets(PIERRE))


def test_only_the_revoked_one_goes_and_their_session_still_knows_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "file")
    consenting(store, PIERRE)
    consenting(store, DAN)
    assert store.revoke("pierre")
    assert not store.revoke("pierre")
    assert [known.speaker.id for known in store.voices("room")] == ["pierre", "dan"]
    assert store.samples.reference("dan")


def test_a_yes_outlives_its_session(tmp_path: Path) -> None:
    store = Store(tmp_path / "file")
    consenting(store, PIERRE)
    store.put(Kept(SESSION, DAN, time.time()))
    store.forget_sessions(lambda session: True)
    assert store.all() == []
    assert DAN.centroid.tobytes() not in traces(tmp_path)
    (left,) = store.consents.all()
    assert np.array_equal(left.voice.enrolment, PIERRE.enrolment)


def test_one_that_ran_out_is_none() -> None:
    store = Store()
    consenting(store, PIERRE, lasts_s=-1)
    consenting(store, DAN)
    assert store.consents.of("pierre") is None
    assert [kept.voice.speaker.id for kept in store.consents.all()] == ["dan"]
    assert store.consents.outlived() == ["pierre"]


def test_to_be_heard_is_to_be_kept_longer() -> None:
    store = Store()
    consenting(store, PIERRE, lasts_s=10)
    store.consents.heard(PIERRE, 1000)
    found = store.consents.of("pierre")
    assert found
    assert found.expires > time.time() + 900
    store.consents.heard(voice(print_of(9), "pierre", model="another"), 5000)
    same = store.consents.of("pierre")
    assert same
    assert np.array_equal(same.voice.centroid, PIERRE.centroid)


def test_of_too_many_the_longest_unheard_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consents, "MAX_CONSENTS", 2)
    store = Store()
    for number, name in enumerate(["a", "b", "c"]):
        kept = Kept(SESSION, voice(print_of(number), name), float(number))
        store.consents.give(kept, "", MONTH_S)
    assert store.consents.outlived() == ["a"]


def test_said_twice_it_is_as_of_the_second_time_and_loses_nothing() -> None:
    store = Store()
    consenting(store, PIERRE)
    kept = Kept(SessionKey("other"), PIERRE.named("Pierrot"), time.time())
    store.consents.give(kept, "v2", MONTH_S)
    found = store.consents.of("pierre")
    assert found
    assert (found.wording, found.session.name, found.voice.speaker.name) == (
        *("v2", "other"),
        "Pierrot",
    )
    assert len(store.samples.of("pierre")) == 1


def test_a_reference_has_another_id_for_every_other_content() -> None:
    store = Store()
    consenting(store, PIERRE)
    ids = [store.samples.cloned_from("pierre")]
    store.samples.clone_from("pierre", sound(3, 8), "Other", "fr", 0.9)
    ids.append(store.samples.cloned_from("pierre"))
    store.samples.keep_adapter("pierre", b"better", "0.7 to 0.8")
    ids.append(store.samples.cloned_from("pierre"))
    assert len(set(ids)) == 3
    assert store.samples.roll_back("pierre")
    assert store.samples.cloned_from("pierre") == ids[1]
    reference = store.samples.reference("pierre")
    assert reference
    assert (reference.id, reference.adapter) == (ids[1], b"adapter of pierre" * 9)


def test_without_a_yes_nothing_can_be_kept() -> None:
    store = Store()
    store.put(Kept(SESSION, PIERRE, time.time()))
    with pytest.raises(sqlite3.IntegrityError):
        store.samples.add("pierre", sound(1), "Said", "en", 1)
    with pytest.raises(sqlite3.IntegrityError):
        store.samples.clone_from("pierre", sound(1), "Said", "en", 1)
    with pytest.raises(sqlite3.IntegrityError):
        store.samples.keep_adapter("pierre", b"adapter", "")


def test_who_holds_a_voice_is_known_beyond_its_yes() -> None:
    store = Store()
    consenting(store, PIERRE)
    for laptop in ("desk", "sofa"):
        store.holdings.sent("pierre", laptop)
    store.revoke("pierre")
    store.holdings.purged("desk", ["pierre", "dan"])
    assert store.holdings.of("pierre").purged == ["desk"]
    assert store.holdings.of("pierre").waiting == ["sofa"]
    store.holdings.holds("sofa", ["dan"])
    assert store.holdings.of("pierre").waiting == []
    assert store.holdings.of("dan").waiting == ["sofa"]


def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "file"
    database = sqlite3.connect(path)
    for statement in schema._STEPS[0]:
        database.execute(statement)
    database.execute("PRAGMA user_version = 1")
    row = ("room", "", "pierre", "Pierre", 3, "m", *[PIERRE.centroid.tobytes()] * 2, 1, 2, 3, 4)
    database.execute("INSERT INTO voices VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", row)
    database.commit()
    database.close()
    store = Store(path)
    assert [known.speaker.name for known in store.voices("room")] == ["Pierre"]
    consenting(store, DAN)
    store.close()
    assert Store(path).consents.of("dan")
