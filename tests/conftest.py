"""What all tests share."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.server import Server, serving

_sessions = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One real gateway with the light engines, for every test that only talks to it."""
    with serving() as running:
        yield running


@pytest.fixture
def session() -> str:
    """A session's name that no other test uses."""
    return f"test-{next(_sessions)}"


@pytest.fixture
def rng() -> np.random.Generator:
    """The same dice in every run."""
    return np.random.default_rng(20261120)
