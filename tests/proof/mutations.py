"""The engine's rules, each switched off in one place: what a process that forks for a run does before it runs the checks.

Production code has no such switch; a mutation replaces a function of it, in the fork alone. `test_mutations.py` requires that
some proof notices each.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutation:
    """A rule that is switched off, and the faults of which at least one must then be missed or mistaken."""

    name: str
    rule: str
    apply: Callable[[], None]
    proofs: tuple[str, ...]


def _replace(place: str, make: Callable[[Any], Any]) -> None:
    """Replace `module:attribute` by what `make` makes of it."""
    name, _, attribute = place.partition(":")
    module = importlib.import_module(name)
    *path, last = attribute.split(".")
    for each in path:
        module = getattr(module, each)
    setattr(module, last, make(getattr(module, last)))


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda _function: lambda *_arguments, **_named: value


def _silence_is_health() -> None:
    _replace("muster.plugin:refuse_silence", _always(None))


def _refused_list_is_empty() -> None:
    from fixtures.kubernetes.answers import Snapshot
    from muster.probes import CouldNotLook
    from muster.units import Instant

    def make(real: Any) -> Any:
        def listed(cluster: Any, resource: Any, namespace: str) -> Any:
            try:
                return real(cluster, resource, namespace)
            except CouldNotLook:
                return Snapshot((), Instant(0), 0.0, cluster.server, namespace)

        return listed

    _replace("fixtures.kubernetes.client:_list", make)


def _sql_error_is_no_row() -> None:
    from muster.probes import CouldNotLook

    def make(real: Any) -> Any:
        def rows(*arguments: Any, **named: Any) -> Any:
            try:
                return real(*arguments, **named)
            except CouldNotLook:
                return []

        return rows

    _replace("fixtures.postgresql.client:Session.rows", make)


def _first_page_is_all() -> None:
    import orjson

    def make(real: Any) -> Any:
        def pages(cluster: Any, *arguments: Any) -> Any:
            class OnePage:
                server, cause = cluster.server, cluster.cause

                def get(self, *asked: Any, **named: Any) -> Any:
                    answer = cluster.get(*asked, **named)
                    page = orjson.loads(answer.body)
                    page["metadata"].pop("continue", None)
                    return type(answer)(orjson.dumps(page), answer.at, answer.skew)

            return real(OnePage(), *arguments)

        return pages

    _replace("fixtures.kubernetes.client:_pages", make)


def _first_pod_is_all() -> None:
    _replace("fixtures.kubernetes.workloads:live", lambda real: lambda workload, pods: real(workload, pods)[:1])


def _running_is_ready() -> None:
    from dataclasses import replace

    def make(real: Any) -> Any:
        def row(item: Any) -> Any:
            made = real(item)
            return replace(made, ready=made.phase == "Running")

        return row

    _replace("fixtures.kubernetes.lists:pod_row", make)


def _open_port_is_login() -> None:
    from fixtures.postgresql.logins import LoginSession
    from muster.probes import PROBES
    from muster.units import Duration

    def connects(login: Any) -> Any:
        import socket

        host, _, port = login.source().target().rpartition(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        return LoginSession(looked_at=1, of="sessions", succeeded=True, took=Duration(0.001))

    object.__setattr__(PROBES["login_session"], "function", connects)


def _units_are_dropped() -> None:
    import re

    def make(_real: Any) -> Any:
        def parse(cls: Any, text: str) -> Any:
            return cls(float(re.sub(r"[A-Za-z]+$", "", text)), text)

        return classmethod(parse)

    _replace("muster.units:Quantity.parse", make)


def _limit_is_assumed() -> None:
    """A limit of the server that is assumed to be what PostgreSQL comes with, and not read."""
    _replace("fixtures.postgresql.databases:SLOTS", lambda text: text.replace("current_setting('max_connections')::int", "100"))


def _names_match_nothing() -> None:
    for module in ("fixtures.prometheus.probes", "fixtures.readings.promql"):
        _replace(f"{module}:missing", _always(()))


def _missing_thing_is_fine() -> None:
    from muster.probes import Nothing

    def make(real: Any) -> Any:
        def refuse(item: Any, case: Any) -> None:
            if not any(isinstance(value, Nothing) for value in item.funcargs.values()):
                real(item, case)

        return refuse

    _replace("muster.plugin:refuse_silence", make)


def _any_cluster_will_do() -> None:
    from fixtures.kubernetes.client import Cluster

    _replace("fixtures.kubernetes.client:_opened", lambda _real: Cluster)


def _every_read_has_its_own_time() -> None:
    _replace("fixtures.web.net:Clock.left", lambda _real: lambda clock: clock.allowed)


def _clocks_agree() -> None:
    _replace("fixtures.kubernetes.moments:SKEW", lambda _real: float("inf"))


MUTATIONS = (
    Mutation("an observation of nothing passes", "1 silence is not health", _silence_is_health, ("logs-empty", "pods-gone")),
    Mutation("a list that is refused is empty", "2 an error is never lost", _refused_list_is_empty, ("kubernetes-forbidden",)),
    Mutation("a statement that fails has no rows", "2 an error is never lost", _sql_error_is_no_row, ("a table is locked",)),
    Mutation(
        "the first page of a list is all of it",
        "3 all means every page",
        _first_page_is_all,
        ("the pod that is not ready is on the second page",),
    ),
    Mutation("the first pod stands for all", "3 all means every member", _first_pod_is_all, ("pod-not-ready", "image-mixed")),
    Mutation("a pod that runs is ready", "4 readiness, not phase", _running_is_ready, ("pod-not-ready",)),
    Mutation("an open port is a login", "4 a login, not an open port", _open_port_is_login, ("application-password-rotated",)),
    Mutation("the unit of a quantity is dropped", "5 a number has its unit", _units_are_dropped, ("quota-full", "memory-limit-missing")),
    Mutation("a limit is assumed, not read", "5 limits are read from the system", _limit_is_assumed, ("connections-nearly-exhausted",)),
    Mutation("a metric that does not exist is fine", "6 a name must match", _names_match_nothing, ("rule-on-missing-metric",)),
    Mutation("a thing that does not exist is fine", "6 a name must match", _missing_thing_is_fine, ("rule-missing", "metric-absent")),
    Mutation("any cluster will do", "7 what is observed is what was declared", _any_cluster_will_do, ("we talk to another cluster",)),
    Mutation("each read has a deadline of its own", "8 one total deadline", _every_read_has_its_own_time, ("the wiki drips its page",)),
    Mutation("no clock is compared", "9 ages by the server's clock", _clocks_agree, ("the server's clock is an hour ahead",)),
)
