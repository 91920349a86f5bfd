"""Prometheus, its rules, alerts, targets and readings: against a real server with a day of history, and stand-ins for its bad days."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

import fixtures.prometheus
import fixtures.readings  # noqa: F401 - registers its probes
from fixtures.once import forget
from fixtures.prometheus_client import query
from muster.connections import Connection, Kubernetes, Prometheus
from muster.kinds.base import Entity, bind
from muster.kinds.prometheus import Alert, AlertRule, PrometheusServer, ScrapeTarget
from muster.kinds.readings import Reading
from muster.probes import PROBES, CouldNotLook, Nothing, begin
from sandbox.platform import Platform
from sandbox.world import Cluster, Metrics, Object, Series, World
from tests.probes.web_servers import answer, answering, dripping, hanging, json_answer

DAY = 2 * 86400
PODS = ("web-a", "web-b")
RULES: list[Object] = [
    {"alert": "Failing", "expr": "sum(rate(errors_total[5m])) > 100", "annotations": {"runbook_url": "https://wiki"}},
    {"alert": "Busy", "expr": "requests_total > 0", "labels": {"severity": "page"}, "annotations": {"summary": "busy"}},
    {"alert": "Broken", "expr": 'requests_total * on (job) group_left () (requests_total or label_replace(up, "x", "y", "", ""))'},
    {"alert": "Blind", "expr": "requests_count > 0 and errors_total > 1"},
    {"record": "job:requests:rate", "expr": "sum by (job) (rate(requests_total[5m]))"},
]


def metrics() -> Metrics:
    """Two pods that are scraped and one target that is down; errors in one pod only; a queue that halved half an hour ago."""
    series = [Series("requests_total", {}, "counter", {DAY: 2.0}, pod) for pod in PODS]
    series += [Series("errors_total", {}, "counter", {DAY: 0.1}, PODS[0]), Series("idle", {}, value={DAY: 0.0}, target=PODS[0])]
    series += [Series("queue", {}, value={DAY: 100.0, 1800: 50.0}, target=PODS[0]), Series("undefined", {}, value={DAY: float("nan")}, target=PODS[0])]
    series += [Series("share", {"disk": disk}, value={DAY: value}, target=PODS[0]) for disk, value in (("a", 0.2), ("b", 0.97))]
    series += [Series("devices", {"device": name}, value={DAY: 1.0}, target=PODS[0], until=gone) for name, gone in (("a", 0), ("b", 900))]
    series += [Series("lost", {"device": "x"}, value={DAY: 1.0}, target=PODS[0], until=900)]
    targets = {pod: {"job": "web", "pod": pod} for pod in PODS} | {"web-down": {"job": "sick", "pod": "web-down"}}
    return Metrics(series=series, targets=targets, silent=["web-down"], rules=[{"name": "web", "rules": RULES}])


def pod(name: str, phase: str = "Running", **metadata: Any) -> Object:
    """One pod of the cluster."""
    made = {"name": name, "namespace": "web", "uid": name, "labels": {"app": "web"}, "creationTimestamp": "2026-01-01T00:00:00Z", **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": {"containers": []}, "status": {"phase": phase}}


def world(now: float) -> World:
    """Three pods that run, one that is done, one that is about to end."""
    leaving = pod("web-leaving", deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=30)
    pods = [*(pod(name) for name in (*PODS, "web-c")), pod("web-done", "Succeeded"), leaving]
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]
    return World(metrics=metrics(), cluster=Cluster(objects=pods, tokens={"reader": list(everything)}, namespace="web"))


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with Platform(world, {"prometheus", "kubernetes"}) as running:
        if "prometheus" in running.not_provided:
            pytest.skip(running.not_provided["prometheus"])
        yield running


@pytest.fixture
def connections(platform: Platform) -> dict[str, Connection]:
    return {
        "metrics": Prometheus.model_validate({"url": platform.addresses["SANDBOX_PROMETHEUS_URL"]}),
        "cluster": Kubernetes.model_validate({"kubeconfig": platform.addresses["SANDBOX_KUBECONFIG"]}),
    }


@pytest.fixture(autouse=True)
def new_look() -> None:
    forget()
    begin(60.0)


Look = Callable[..., Any]


@pytest.fixture
def look(connections: dict[str, Connection]) -> Look:
    """Ask a probe about an entity of the real server; whatever it says survives being saved."""

    def ask(probe: str, kind: type[Entity], **declared: Any) -> Any:
        return looked(probe, kind, connections, **declared)

    return ask


@pytest.fixture
def read(look: Look) -> Look:
    """Take a reading of the real server."""
    return lambda **declared: look("measured", Reading, **{"expect": {"at_most": 1}, **declared})


def looked(probe: str, kind: type[Entity], connections: dict[str, Connection], **declared: Any) -> Any:
    entity = bind(kind.model_validate({"name": "x", "connection": "metrics", **declared}), "web/test", connections)
    seen = PROBES[probe].function(entity)
    adapter = TypeAdapter(type(seen))
    assert adapter.validate_json(json.dumps(adapter.dump_python(seen, mode="json")), context="saved") is not None
    return seen


def readable(url: str, **declared: Any) -> Any:
    """Take a reading of another server."""
    stand_in: dict[str, Connection] = {"metrics": Prometheus.model_validate({"url": url})}
    return looked("measured", Reading, stand_in, **{"promql": "up", "expect": {"at_most": 1}, **declared})


def ready(url: str) -> Any:
    return looked("prometheus_readiness", PrometheusServer, {"metrics": Prometheus.model_validate({"url": url})})


def test_one_series_is_one_value(read: Look) -> None:
    seen = read(promql="sum(rate(requests_total[${window}]))", window="5m")

    assert seen.highest == pytest.approx(4.0, rel=0.2)
    assert (seen.looked_at, seen.of, len(seen.values)) == (1, "series", 1)
    assert abs(seen.at - time.time()) < 60


def test_a_scalar_is_one_value(read: Look) -> None:
    assert read(promql="scalar(queue) + 1").value == 51


def test_each_series_carries_its_name(read: Look) -> None:
    seen = read(promql="share", each="disk", expect={"at_most": "80%"})

    assert str(seen.highest) == "97% (disk=b)"
    assert str(seen.lowest) == "20% (disk=a)"
    assert seen.looked_at == 2


def test_several_series_without_a_word_about_it_are_unknown(read: Look) -> None:
    with pytest.raises(CouldNotLook, match="2 series .* aggregate them, or say each: <label>"):
        read(promql="share")


@pytest.mark.parametrize(("each", "why"), [("nothing", "has no label nothing"), ("job", "several series with job=web")])
def test_a_label_that_does_not_tell_series_apart_is_unknown(read: Look, each: str, why: str) -> None:
    with pytest.raises(CouldNotLook, match=why):
        read(promql="share", each=each)


def test_no_series_is_nothing_and_names_the_metric_that_is_gone(read: Look) -> None:
    seen = read(promql="sum(rate(requests_counted[5m])) / sum(rate(requests_total[5m]))")

    assert isinstance(seen, Nothing)
    assert seen.note == "no series: requests_counted does not exist now, or no longer"


def test_a_series_that_ended_is_nothing(read: Look) -> None:
    assert read(promql="lost").note == "no series: lost does not exist now, or no longer"


def test_a_label_that_matches_nothing_is_nothing(read: Look) -> None:
    assert "labels, matching or a comparison leave nothing" in read(promql='queue{pod="web-z"}').note


def test_no_series_may_be_acceptable(read: Look) -> None:
    seen = read(promql="queue > 1e9", allow_empty=True)

    assert (seen.looked_at, seen.values) == (0, ())
    assert seen.highest <= 0 <= seen.lowest


@pytest.mark.parametrize("promql", ["undefined", "queue / idle", "-queue / idle", "idle / idle"])
def test_no_limit_holds_for_what_is_no_number(read: Look, promql: str) -> None:
    seen = read(promql=f"sum({promql})")

    assert not seen.highest <= 1e12
    assert not seen.lowest >= -1e12
    assert str(seen.highest).startswith("no number (")


def test_a_share_of_two_expressions(read: Look) -> None:
    seen = read(ratio={"of": "sum(rate(errors_total[5m]))", "over": "sum(rate(requests_total[5m]))"}, expect={"at_most": "1%"})

    assert seen.highest == pytest.approx(0.025, rel=0.3)
    assert str(seen.highest).endswith("%")


def test_a_part_that_is_absent_violates_and_is_named(read: Look) -> None:
    seen = read(ratio={"of": "sum(rate(error_count[5m]))", "over": "sum(rate(requests_total[5m]))"})

    assert str(seen.highest) == "no number (no series for the part)"
    assert seen.note == "error_count does not exist now, or no longer"


def test_a_part_that_is_absent_may_be_zero(read: Look) -> None:
    ratio = {"of": "sum by (pod) (rate(errors_total[5m]))", "over": "sum by (pod) (rate(requests_total[5m]))"}
    strict, lenient = read(ratio=ratio, each="pod"), read(ratio={**ratio, "when_of_absent": 0}, each="pod")

    assert str(strict.highest) == "no number (pod=web-b: no series for the part)"
    assert [value.series for value in lenient.values] == ["pod=web-a", "pod=web-b"]
    assert lenient.lowest == 0


def test_an_absent_whole_is_nothing(read: Look) -> None:
    seen = read(ratio={"of": "sum(rate(errors_total[5m]))", "over": "sum(rate(request_count[5m]))", "when_of_absent": 0})

    assert isinstance(seen, Nothing)
    assert "request_count" in seen.note


@pytest.mark.parametrize(("when", "holds"), [("violated", False), ("holds", True)])
def test_a_whole_of_zero_is_what_the_file_says(read: Look, when: str, holds: bool) -> None:
    seen = read(ratio={"of": "sum(idle)", "over": "sum(idle)", "when_over_zero": when})

    assert (seen.highest <= 0.01) is holds
    assert (seen.lowest >= 0.99) is holds
    assert seen.looked_at == 1


def test_a_value_is_compared_with_its_past(read: Look) -> None:
    seen = read(promql="sum(queue)", expect={"compared_to": {"offset": "1h", "at_least": "80%"}})

    (earlier,) = seen.earlier
    assert earlier.shares == (0.5,)
    assert str(earlier.shares[0]) == "50% (50 now, 100 then)"


def test_a_series_that_vanished_has_fallen_to_nothing(read: Look) -> None:
    seen = read(promql="devices", each="device", expect={"compared_to": {"offset": "1h", "at_least": "80%"}})

    assert [value.series for value in seen.values] == ["device=a"]
    assert sorted(map(str, seen.earlier[0].shares)) == ["0% (device=b: gone now, 1 then)", "100% (device=a: 1 now, 1 then)"]


def test_without_a_past_there_is_nothing_to_compare_with(read: Look) -> None:
    seen = read(promql="sum(queue)", expect={"compared_to": {"offset": "5d", "at_least": "80%"}})

    assert (seen.earlier[0].shares, seen.earlier[0].note) == ((), "no series 5d ago")


def test_a_moment_has_an_age_on_the_clock_of_the_server(read: Look) -> None:
    seen = read(promql="time() - 300", expect={"newer_than": "10m"})

    assert seen.age == pytest.approx(300, abs=2)
    assert str(seen.age).startswith("5m")


def test_a_moment_in_the_future_has_no_age(read: Look) -> None:
    seen = read(promql="time() + 7200", expect={"newer_than": "10m"})

    assert not seen.age <= 600
    assert str(seen.age) == "no number (2h in the future)"


def test_samples_that_are_too_old_are_no_answer(read: Look) -> None:
    late = read(promql="sum(queue)", oldest_sample="1ms")
    assert isinstance(late, Nothing)
    assert late.note.startswith("the newest sample of queue is ")
    assert read(promql="sum(queue)", oldest_sample="4m").value == 50


@pytest.mark.parametrize(
    ("promql", "why"),
    [
        ("sum(rate(requests_total[5m])", "parse error"),
        ("requests_total[5m]", "yields a matrix, not numbers"),
        ('"text"', "yields a string, not numbers"),
        ("requests_total * on (job) requests_total", "many-to-many"),
    ],
)
def test_an_expression_that_cannot_be_evaluated_is_unknown(read: Look, promql: str, why: str) -> None:
    with pytest.raises(CouldNotLook, match=why) as caught:
        read(promql=promql)

    assert caught.value.cause.endswith(": expression")


def test_braces_and_brackets_reach_the_server_as_they_are(connections: dict[str, Connection]) -> None:
    server = connections["metrics"]
    assert isinstance(server, Prometheus)

    found = query(server, 'label_replace(vector(1), "odd", "a+b&c=%{}[]#é", "", "")')

    assert found.series[0].labels == {"odd": "a+b&c=%{}[]#é"}


def test_a_real_server_is_ready_and_runs_its_configuration(look: Look) -> None:
    assert look("prometheus_readiness", PrometheusServer).status == 200
    assert look("prometheus_configuration", PrometheusServer).state == "loaded"


def test_failing_rules_and_rules_without_a_runbook_are_named(look: Look) -> None:
    seen = look("prometheus_rules", PrometheusServer)

    assert (seen.looked_at, seen.alerting) == (5, 4)
    assert [text.partition(":")[0] for text in seen.failing.things] == ["web/Broken"]
    assert seen.without_runbook.things == ("web/Busy", "web/Broken", "web/Blind")


def test_other_annotations_may_count_as_a_runbook(look: Look) -> None:
    seen = look("prometheus_rules", PrometheusServer, runbook_annotations=["summary", "runbook_url"])

    assert seen.without_runbook.things == ("web/Broken", "web/Blind")


@pytest.mark.parametrize("rule", ["Failing", "job:requests:rate"])
def test_a_rule_on_metrics_that_exist_evaluates(look: Look, rule: str) -> None:
    assert look("alert_rule_health", AlertRule, rule=rule).state == "ok"


def test_a_rule_that_fails_says_why(look: Look) -> None:
    assert "its evaluation fails" in look("alert_rule_health", AlertRule, rule="Broken").state


def test_a_rule_on_a_missing_metric_names_it(look: Look) -> None:
    seen = look("alert_rule_health", AlertRule, rule="Blind")

    assert seen.state == "requests_count has no series"
    assert seen.metrics == ("requests_count", "errors_total")


def test_a_metric_may_be_declared_to_be_absent(look: Look) -> None:
    assert look("alert_rule_health", AlertRule, rule="Blind", may_be_absent=["requests_count"]).state == "ok"


def test_a_rule_that_is_not_loaded_is_nothing(look: Look) -> None:
    missing, elsewhere = look("alert_rule_health", AlertRule, rule="Gone"), look("alert_rule_health", AlertRule, rule="Failing", group="other")

    assert missing.note == "no rule named Gone among 5 rules in 1 group"
    assert isinstance(elsewhere, Nothing)


def test_a_silent_alert_with_a_rule_is_not_firing(look: Look) -> None:
    seen = look("alert_state", Alert, alert="Failing")

    assert (seen.looked_at, seen.firing) == (1, 0)


def test_a_firing_alert_names_its_instances(look: Look) -> None:
    seen = look("alert_state", Alert, alert="Busy")

    assert seen.firing == 2
    assert all(text.startswith("Busy (") and "pod=web-" in text for text in seen.firing.things)


def test_labels_select_instances_and_rules(look: Look) -> None:
    assert look("alert_state", Alert, alert="Busy", labels={"pod": "web-a"}).firing == 1
    assert look("alert_state", Alert, labels={"severity": "page"}).firing == 2
    assert isinstance(look("alert_state", Alert, labels={"severity": "nobody"}), Nothing)


def test_the_silence_of_a_missing_or_failing_rule_says_nothing(look: Look) -> None:
    assert "no alerting rule for alert Gone" in look("alert_state", Alert, alert="Gone").note
    assert "silence says nothing" in look("alert_state", Alert, alert="Broken").note


def test_targets_that_are_down_are_named(look: Look) -> None:
    assert look("scrape_targets", ScrapeTarget, job="web").down == 0
    assert look("scrape_targets", ScrapeTarget, job="sick").down.things == ("web-down",)


def test_a_job_without_targets_is_nothing(look: Look) -> None:
    assert look("scrape_targets", ScrapeTarget, job="webb").note == "no target of job webb; there are: sick, web"


def test_pods_without_a_target_are_named(look: Look) -> None:
    seen = look("scraped_pods", ScrapeTarget, job="web", pods={"connection": "cluster", "selector": "app=web"})

    assert (seen.looked_at, seen.targets) == (3, 2)
    assert seen.unscraped.things == ("web-c: no target",)


def test_pods_behind_a_target_that_is_down_are_not_scraped(look: Look) -> None:
    seen = look("scraped_pods", ScrapeTarget, job="sick", pods={"connection": "cluster", "selector": "app=web", "label": "pod"})

    assert seen.unscraped == 3


def test_a_selector_that_matches_no_pod_is_nothing(look: Look) -> None:
    seen = look("scraped_pods", ScrapeTarget, job="web", pods={"connection": "cluster", "selector": "app=wbe"})

    assert seen.note == "no running pod has app=wbe"


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
        return port


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
        ("503 Service Unavailable", '{"status":"error","errorType":"timeout","error":"query timed out"}', "answers 503 timeout: query timed out"),
        ("401 Unauthorized", "who are you", "answers 401 without the JSON of Prometheus: who are you"),
        ("200 OK", "<html>a login page</html>", "without the JSON of Prometheus"),
        ("302 Found", "", "answers 302"),
        ("200 OK", '{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["store x is gone"]}', "partial: store x is gone"),
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
    rule = {"name": "Late", "query": "up", "type": "alerting", "health": "ok", "lastEvaluation": "2026-11-20T12:00:00Z", "alerts": [], **changes}
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


def test_credentials_reach_the_server_and_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "canary-51c2")
    body = '{"status":"error","errorType":"bad_data","error":"no"}'
    with answering(json_answer(body, "400 Bad Request")) as server:
        connection: dict[str, Connection] = {"metrics": Prometheus.model_validate({"url": server.url, "bearer": "env:METRICS_TOKEN"})}
        with pytest.raises(CouldNotLook) as caught:
            looked("measured", Reading, connection, promql="up", expect={"at_most": 1})

    assert "Authorization: Bearer canary-51c2" in server.requests[0]
    assert "canary" not in f"{caught.value.reason}{caught.value.cause}{caught.value.hint}"
