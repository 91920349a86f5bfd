"""One warm platform for all proofs, and the tables of what was proven."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.groups import Outcomes
from tests.proof.harness import Proof, proving
from tests.proof.tables import Tables

TABLES = pytest.StashKey[Tables]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLES] = tables = Tables()
    config.pluginmanager.register(Notes(tables))


@pytest.fixture(scope="session")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    """All checks, ready to run against one platform; each test breaks it in its own way."""
    with proving(Path(tmp_path_factory.mktemp("proof"))) as made:
        yield made


@pytest.fixture(scope="session")
def outcomes(proof: Proof) -> Outcomes:
    """What the checks say of each fault of the system."""
    return Outcomes(proof)


class Notes:
    """Hears of every test, wherever it ran."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tables.take(report.user_properties)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[TABLES].lines():
        terminalreporter.write_line(line)
