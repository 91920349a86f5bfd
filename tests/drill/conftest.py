"""A real server for the tests of the drill: sources to dump, scratch databases with a role that is no superuser."""

from collections.abc import Iterator

import pytest

from tests.drill.rich import OWNERS, ROLES, STATEMENTS
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


@pytest.fixture(scope="session")
def source(server: Server) -> Iterator[str]:
    """A database with the rich schema, whose maker was a superuser then."""
    with server.admin() as admin:
        for statement in (*ROLES, "ALTER ROLE maker SUPERUSER"):
            admin.execute(statement)
        with server.database("SET SESSION AUTHORIZATION maker", *STATEMENTS) as name:
            admin.execute("ALTER ROLE maker NOSUPERUSER")
            yield name


@pytest.fixture
def target(server: Server, source: str) -> Iterator[Scratch]:
    """An empty database of a role that is a member of all owners of the source."""
    with server.scratch(*OWNERS) as made:
        yield made
