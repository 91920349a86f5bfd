"""Real servers for the tests of the drill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drill.production import Production, Taken, running_production, take_all
from tests.drill.production import scratch as scratch_folder
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
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """A PostgreSQL that archives its log."""
    with running_production(tmp_path_factory.mktemp("production")) as made:
        yield made


@pytest.fixture(scope="session")
def whole(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """A base backup and its log, without a fault."""
    return take_all(production, tmp_path_factory.mktemp("taken") / "whole")


@pytest.fixture
def taken(whole: Taken, tmp_path: Path) -> Taken:
    """The same, to be damaged."""
    return whole.copy(tmp_path)


@pytest.fixture
def parent() -> Iterator[Path]:
    """Where private folders are made; nothing is left in it."""
    with scratch_folder() as folder:
        yield folder
        assert list(folder.iterdir()) == []


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
