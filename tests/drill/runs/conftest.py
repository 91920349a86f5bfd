"""One sandbox with a scratch server for all these tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drill.runs.harness import Drills, drilling
from tests.probes.web_servers import closed_port


@pytest.fixture(scope="session")
def sandboxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drills]:
    """The sandbox, for all modules."""
    with drilling(Path(tmp_path_factory.mktemp("drills")), f"http://127.0.0.1:{closed_port()}/health?deep=1") as made:
        yield made


@pytest.fixture
def drills(sandboxed: Drills) -> Iterator[Drills]:
    """The sandbox; whatever a test does, no drill leaves anything in it, nor anything in production."""
    before = sandboxed.fingerprint()
    yield sandboxed
    assert sandboxed.left() == []
    assert sandboxed.fingerprint() == before
