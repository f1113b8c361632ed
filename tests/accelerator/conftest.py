from collections.abc import AsyncIterator

import pytest

from tests.accelerator.gateway import Gateway, Line, gateway
from tests.support.laptop import Laptop, laptop


@pytest.fixture
async def server() -> AsyncIterator[Gateway]:
    """What laptops dial."""
    async with gateway() as running:
        yield running


@pytest.fixture
async def pierre(server: Gateway) -> AsyncIterator[Laptop]:
    """A laptop; Pierre's voice will be on it."""
    async with laptop(server.url) as running:
        yield running


@pytest.fixture
async def line(server: Gateway, pierre: Laptop) -> Line:
    """The laptop's line, once it is ready."""
    return await server.welcomed()
