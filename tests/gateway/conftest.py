"""What tests of the gateway share."""

from collections.abc import Iterator

import pytest

from tests.support.server import Server, serving


@pytest.fixture(scope="session")
def guarded() -> Iterator[Server]:
    """A gateway that lets nobody from elsewhere join, nor see its insides, without a token."""
    with serving(join_token="s3cret", admin_token="s3cret", warm_up=False) as running:
        yield running
