"""One facade for all tests of this folder; each test gives it a world of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.services.running import Running, start_facade
from sandbox.world import World


@pytest.fixture(scope="session")
def shared_facade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A facade with an empty world, in a process of its own."""
    with start_facade(World(), Path(tmp_path_factory.mktemp("facade"))) as running:
        yield running


@pytest.fixture
def facade(shared_facade: Running) -> Running:
    """The facade, with nothing recorded and an empty world."""
    shared_facade.put_world(World())
    shared_facade.clear_requests()
    return shared_facade
