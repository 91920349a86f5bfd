"""One look of ours in a process of its own; see `tests.bench.processes.tell`."""

import importlib
from collections.abc import Callable
from typing import Any

from fixtures.kubernetes.lists import Namespace
from muster.connections import Connection, Reach
from muster.kinds.base import Entity, bind
from muster.kinds.logs import Log
from muster.kinds.web import Endpoint
from muster.probes import PROBES, Call
from muster.store import Outcome, Store
from tests.bench import bulk
from tests.bench.others import named
from tests.bench.processes import tell


def look(calls: list[Call]) -> list[Outcome]:
    """The outcomes of a look, in order."""
    store = Store()
    store.look(calls)
    return [store.outcomes[call.key] for call in calls]


def connected(**settings: Any) -> Connection:
    """A connection as an environment file declares it."""
    return Reach.model_validate(settings).connection


def cluster(url: str) -> Connection:
    """The stand-in."""
    importlib.import_module("kubernetes.client")
    importlib.import_module("fixtures.kubernetes.pool")
    return connected(kubernetes={"server": url, "token": "env:HOME", "namespace": "shop"})


def our_pods(url: str) -> Callable[[], Any]:
    """The probe that lists pods."""
    importlib.import_module("fixtures.kubernetes.lists")
    scope = Namespace(cluster(url), "*")  # type: ignore[arg-type]  # it is a Kubernetes connection
    wanted = [Call.of(PROBES["pods"], {"namespace": scope})]

    def judged() -> Any:
        rows = look(wanted)[0].get().rows
        return named((row.name, row.ready, sum(each.restarts for each in row.containers)) for row in rows)

    return judged


def our_log(url: str, expression: str = "") -> Callable[[], Any]:
    """The probe that counts records; with an `expression`, those with the literal that match it."""
    importlib.import_module("fixtures.logs.counting")
    fields = {
        "name": "exhausted",
        "connection": "cluster",
        "selector": "app=shop",
        "containers": ["app"],
        "contains": bulk.LITERAL,
        "expect": {"records": 0},
    }
    log = Log.model_validate({**fields, **({"matches": expression} if expression else {}), "timeout": "10m"})
    wanted = [Call.of(PROBES["log_count"], {"log": bound(log, cluster(url), "cluster")})]

    def counted() -> Any:
        return int(look_long(wanted).matched)

    return counted


def look_long(wanted: list[Call]) -> Any:
    """What one call sees that may take longer than a look usually does."""
    store = Store()
    store.look(wanted, overall=600.0)
    return store.outcomes[wanted[0].key].get()


def our_wave(urls: list[str], bundle: str = "", at_once: int = 0) -> Callable[[], Any]:
    """The probe that asks endpoints, all in one look; with `at_once`, that is the cap of each host."""
    importlib.import_module("fixtures.web.endpoints")
    settings: dict[str, Any] = {**({"ca": bundle} if bundle else {}), **({"at_once": at_once} if at_once else {})}
    reached = {f"api-{n}": connected(http={"url": url, **settings}) for n, url in enumerate(urls)}
    made = [bound(Endpoint.model_validate({"name": name, "url": f"${{{name}}}/"}), reached[name], name) for name in reached]
    wanted = [Call.of(PROBES["page"], {"endpoint": endpoint}) for endpoint in made]
    return lambda: [outcome.get().status for outcome in look(wanted)]


def bound(entity: Entity, connection: Connection, name: str) -> Any:
    """The entity with its connection."""
    return bind(entity, "bench/loopback", {name: connection})


if __name__ == "__main__":
    tell(our_pods, our_log, our_wave)
