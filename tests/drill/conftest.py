"""A real server for the tests of the drill: sources to dump, scratch databases with a role that is no superuser."""

from collections.abc import Iterator

import pytest

from tests.drill.servers import Scratch, Server, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One PostgreSQL for all modules."""
    with running(tmp_path_factory.mktemp("drill")) as made:
        yield made


@pytest.fixture
def scratch(server: Server) -> Iterator[Scratch]:
    """An empty database of a role of its own."""
    with server.scratch() as made:
        yield made
