"""Alertmanager looked at: a real one, and servers that refuse, are silent or are something else."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.alertmanager.client import Matcher
from fixtures.once import forget
from muster.connections import Alertmanager as Connection
from muster.kinds.alertmanager import AlertmanagerServer as Entity
from muster.kinds.alertmanager import PlannedSilence
from muster.kinds.base import bind
from muster.probes import PROBES, CouldNotLook, Nothing
from sandbox.alerting import Alertmanager, ReceivedAlert, Silence
from sandbox.services.alertmanager import AlertmanagerServer
from tests.probes.web_servers import answer, answering, json_answer

pytestmark = pytest.mark.usefixtures("unhurried")
MINUTE, DAY = 60.0, 86400.0


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertmanagerServer]:
    made = AlertmanagerServer(tmp_path_factory.mktemp("alertmanager"))
    yield made
    made.stop()


def look(probe: str, url: str, **fields: Any) -> Any:
    """What a probe sees of the server at a URL."""
    forget()
    kind = PlannedSilence if "covers" in fields else Entity
    made = bind(kind.model_validate({"name": "am", "connection": "it", **fields}), "shop/staging", {"it": Connection(url=url)})  # type: ignore[arg-type]
    return PROBES[probe].function(made)


def become(real: AlertmanagerServer, *alerts: ReceivedAlert, silences: tuple[Silence, ...] = (), **fields: Any) -> str:
    """The URL of a server that holds these."""
    real.apply(Alertmanager(list(alerts), list(silences), **fields), time.time())
    return f"http://127.0.0.1:{real.port}"


def alert(name: str, severity: str, minutes: float, **labels: str) -> ReceivedAlert:
    return ReceivedAlert({"alertname": name, **({"severity": severity} if severity else {}), **labels}, started=minutes * MINUTE)


def test_a_server_says_who_it_is_and_how_it_stands(real: AlertmanagerServer) -> None:
    url = become(real)

    assert look("alertmanager_readiness", url).status == 200
    assert look("alertmanager_configuration", url).state == "loaded"
    cluster = look("alertmanager_cluster", url)
    assert (cluster.status, cluster.peers) == ("ready", 1)
    assert cluster.seen.startswith(f"alertmanager 127.0.0.1:{real.port} 0")


def test_a_peer_is_counted_and_named_until_it_leaves(real: AlertmanagerServer) -> None:
    url, process = become(real, peers=1), real.pid
    both = look("alertmanager_cluster", url)

    become(real)

    assert real.pid == process
    alone = look("alertmanager_cluster", url)
    assert (both.status, both.peers, alone.status, alone.peers) == ("ready", 2, "ready", 1)
    own = alone.note.removeprefix("in its cluster: ")
    assert own.startswith("127.0.0.1:")
    assert both.note.startswith(f"in its cluster: {own}, 127.0.0.1:")


def test_who_comes_back_is_told_nothing_of_before(real: AlertmanagerServer) -> None:
    become(real, silences=(Silence(["alertname=Acknowledged"]),), peers=1)

    assert look("alert_silences", become(real, peers=1)).note == "0 silences in force or to come"


def test_what_waits_is_measured_by_its_severity_and_by_who_has_answered(real: AlertmanagerServer) -> None:
    silenced = Silence(["alertname=Acknowledged"])
    url = become(
        real, alert("Young", "critical", 4), alert("Old", "critical", 6.5, service="web"), alert("Warned", "warning", 119),
        alert("Forgotten", "warning", 121), alert("Nameless", "", 10.5), alert("Acknowledged", "critical", 600),
        alert("Watchdog", "none", 9999), alert("test_x", "P0", 9999, reporter="muster"), silences=(silenced,),
    )  # fmt: skip

    seen = look("received_alerts", url)

    assert [each.partition("{")[0] for each in seen.waiting.things] == ["Forgotten", "Nameless", "Old"]
    assert "Old{service=web} P0 (critical) waits for 6m" in seen.waiting.things[2]
    assert "Nameless{} P0 (no severity) waits for 10m" in seen.waiting.things[1]
    assert "Watchdog" in seen.active
    assert "Acknowledged" not in seen.active
    assert seen.note == "8 alerts here, 1 silenced or inhibited"
    patient = look("received_alerts", url, respond_within={"P0": "1h"}, priorities={"critical": "P0", "warning": "P3"})
    assert [each.partition("{")[0] for each in patient.waiting.things] == []


def test_silences_that_never_end_or_cover_everything_are_found(real: AlertmanagerServer) -> None:
    silences = (
        Silence(["service=web"]), Silence(["alertname=Slow"], lasts=40 * DAY), Silence(['alertname=~".+"', "severity!=none"]),
        Silence(['alertname=~"Disk.*"']),
    )  # fmt: skip
    seen = look("alert_silences", become(real, silences=silences))

    assert [each.partition(" by ")[0] for each in seen.endless.things] == ["{alertname=Slow}"]
    assert [each.partition(" by ")[0] for each in seen.of_everything.things] == ["{alertname=~.+, severity!=none}"]


def test_only_a_silence_of_these_labels_that_begins_in_time_announces(real: AlertmanagerServer) -> None:
    silences = (
        Silence(["service=web"], begins=2 * DAY), Silence(["service=web", "severity=warning"]), Silence(["service=shop"]),
        Silence(['alertname=~".+"']), Silence(['service=~"web|api"'], begins=3600.0),
    )  # fmt: skip
    url = become(real, silences=silences)

    def announced(**fields: Any) -> list[str]:
        return [each.partition(" by ")[0] for each in look("announced_silences", url, **fields).announced.things]

    assert announced(covers={"service": "web"}) == ["{service=~web|api}"]
    assert len(announced(covers={"service": "web"}, ahead="72h")) == 2
    assert len(announced(covers={"service": "web", "severity": "warning"})) == 2
    assert announced(covers={"service": "database"}) == []


@pytest.mark.parametrize(
    ("value", "is_regex", "is_equal", "takes"),
    [
        ("web", False, True, {"web"}), ("web", False, False, {"api", ""}), ("w.*", True, True, {"web"}), ("w.*", True, False, {"api", ""}),
        ("", False, True, {""}), ("[[:alpha:]+", True, True, set()), ("(", True, False, set()), ("(.+)+x", True, False, set()),
    ],
)  # fmt: skip
def test_a_matcher_takes_what_the_server_would(value: str, is_regex: bool, is_equal: bool, takes: set[str]) -> None:
    assert {each for each in ("web", "api", "") if Matcher("service", value, is_regex, is_equal).takes(each)} == takes


PROBED = ("alertmanager_configuration", "alertmanager_cluster", "received_alerts", "alert_silences")


@pytest.mark.parametrize("probe", PROBED)
def test_a_server_that_refuses_is_a_source_that_does_not_let_us_look(probe: str) -> None:
    with answering(answer("403 Forbidden", b"no")) as server, pytest.raises(CouldNotLook, match="answers 403: no") as refused:
        look(probe, server.url)

    assert refused.value.cause == f"alertmanager {server.host}:{server.port}"
    assert "credential" in refused.value.hint


@pytest.mark.parametrize("body", ["{}", "[1", "<html>", '{"cluster": 1}'])
@pytest.mark.parametrize("probe", PROBED)
def test_a_server_that_is_something_else_is_never_green(probe: str, body: str) -> None:
    with answering(json_answer(body)) as server:
        try:
            seen = look(probe, server.url)
        except CouldNotLook:
            return
    assert isinstance(seen, Nothing)


def test_a_closed_port_is_violated_for_the_server_and_unknown_for_all_else() -> None:
    assert look("alertmanager_readiness", "http://127.0.0.1:9").status.endswith("connection refused")
    with pytest.raises(CouldNotLook, match="refused"):
        look("received_alerts", "http://127.0.0.1:9")
