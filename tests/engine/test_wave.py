"""Two hundred targets take as long as the slowest of them, not as long as their sum."""

import time
from pathlib import Path

import pytest

import fixtures.web.endpoints
from muster.kinds.base import bind
from muster.kinds.web import Endpoint
from muster.probes import PROBES, Call
from muster.store import Store
from sandbox.services.running import start_facade
from sandbox.world import Route, Site, World

TARGETS = 200


@pytest.fixture(scope="module")
def facade(tmp_path_factory):
    sites = {f"site-{n}": Site(routes={"/": Route(json={"status": "healthy"}, delay=0.1)}) for n in range(TARGETS)}
    with start_facade(World(sites=sites), Path(tmp_path_factory.mktemp("facade"))) as running:
        yield running


def test_two_hundred_slow_endpoints_are_looked_at_side_by_side(facade):
    assert fixtures.web.endpoints.page is not None  # registers the probe
    urls = facade.addresses["sites"]
    endpoints = [bind(Endpoint.model_validate({"name": name, "url": f"{url}/"}), "shop/wave", {}) for name, url in urls.items()]
    store = Store()

    began = time.monotonic()
    store.look([Call.of(PROBES["page"], {"endpoint": endpoint}) for endpoint in endpoints])
    took = time.monotonic() - began

    outcomes = store.outcomes.values()
    assert [outcome.get().status for outcome in outcomes] == [200] * TARGETS
    assert took < sum(outcome.took for outcome in outcomes) / 10
    assert len(facade.requests()) == TARGETS
