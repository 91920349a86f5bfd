"""The servers that the tests of pushing share."""

from collections.abc import Iterator

import pytest

from sandbox.services.pushgateway import PushgatewayServer
from tests.push.servers import Told, alertmanager


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A real Alertmanager."""
    with alertmanager(tmp_path_factory.mktemp("alertmanager")) as made:
        yield made


@pytest.fixture
def told(server: Told) -> Told:
    """A real Alertmanager that knows nothing yet."""
    return server.fresh()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushgatewayServer]:
    """A real Pushgateway."""
    made = PushgatewayServer(tmp_path_factory.mktemp("pushgateway"))
    yield made
    made.stop()
