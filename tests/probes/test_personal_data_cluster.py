"""What programs and events say is other people's data: their messages are kept only where the environment says so."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from fixtures.kubernetes.lists import Namespace
from muster.probes import PROBES
from muster.samples import NONE, Samples, enter
from tests.probes.small_cluster import SmallCluster, container, pod, stamp, thing

pytestmark = pytest.mark.usefixtures("unhurried")
CANARY = "no such customer: jane@example.org"


@pytest.fixture(autouse=True)
def counts_again() -> Iterator[None]:
    yield
    enter(NONE)


def saved(cluster: SmallCluster, probe: str, **shows: Any) -> str:
    """What a look at the namespace saves."""
    enter(Samples.model_validate(shows))
    seen = PROBES[probe].function(Namespace(cluster.connection, None))
    return TypeAdapter(type(seen)).dump_json(seen).decode()


@pytest.mark.parametrize(("shows", "told"), [({}, False), ({"events": True}, True), ({"log_lines": 3, "values": True}, False)])
def test_messages_of_events(cluster: SmallCluster, shows: dict[str, Any], told: bool) -> None:
    about = {"kind": "Pod", "name": "web-a"}
    event = {"type": "Warning", "reason": "Unhealthy", "message": CANARY, "lastTimestamp": stamp(time.time()), "count": 2}
    cluster.put([thing("v1", "Event", "one", involvedObject=about, **event)])
    text = saved(cluster, "events", **shows)
    assert (CANARY in text) is told
    assert "Unhealthy" in text


@pytest.mark.parametrize(("shows", "told"), [({}, False), ({"log_lines": 1}, True), ({"events": True, "values": True}, False)])
@pytest.mark.parametrize("hook", [False, True], ids=["last words", "words of a hook"])
def test_last_words_of_a_program(cluster: SmallCluster, shows: dict[str, Any], told: bool, hook: bool) -> None:
    ended = {"reason": "Error", "exitCode": 1, "startedAt": stamp(time.time() - 90), "finishedAt": stamp(time.time() - 60)}
    waits = {"waiting": {"reason": "PostStartHookError", "message": CANARY}}
    made = container(state=waits) if hook else container(restarts=3, ended={**ended, "message": CANARY})
    cluster.put([pod("web-a", made)])
    text = saved(cluster, "pods", **shows)
    assert (CANARY in text) is told
    assert ("PostStartHookError" if hook else "Error") in text


def test_what_a_node_says_itself_is_told_anyway(cluster: SmallCluster) -> None:
    waits = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image web:1"}}
    cluster.put([pod("web-a", container(state=waits))])
    assert "Back-off pulling image web:1" in saved(cluster, "pods")
