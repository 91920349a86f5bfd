"""Two hundred targets take as long as the slowest of them, not as long as their sum, and no host bears more than its cap.

Times are compared with times of the same run, never with a clock on the wall, and what decides is the median of several
rounds. Where the look is measured against plain http.client, both take turns: what the machine does meanwhile hits both.
"""

import http.client
import ssl
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

import fixtures.web.endpoints  # noqa: F401 - registers the probe
from fixtures.web import trust
from muster.connections import Connection, Reach
from muster.kinds.base import bind
from muster.kinds.web import Endpoint
from muster.probes import PROBES, Call
from muster.store import Outcome, Store
from sandbox.services.certificates import Authority
from sandbox.world import Served
from tests.latency import Latency, latency

TARGETS = 200
DELAY = 0.1
ROUNDS = 5


@pytest.fixture(scope="module")
def plain() -> Iterator[Latency]:
    with latency([DELAY] * TARGETS) as running:
        yield running


def calls(urls: list[str], **settings: object) -> list[Call]:
    """A call for each address, each through a connection of its own."""
    reached: dict[str, Connection] = {
        f"api-{n}": Reach.model_validate({"http": {"url": url, **settings}}).connection for n, url in enumerate(urls)
    }
    made = [bind(Endpoint.model_validate({"name": name, "url": f"${{{name}}}/"}), "shop/wave", reached) for name in reached]
    return [Call.of(PROBES["page"], {"endpoint": endpoint}) for endpoint in made]


def looked(wanted: list[Call]) -> tuple[float, list[Outcome]]:
    """Seconds that a look took, and its outcomes, in order; all must be good."""
    store = Store()
    began = time.monotonic()
    store.look(wanted)
    took = time.monotonic() - began
    outcomes = [store.outcomes[call.key] for call in wanted]
    assert [outcome.get().status for outcome in outcomes] == [200] * len(wanted)
    return took, outcomes


def side_by_side(urls: list[str], ask: Callable[[str], None]) -> float:
    """Seconds that it takes to ask each in a thread of its own."""
    threads = [threading.Thread(target=ask, args=(url,)) for url in urls]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def bare(url: str) -> None:
    """The same request by the standard library's client alone."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=60)
    connection.request("GET", "/")
    assert connection.getresponse().read()
    connection.close()


def test_two_hundred_slow_endpoints_take_less_than_twice_the_slowest_of_them(plain: Latency) -> None:
    wanted = calls(plain.urls)
    shares = []
    for _ in range(ROUNDS):
        took, outcomes = looked(wanted)
        shares.append(took / max(outcome.took for outcome in outcomes))

    assert statistics.median(shares) <= 2
    assert plain.counted()["answers"] == TARGETS * ROUNDS


def test_looking_adds_little_to_asking(plain: Latency) -> None:
    """Each call's own time includes waiting for its turn on the processor; this comparison does not care how that is shared out."""
    wanted = calls(plain.urls)
    rounds = [(looked(wanted)[0], side_by_side(plain.urls, bare)) for _ in range(ROUNDS)]

    assert statistics.median(look / alone for look, alone in rounds) <= 1.5


def test_one_slow_endpoint_of_two_hundred_delays_nobody() -> None:
    with latency([2.0] + [DELAY] * (TARGETS - 1)) as running:
        rounds = [looked(calls(running.urls)) for _ in range(3)]

    assert statistics.median(took / outcomes[0].took for took, outcomes in rounds) <= 1.12
    assert statistics.median(max(each.took for each in outcomes[1:]) / outcomes[0].took for _, outcomes in rounds) <= 0.5


@pytest.mark.parametrize("cap", [1, 7])
def test_a_host_never_bears_more_connections_than_its_cap(cap: int) -> None:
    with latency([DELAY]) as running:
        looked(calls(running.urls * 20, at_once=cap))

        assert running.counted() == {"peak": cap, "answers": 20}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Latency, str]]:
    """TLS servers, and the system's whole bundle with their authority in it."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    bundle = folder / "bundle.pem"
    bundle.write_bytes(Path(trust.system_bundle()).read_bytes() + authority.ca_file.read_bytes())
    issued = authority.issue("wave", Served())
    served = folder / "served.pem"
    served.write_bytes(issued.chain.read_bytes() + issued.key.read_bytes())
    with latency([DELAY] * TARGETS, served) as running:
        yield running, str(bundle)


def test_all_endpoints_share_one_context_with_the_whole_bundle(secured: tuple[Latency, str], monkeypatch: pytest.MonkeyPatch) -> None:
    servers, bundle = secured
    read: list[str] = []
    plainly = ssl.SSLContext.load_verify_locations
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda context, path: (read.append(path), plainly(context, path)))
    trust._context.cache_clear()
    looked(calls(servers.urls, ca=bundle))
    looked(calls(servers.urls, ca=bundle))

    assert read == [bundle]


def test_over_tls_a_look_takes_an_eighth_of_what_requests_takes(secured: tuple[Latency, str]) -> None:
    """In time of the processor, because that is what two hundred at once compete for; the bundle is read anew in each round."""
    servers, bundle = secured
    few = servers.urls[:40]

    def theirs(url: str) -> None:
        assert requests.get(f"{url}/", verify=bundle, timeout=60).status_code == 200

    def spent(doing: Callable[[], object]) -> float:
        began = time.process_time()
        doing()
        return time.process_time() - began

    shares = []
    for _ in range(3):
        trust._context.cache_clear()
        ours = spent(lambda: looked(calls(servers.urls, ca=bundle))) / len(servers.urls)
        shares.append(spent(lambda: side_by_side(few, theirs)) / len(few) / ours)

    assert statistics.median(shares) >= 8
