"""Around pods: what is told of a crash loop, what is kept back unless it may be shown, and what a part that fails costs."""

import re
import time
from typing import Any

import pytest

import fixtures.follow_ups.cluster
from fixtures.follow_ups.cluster import PODS, TAIL
from muster.connections import Kubernetes
from muster.kinds.base import Entity
from muster.kinds.logs import Log
from muster.probes import CouldNotLook, begin
from sandbox.services.running import copies
from sandbox.world import Object, Trouble
from tests.probes.second_looks import around
from tests.probes.small_cluster import NAMESPACE, SmallCluster, container, ended, lines, log, pod, stamp, thing, web

pytestmark = pytest.mark.usefixtures("unhurried")
assert fixtures.follow_ups.cluster
CANARY = "customer 4711 of Main Street"
ALL = {"log_lines": 3, "events": True}
WAITS = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=web"}}


def crashing(name: str = "web-a") -> Object:
    """A pod whose container crashed two minutes ago and waits to be started again."""
    made = pod(name, container(state=WAITS, restarts=9, ended=ended(120)))
    made["status"]["containerStatuses"][0]["ready"] = False
    said = {"reason": "ContainersNotReady", "lastTransitionTime": stamp(time.time() - 900)}
    made["status"]["conditions"] = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"} | said]
    return made


def event(name: str, about: str, reason: str, kind: str = "Pod", **parts: Any) -> Object:
    """An event of ten seconds ago."""
    usual = {"type": "Warning", "message": f"about {CANARY}", "count": 1, "lastTimestamp": stamp(time.time() - 10)}
    return thing("v1", "Event", name, involvedObject={"kind": kind, "name": about}, reason=reason, **{**usual, **parts})


def told(cluster: SmallCluster, entity: Entity | None = None, **shows: Any) -> list[str]:
    """The lines around the workload, or another entity."""
    return around(cluster.bound(entity or web()), **shows)


def starting(said: list[str], start: str) -> str:
    """The one line that begins so."""
    (line,) = [line for line in said if line.startswith(start)]
    return line


@pytest.fixture
def crashed(cluster: SmallCluster) -> SmallCluster:
    """One pod of two crashes again and again."""
    texts = [f"INFO request {number}" for number in range(300)] + ["ERROR no answer", f"FATAL lost {CANARY}"]
    events = [
        event("a", "web-a", "BackOff", count=34),
        event("b", "web-a", "Unhealthy", count=2),
        event("c", "web-b", "Pulled", type="Normal"),
    ]
    logs = log("web-a", lines(*texts), previous=True) | log("web-a", lines("INFO of this instance")) | log("web-b", lines("INFO fine"))
    cluster.put([crashing(), pod("web-b"), *events], logs=logs)
    return cluster


def test_a_crash_loop_is_told_by_state_events_last_log_and_conditions(crashed: SmallCluster) -> None:
    said = told(crashed, **ALL)
    assert said[0].startswith("web-a: container web waits: CrashLoopBackOff since 2m")
    assert re.fullmatch(rf"Warning BackOff: 34 times, last \w+ ago, web-a: about {CANARY}", said[1])
    assert starting(said, "previous log of") == f"previous log of web-a/web, last {TAIL} lines: 1 fatal, 1 error, {TAIL - 2} info"
    assert [line for line in said if line.startswith("| ")] == ["| INFO request 299", "| ERROR no answer", f"| FATAL lost {CANARY}"]
    assert re.fullmatch(r"conditions of web-a: Ready False since 15m\w* \(ContainersNotReady\), True: PodScheduled", said[-1])


def test_events_come_by_reason_warnings_first_and_of_pods_in_order_warnings_alone(crashed: SmallCluster) -> None:
    found = [line.partition(":")[0] for line in told(crashed) if line.startswith(("Warning ", "Normal "))]
    assert found == ["Warning BackOff", "Warning Unhealthy"]


def test_without_a_pod_in_trouble_every_event_is_told(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a"), event("a", "web-a", "Pulled", type="Normal"), event("b", "another", "BackOff")])
    assert [line.partition(":")[0] for line in told(cluster, events=True)] == ["Normal Pulled"]


def test_events_of_what_controls_the_pods_are_among_them(cluster: SmallCluster) -> None:
    owner = {"kind": "ReplicaSet", "name": "web-7c9", "controller": True, "apiVersion": "apps/v1", "uid": "u"}
    owned = pod("web-7c9-x", labels={"app": "web", "pod-template-hash": "7c9"})
    owned["metadata"]["ownerReferences"] = [owner]
    events = [event("a", "web-7c9", "FailedCreate", kind="ReplicaSet"), event("b", "web", "Stuck", kind="Deployment")]
    cluster.put([owned, *events, event("c", "web-5f6", "FailedCreate", kind="ReplicaSet"), event("d", "other-1", "No", kind="ReplicaSet")])
    said = told(cluster, events=True)
    assert starting(said, "Warning FailedCreate").startswith("Warning FailedCreate: 2 times")
    assert starting(said, "Warning Stuck")
    assert len(said) == 2


def test_without_samples_there_are_counts_only_and_the_switches_are_named(crashed: SmallCluster) -> None:
    said = told(crashed)
    assert CANARY not in "\n".join(said)
    assert "request" not in "\n".join(said)
    assert starting(said, "previous log of").endswith(f"1 fatal, 1 error, {TAIL - 2} info")
    assert "withheld: the messages of 2 events; `samples: {events: true}` in the environment's file shows that" in said
    assert f"withheld: the text of {TAIL} log lines; `samples: {{log_lines: 3}}` in the environment's file shows that" in said


def test_the_log_is_read_from_its_end_and_bounded(crashed: SmallCluster) -> None:
    told(crashed)
    (asked,) = crashed.running.requests(subresource="log")
    assert ("previous=true" in asked["query"], f"tailLines={TAIL}" in asked["query"], "limitBytes=" in asked["query"]) == (True, True, True)
    assert {each["method"] for each in crashed.running.requests()} == {"GET"}


def test_of_long_lines_the_last_is_kept(cluster: SmallCluster) -> None:
    texts = ["INFO " + "x" * 8000] * 50 + ["FATAL the last word"]
    cluster.put([crashing()], logs=log("web-a", lines(*texts), previous=True))
    assert told(cluster, log_lines=1)[-2] == "| FATAL the last word"


def test_a_log_that_is_gone_is_no_line_and_no_error(cluster: SmallCluster) -> None:
    cluster.put([crashing()])
    assert starting(told(cluster, **ALL), "previous log of") == "previous log of web-a/web, no line"


@pytest.mark.parametrize(
    ("path", "lost"),
    [(f"/api/v1/namespaces/{NAMESPACE}/events", "events"), (f"/api/v1/namespaces/{NAMESPACE}/pods/web-a/log", "log")],
    ids=["events", "log"],
)
def test_a_part_that_is_forbidden_takes_no_other_with_it(cluster: SmallCluster, path: str, lost: str) -> None:
    logs = log("web-a", lines("FATAL x"), previous=True)
    cluster.put([crashing(), event("a", "web-a", "BackOff")], logs=logs, trouble=[Trouble(path, status=403, message="forbidden")])
    said = told(cluster, **ALL)
    assert len([line for line in said if "could not look" in line]) == 1
    assert [line for line in said if "could not look" in line and lost in line]
    assert starting(said, "conditions of web-a")
    assert any(line.startswith("Warning BackOff") for line in said) is (lost == "log")
    assert any(line.startswith("| FATAL x") for line in said) is (lost == "events")


def test_many_pods_in_trouble_are_counted_and_a_few_are_looked_at(cluster: SmallCluster) -> None:
    names = [f"web-{letter}" for letter in "abcdefg"]
    logs = {key: text for name in names for key, text in log(name, lines(*["ERROR x"] * 30), previous=True).items()}
    cluster.put([crashing(name) for name in names], logs=logs)
    said = told(cluster, log_lines=20, events=True)
    assert f"and {len(names) - PODS} other pods in trouble" in said
    assert len(cluster.running.requests(subresource="log")) == PODS
    assert len([line for line in said if line.startswith("| ")]) <= 20
    assert len([line for line in said if line.startswith("conditions of")]) == PODS


def test_without_any_pod_that_is_what_is_said(cluster: SmallCluster) -> None:
    cluster.put([pod("other", labels={"app": "other"})])
    assert told(cluster) == [f"no pod is chosen, among 1 in namespace {NAMESPACE}", "no events"]


def test_around_a_log_its_pods_speak_last(cluster: SmallCluster) -> None:
    given = {"name": "errors", "connection": "cluster", "selector": "app=web", "window": "1h", "level": "ERROR", "expect": {"records": 0}}
    entity = Log.model_validate(given)
    events = [event("a", "web-a", "Pulled", type="Normal")]
    cluster.put([pod("web-a"), *events], logs=log("web-a", lines("INFO one", f"ERROR {CANARY}", "INFO two", "INFO three")))
    said = told(cluster, entity, log_lines=2)
    assert said == ["no warnings among the events", "log of web-a/web, last 4 lines: 1 error, 3 info", f"| ERROR {CANARY}"]
    assert CANARY not in "\n".join(told(cluster, entity))


def test_around_a_log_only_its_containers_speak(cluster: SmallCluster) -> None:
    given = {"name": "errors", "connection": "cluster", "selector": "app=web", "window": "1h", "level": "ERROR", "expect": {"records": 0}}
    entity = Log.model_validate({**given, "containers": ["web"]})
    logs = log("web-a", lines("ERROR one")) | log("web-a", lines("ERROR of the proxy"), container="proxy")
    cluster.put([pod("web-a", container(), container("proxy"))], logs=logs)
    assert [line for line in told(cluster, entity, log_lines=3) if "proxy" in line] == []


def test_ten_thousand_pods_are_read_once_for_all_who_look_around(cluster: SmallCluster) -> None:
    cluster.put([crashing(), *copies(pod("web"), 10_000)], logs=log("web-a", lines("FATAL x"), previous=True))
    for _ in range(40):
        begin(5.0)
        assert told(cluster, log_lines=1)[0].startswith("web-a: ")
    pages = cluster.running.requests(resource="pods", verb="list")
    assert len({each["query"] for each in pages}) == len(pages)


def test_a_cluster_that_refuses_is_could_not_look(cluster: SmallCluster) -> None:
    cluster.put([crashing()], trouble=[Trouble("/api/v1/", status=500, message="etcd is gone")])
    assert isinstance(cluster.connection, Kubernetes)
    with pytest.raises(CouldNotLook, match="etcd is gone"):
        told(cluster)
