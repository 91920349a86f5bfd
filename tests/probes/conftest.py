"""The servers that the tests of one module share, and the deadline of each test."""

import time
from collections.abc import Iterator

import pytest

from fixtures.once import forget
from muster import samples
from muster.connections import Connection
from muster.probes import begin
from sandbox.services.running import Running, start_facade
from sandbox.world import World
from tests.probes.bucket_servers import Server as BucketServer
from tests.probes.bucket_servers import running_buckets
from tests.probes.database_servers import Server, running_server
from tests.probes.prometheus_servers import running
from tests.probes.real_cluster import CLUSTERS, AnyCluster, real_cluster
from tests.probes.small_cluster import SmallCluster, small_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCluster]:
    """The sandbox's Kubernetes API, to be filled by `put`."""
    with small_cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module", params=CLUSTERS)
def any_cluster(request: pytest.FixtureRequest) -> Iterator[AnyCluster]:
    """`cluster`, and the real one too when MUSTER_TEST_KUBECONFIG is set."""
    if request.param == "sandbox":
        yield request.getfixturevalue("cluster")
        return
    with real_cluster() as made:
        yield made


@pytest.fixture(scope="module")
def facade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The sandbox's stand-ins in an empty world."""
    with start_facade(World(), tmp_path_factory.mktemp("facade")) as started:
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real PostgreSQL, healthy, and the passwords of its users in the environment."""
    with running_server(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture
def healthy(server: Server) -> Iterator[Server]:
    """The server as its world says, before the test and after it; nothing is done where it is so already."""
    server.become()
    yield server
    server.become()


@pytest.fixture(scope="module")
def connections() -> Iterator[dict[str, Connection]]:
    """A real Prometheus with a cluster beside it."""
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def buckets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    """A bucket in moto, empty, and our keys for it in the environment."""
    with running_buckets(tmp_path_factory.mktemp("buckets"), time.time()) as made:
        yield made


@pytest.fixture
def unhurried() -> None:
    """A deadline of its own for each test."""
    begin(60)


@pytest.fixture
def shown() -> Iterator[None]:
    """Other people's data may be shown."""
    samples.enter(samples.Samples(log_lines=3, values=True, events=True))
    yield
    samples.enter(samples.NONE)


@pytest.fixture
def new_look(unhurried: None) -> None:
    """Nothing is known that an earlier test has seen."""
    forget()
