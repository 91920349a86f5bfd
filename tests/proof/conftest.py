"""One warm platform for all proofs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.harness import Proof, proving


@pytest.fixture(scope="session")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    """All checks, ready to run against one platform; each test breaks it in its own way."""
    with proving(Path(tmp_path_factory.mktemp("proof"))) as made:
        yield made
