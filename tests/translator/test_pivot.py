import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.translator.pivot import Pair, Pivots

languages = st.sampled_from(["ca", "en", "es", "fr", "gl", "it", "pl", "pt"])
pairs = st.sets(st.tuples(languages, languages).filter(lambda pair: pair[0] != pair[1]))


def test_english_reaches_french_through_the_hub() -> None:
    installed = [("en", "es"), ("en", "ca"), ("ca", "fr"), ("es", "fr"), ("es", "it"), ("es", "pt")]
    pivots = Pivots(installed)
    assert pivots.path("en", "fr") == ("en", "es", "fr")
    assert pivots.reachable("en") == {"es", "ca", "fr", "it", "pt"}
    assert pivots.reachable("fr") == frozenset()
    assert pivots.sources == {"en", "ca", "es"}
    with pytest.raises(KeyError):
        pivots.path("fr", "en")


@given(pairs)
def test_a_way_is_made_of_installed_pairs_and_visits_nothing_twice(installed: set[Pair]) -> None:
    pivots = Pivots(installed)
    for source in pivots.sources:
        for target in pivots.reachable(source):
            path = pivots.path(source, target)
            assert (path[0], path[-1]) == (source, target)
            assert set(itertools.pairwise(path)) <= installed
            assert len(set(path)) == len(path)


@given(pairs)
def test_no_way_is_shorter(installed: set[Pair]) -> None:
    pivots = Pivots(installed)
    for source in pivots.sources:
        reached, steps = {source}, 0
        while generation := {b for a, b in installed if a in reached} - reached:
            steps += 1
            assert {len(pivots.path(source, target)) - 1 for target in generation} == {steps}
            reached |= generation
        assert pivots.reachable(source) == reached - {source}
