"""Prometheus on its bad days: servers that refuse, stay silent, answer nonsense, or no longer evaluate."""

import json
from typing import Any

import pytest

from muster.connections import Connection, Prometheus
from muster.kinds.prometheus import Alert, PrometheusServer
from muster.kinds.readings import Reading
from muster.probes import CouldNotLook, begin
from tests.probes.prometheus_servers import looked, readable, ready
from tests.probes.web_servers import answer, answering, closed_port, dripping, hanging, json_answer

pytestmark = pytest.mark.usefixtures("new_look")


def test_a_server_that_refuses_is_a_source_to_readings_and_a_subject_to_itself() -> None:
    url = f"http://127.0.0.1:{closed_port()}"

    assert ready(url).status.endswith("connection refused")
    with pytest.raises(CouldNotLook, match="connection refused") as caught:
        readable(url)
    assert caught.value.cause == f"prometheus {url.removeprefix('http://')}"


def test_a_server_that_replays_its_log_is_not_ready() -> None:
    with answering(answer("503 Service Unavailable", b"Service Unavailable")) as server:
        assert ready(server.url).status == 503


@pytest.mark.parametrize("where", [hanging, lambda: dripping(answer(body=b"x" * 100), 0.2)])
def test_a_silent_server_is_unknown_within_the_deadline(where: Any) -> None:
    with where() as server:
        begin(1.0)
        with pytest.raises(CouldNotLook):
            ready(server.url)
        begin(1.0)
        with pytest.raises(CouldNotLook):
            readable(server.url)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        ("200 OK", '{"status":"error","errorType":"internal","error":"no storage"}', "internal: no storage"),
        (
            "503 Service Unavailable",
            '{"status":"error","errorType":"timeout","error":"query timed out"}',
            "answers 503 timeout: query timed out",
        ),
        ("401 Unauthorized", "who are you", "answers 401 without the JSON of Prometheus: who are you"),
        ("200 OK", "<html>a login page</html>", "without the JSON of Prometheus"),
        ("302 Found", "", "answers 302"),
        (
            "200 OK",
            '{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["store x is gone"]}',
            "partial: store x is gone",
        ),
        ("200 OK", '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}', "yields a histogram"),
    ],
)
def test_an_answer_that_is_no_good_answer_is_unknown(status: str, body: str, why: str) -> None:
    with answering(json_answer(body, status)) as server, pytest.raises(CouldNotLook, match=why):
        readable(server.url)


def test_remarks_of_the_server_are_kept() -> None:
    body = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1800000000,"1"]}]},"infos":["no counter"]}'
    with answering(json_answer(body)) as server:
        seen = readable(server.url)

    assert (seen.value, seen.note, seen.at) == (1, "no counter", 1800000000)


@pytest.mark.parametrize(("value", "state"), [("1", "loaded"), ("0", "the last reload failed, an older configuration is in force")])
def test_a_failed_reload_is_seen(value: str, state: str) -> None:
    with answering(answer(body=f"# HELP x\nprometheus_config_last_reload_successful {value}\n".encode())) as server:
        entity: dict[str, Connection] = {"metrics": Prometheus.model_validate({"url": server.url})}
        assert looked("prometheus_configuration", PrometheusServer, entity).state == state


def rules_answer(**changes: Any) -> bytes:
    """One rule, evaluated at the time of the Date header unless changed."""
    rule = {
        "name": "Late",
        "query": "up",
        "type": "alerting",
        "health": "ok",
        "lastEvaluation": "2026-11-20T12:00:00Z",
        "alerts": [],
        **changes,
    }
    body = json.dumps({"status": "success", "data": {"groups": [{"name": "g", "file": "f", "interval": 30, "rules": [rule]}]}})
    return answer("200 OK", body.encode(), "Date: Fri, 20 Nov 2026 12:00:05 GMT", "Content-Type: application/json")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"lastEvaluation": "2026-11-20T11:50:00.123456789Z"}, "g/Late: last evaluated 10m4s ago, its interval is 30s"),
        ({"lastEvaluation": "0001-01-01T00:00:00Z", "health": "unknown"}, "g/Late: it has never been evaluated"),
        ({"health": "err", "lastError": "boom"}, "g/Late: its evaluation fails: boom"),
    ],
)
def test_a_rule_that_is_not_evaluated_is_named_by_the_clock_of_the_server(changes: dict[str, Any], why: str) -> None:
    with answering(rules_answer(**changes)) as server:
        connection: dict[str, Connection] = {"metrics": Prometheus.model_validate({"url": server.url})}
        assert looked("prometheus_rules", PrometheusServer, connection).failing.things == (why,)


def test_rules_are_read_once_for_all_who_ask() -> None:
    with answering(rules_answer()) as server:
        connection: dict[str, Connection] = {"metrics": Prometheus.model_validate({"url": server.url})}
        looked("prometheus_rules", PrometheusServer, connection)
        looked("alert_state", Alert, connection, alert="Late")

        assert len(server.requests) == 1


def test_no_rules_at_all_are_nothing() -> None:
    with answering(json_answer('{"status":"success","data":{"groups":[]}}')) as server:
        connection: dict[str, Connection] = {"metrics": Prometheus.model_validate({"url": server.url})}
        assert looked("prometheus_rules", PrometheusServer, connection).note == "no rule is loaded"


def test_credentials_reach_the_server_and_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "canary-51c2")
    body = '{"status":"error","errorType":"bad_data","error":"no"}'
    with answering(json_answer(body, "400 Bad Request")) as server:
        connection: dict[str, Connection] = {"metrics": Prometheus.model_validate({"url": server.url, "bearer": "env:METRICS_TOKEN"})}
        with pytest.raises(CouldNotLook) as caught:
            looked("measured", Reading, connection, promql="up", expect={"at_most": 1})

    assert "Authorization: Bearer canary-51c2" in server.requests[0]
    assert "canary" not in f"{caught.value.reason}{caught.value.cause}{caught.value.hint}"
