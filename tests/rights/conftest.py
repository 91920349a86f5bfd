"""One platform for the tests of what our identities may do."""

from collections.abc import Iterator

import pytest

from sandbox.faults import builder
from sandbox.platform import Platform
from tests.rights.guarded import SYSTEM, Guarded


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The sandbox, protected."""
    with Platform(builder(SYSTEM)) as platform:
        yield Guarded(platform, tmp_path_factory.mktemp("guarded"))
