"""Whose voice it is, decided from what the session knows."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from babblefish.people import Person
from babblefish.registry.identity import MAX_SPEAKERS, Voice, decide, learn
from tests.registry.voices import (
    DAN,
    MODEL,
    PIERRE,
    THRESHOLD,
    heard,
    near,
    print_of,
    prints,
    seeds,
    voice,
)

PEOPLE = [PIERRE, DAN]


def test_the_first_voice_of_a_phone_is_its_participants() -> None:
    decision = decide(heard(print_of(1)), PIERRE, [], PEOPLE)
    assert decision.outcome == "enrolled"
    assert decision.voice
    assert decision.voice.speaker.id == PIERRE.client_id
    assert (decision.voice.speaker.name, decision.voice.speaker.number) == ("Pierre", 0)


def test_a_further_voice_of_a_phone_is_somebody_elses() -> None:
    pierre = voice(print_of(1), PIERRE.client_id, 0)
    decision = decide(heard(print_of(2)), PIERRE, [pierre], PEOPLE)
    assert decision.outcome == "enrolled"
    assert decision.voice
    speaker = decision.voice.speaker
    assert (speaker.id, speaker.name, speaker.number) == ("fresh", "Speaker 3", 2)


def test_a_known_voice_is_known_on_any_phone() -> None:
    pierre = voice(print_of(1), PIERRE.client_id, 0)
    decision = decide(heard(near(print_of(1), 0.9)), DAN, [pierre], PEOPLE)
    assert decision.outcome == "known"
    assert decision.voice
    assert decision.voice.speaker == pierre.speaker


def test_two_people_of_one_name_stay_two() -> None:
    namesake = Person("phone-3", "Pierre", "fr", voice=2)
    first = decide(heard(print_of(1)), PIERRE, [], PEOPLE).voice
    assert first
    second = decide(heard(print_of(2)), namesake, [first], [*PEOPLE, namesake]).voice
    assert second
    assert second.speaker.name == first.speaker.name == "Pierre"
    assert (second.speaker.id, second.speaker.number) == ("phone-3", 2)


def test_an_anonymous_phone_is_called_after_the_voice_that_it_hears_first() -> None:
    anonymous = Person("phone-4", "Speaker 4", "fr", voice=3, named="server")
    pierre = voice(print_of(1), PIERRE.client_id, 0)
    assert decide(heard(print_of(1)), anonymous, [pierre], PEOPLE).names_phone
    assert not decide(heard(print_of(2)), anonymous, [pierre], PEOPLE).names_phone
    own = voice(print_of(2), anonymous.client_id, 3)
    assert not decide(heard(print_of(1)), anonymous, [pierre, own], PEOPLE).names_phone
    assert not decide(heard(print_of(1)), DAN, [pierre], PEOPLE).names_phone


def test_a_phone_called_after_a_known_voice_has_no_place_for_a_second() -> None:
    called = Person("phone-4", "Pierre", "fr", voice=3, named="voice")
    pierre = voice(print_of(1), PIERRE.client_id, 0)
    decision = decide(heard(print_of(2)), called, [pierre], [*PEOPLE, called])
    assert decision.voice
    assert (decision.voice.speaker.id, decision.voice.speaker.name) == ("fresh", "Speaker 3")


@pytest.mark.parametrize("seconds", [0, 0.5, 0.79])
def test_too_little_speech_is_recognised_but_teaches_nothing(seconds: float) -> None:
    pierre = voice(print_of(1), PIERRE.client_id, 0)
    assert decide(heard(print_of(2), seconds), PIERRE, [pierre], PEOPLE).outcome == "unsure"
    decision = decide(heard(near(print_of(1), 0.99), seconds), PIERRE, [pierre], PEOPLE)
    assert decision.outcome == "known"
    assert decision.voice
    assert decision.voice.centroid is pierre.centroid


def test_prints_of_another_model_are_never_compared() -> None:
    former = voice(print_of(1), PIERRE.client_id, 0, model="an older one")
    decision = decide(heard(print_of(1)), PIERRE, [former], PEOPLE)
    assert decision.outcome == "enrolled"  # and takes the place of the former
    assert decision.voice
    assert (decision.voice.speaker.id, decision.voice.model) == (PIERRE.client_id, MODEL)


def test_a_session_holds_so_many_voices_and_no_more() -> None:
    known = [voice(print_of(seed), f"id{seed}", seed) for seed in range(MAX_SPEAKERS)]
    assert decide(heard(print_of(999)), PIERRE, known, PEOPLE).outcome == "unsure"


@given(st.lists(seeds, min_size=1, max_size=20, unique=True), st.data())
def test_the_nearest_voice_is_chosen(known_seeds: list[int], data: st.DataObject) -> None:
    known = [voice(print_of(seed), f"id{seed}", at) for at, seed in enumerate(known_seeds)]
    said = near(print_of(data.draw(st.sampled_from(known_seeds))), data.draw(st.floats(0, 1)))
    cosines = [float(each.centroid @ said) for each in known]
    decision = decide(heard(said), DAN, known, PEOPLE)
    nearest = known[int(np.argmax(cosines))].speaker
    assume(abs(max(cosines) - 0.5) > 1e-6)
    if max(cosines) >= THRESHOLD:
        assert (decision.outcome, decision.speaker) == ("known", nearest)
    elif max(cosines) > 0.5:  # a quarter of the way from 0.6 to 1, on the other side
        assert (decision.outcome, decision.speaker) == ("unsure", nearest)
        assert decision.voice is None
    else:
        assert decision.outcome == "enrolled"


@given(st.lists(st.tuples(seeds, st.sampled_from([PIERRE, DAN])), max_size=30))
def test_no_two_speakers_share_an_id_or_a_number(said: list[tuple[int, Person]]) -> None:
    known: dict[str, Voice] = {}
    for at, (seed, phone) in enumerate(said):
        utterance = heard(print_of(seed), fresh_id=f"fresh{at}")
        decision = decide(utterance, phone, list(known.values()), PEOPLE)
        if decision.voice:
            known[decision.voice.speaker.id] = decision.voice
    numbers = [each.speaker.number for each in known.values()]
    others = {person.voice for person in PEOPLE if person.client_id not in known}
    assert len(set(numbers)) == len(numbers)
    assert not others & set(numbers)


@given(prints, st.lists(st.tuples(st.floats(0, 1), seeds, st.floats(0.1, 30)), max_size=40))
def test_a_centroid_never_wanders_to_another_voice(
    enrolment: np.ndarray[tuple[int], np.dtype[np.float32]],
    said: list[tuple[float, int, float]],
) -> None:
    known = voice(enrolment)
    for cosine, seed, seconds in said:
        known = learn(known, heard(near(known.centroid, cosine, seed), seconds))
        assert float(np.linalg.norm(known.centroid)) == pytest.approx(1, abs=1e-5)
        assert float(known.centroid @ known.enrolment) >= THRESHOLD
        assert known.enrolment is enrolment
        assert known.weight <= 60
    assert known.utterances == 1 + len(said)


@given(prints, st.floats(0, 1), seeds)
def test_only_what_is_clearly_the_voice_moves_its_centroid(
    enrolment: np.ndarray[tuple[int], np.dtype[np.float32]], cosine: float, seed: int
) -> None:
    assume(abs(cosine - 0.7) > 1e-3)
    learned = learn(voice(enrolment), heard(near(enrolment, cosine, seed)))
    moved = learned.centroid is not enrolment
    assert moved == (cosine > 0.7)  # a quarter of the way from 0.6 to 1


def test_a_centroid_follows_its_voice() -> None:
    known, changed = voice(print_of(1)), near(print_of(1), 0.85)
    before = float(known.centroid @ changed)
    for _ in itertools.repeat(None, 30):
        known = learn(known, heard(changed))
    assert float(known.centroid @ changed) > max(before, 0.97)
