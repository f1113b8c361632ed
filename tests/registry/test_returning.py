"""Consenting voices in later sessions: known again beyond doubt, or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from babblefish.people import Person
from babblefish.registry.identity import decide
from tests.registry.voices import DAN, PIERRE, THRESHOLD, heard, near, print_of, voice

PEOPLE = [PIERRE, DAN]
SURE = THRESHOLD + 0.25 * (1 - THRESHOLD)
MARIE = voice(print_of(1), "marie", number=5)


def test_a_voice_of_another_session_comes_back_with_its_name_and_number() -> None:
    decision = decide(heard(near(print_of(1), 0.95)), PIERRE, [], PEOPLE, [MARIE])
    assert (decision.outcome, decision.beyond_doubt) == ("known", True)
    assert decision.speaker == MARIE.speaker
    assert not decision.namesake


def test_where_its_number_is_taken_it_gets_the_first_that_is_free() -> None:
    taken = [voice(print_of(9), "other", number=5)]
    decision = decide(heard(print_of(1)), PIERRE, taken, PEOPLE, [MARIE])
    assert decision.speaker
    assert (decision.speaker.id, decision.speaker.number) == ("marie", 2)


@given(st.floats(0, SURE - 0.01))
def test_a_likeness_is_not_enough(cosine: float) -> None:
    decision = decide(heard(near(print_of(1), cosine)), PIERRE, [], PEOPLE, [MARIE])
    assert decision.outcome == "enrolled"
    assert decision.speaker
    assert decision.speaker.id == PIERRE.client_id


def test_who_is_here_goes_before_who_was_elsewhere() -> None:
    twin = voice(near(print_of(1), 0.97), PIERRE.client_id, 0)
    decision = decide(heard(print_of(1)), PIERRE, [twin], PEOPLE, [MARIE])
    assert decision.speaker
    assert decision.speaker.id == PIERRE.client_id


def test_one_of_the_participants_name_is_theirs_and_has_their_number() -> None:
    former = voice(print_of(1), "former", number=5).named("pierre")
    decision = decide(heard(print_of(1)), PIERRE, [], PEOPLE, [former])
    assert decision.namesake
    assert decision.speaker
    assert decision.speaker.number == PIERRE.voice


def test_two_pierres_are_two() -> None:
    former = voice(print_of(1), "former").named("Pierre")
    own = voice(print_of(2), PIERRE.client_id, 0).named("Pierre")
    decision = decide(heard(print_of(1)), PIERRE, [own], PEOPLE, [former])
    assert decision.speaker
    assert decision.speaker.id == "former"
    assert not decision.namesake
    other = decide(heard(print_of(3)), PIERRE, [own], PEOPLE, [former])
    assert other.outcome == "enrolled"


def test_the_voice_of_somebody_who_is_here_is_nobody_elses() -> None:
    present = Person("former", "Pierre", "fr", voice=7)
    known = voice(print_of(1), "former").named("Pierre")
    decision = decide(heard(print_of(1)), PIERRE, [known], [*PEOPLE, present])
    assert not decision.namesake


def test_it_names_an_anonymous_phone() -> None:
    anonymous = Person("phone-3", "Speaker 3", "fr", voice=2, named="server")
    decision = decide(heard(print_of(1)), anonymous, [], [*PEOPLE, anonymous], [MARIE])
    assert decision.names_phone
    assert decision.speaker
    assert decision.speaker.number == 2
