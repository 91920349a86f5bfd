"""Logs are counted over every container, every instance and the whole window; what cannot be read is never a zero."""

import json
import time

import pytest
from pydantic import TypeAdapter, ValidationError

from fixtures.logs.counting import LogCount, carried, timed
from fixtures.logs.lines import BLOCK
from muster.kinds.logs import Log
from muster.probes import CouldNotLook, Nothing
from sandbox.world import Cluster, Trouble, World
from tests.probes.small_cluster import EVERYTHING, SmallCluster, container, ended, lines, log, pod


def errors(**values: object) -> Log:
    """Errors of the last hour, changed as wished."""
    given = {
        "name": "errors",
        "connection": "cluster",
        "selector": "app=web",
        "window": "1h",
        "level": "ERROR",
        "expect": {"records": 0},
        **values,
    }
    return Log.model_validate({key: value for key, value in given.items() if value is not None})


@pytest.mark.usefixtures("shown")
def test_errors_of_every_pod_are_added_up_and_named(cluster: SmallCluster) -> None:
    logs = (
        log("web-a", lines(*["ERROR one"] * 30, "INFO fine")) | log("web-b", lines(*["ERROR two"] * 20)) | log("web-c", lines("INFO fine"))
    )
    cluster.put([pod("web-a"), pod("web-b"), pod("web-c"), pod("other", labels={"app": "x"})], logs=logs)
    seen = cluster.look("log_count", errors())
    assert (seen.matched, seen.records, seen.streams) == (50, 52, 3)
    assert str(seen.matched) == "50 (30 in web-a, 20 in web-b)"
    assert (seen.top, seen.top.series) == (30, "ERROR one")
    assert seen.looked_at == sum(each.bytes for each in seen.pods) > 0


def test_more_than_ten_records_of_a_pod_are_read(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], logs=log("web-a", lines(*["ERROR x"] * 5000)))
    assert cluster.look("log_count", errors()).matched == 5000
    asked = cluster.running.requests(subresource="log")
    assert len(asked) == 1
    assert "tailLines" not in json.dumps(asked)


def test_records_older_than_the_window_do_not_count(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], logs=log("web-a", lines("ERROR old", ago=7200) + lines("ERROR new", "INFO x")))
    assert cluster.look("log_count", errors()).matched == 1
    assert cluster.look("log_count", errors(window="3h")).matched == 2


def test_init_containers_sidecars_and_the_previous_instance_count(cluster: SmallCluster) -> None:
    web = container(restarts=1, ended=ended(300))
    init = container("migrate", state={"terminated": ended(120, "Completed")})
    logs = log("web-a", lines("ERROR now")) | log("web-a", lines("ERROR before", "ERROR at the end"), previous=True)
    logs |= log("web-a", lines("ERROR migrating"), "migrate") | log("web-a", lines("ERROR proxying"), "proxy")
    cluster.put([pod("web-a", web, container("proxy"), init=(init,))], logs=logs)
    assert cluster.look("log_count", errors()).matched == 5
    assert cluster.look("log_count", errors(containers=["proxy"])).matched == 1


def test_a_crash_loop_counts_its_last_instance_once_and_says_that_older_ones_are_lost(cluster: SmallCluster) -> None:
    crashing = container(state={"waiting": {"reason": "CrashLoopBackOff"}}, restarts=7, ended=ended(20))
    same = lines("ERROR boom")
    cluster.put([pod("web-a", crashing)], logs=log("web-a", same) | log("web-a", same, previous=True))
    seen = cluster.look("log_count", errors())
    assert seen.matched == 1
    assert "web-a/web restarted 7 times: only its last two instances have a log" in seen.note


def test_an_old_previous_instance_is_not_asked_for(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a", container(restarts=1, ended=ended(9000)))], logs=log("web-a", lines("INFO x")))
    assert cluster.look("log_count", errors()).streams == 1


def test_a_previous_log_that_the_node_dropped_is_noted(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a", container(restarts=1, ended=ended(60)))], logs=log("web-a", lines("INFO x")))
    assert "the log of web-a/web (previous) is gone" in cluster.look("log_count", errors()).note


def test_a_selector_that_matches_nothing_is_nothing_and_not_zero_errors(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a"), pod("web-b")], logs=log("web-a", lines("INFO x")))
    seen = cluster.look("log_count", errors(selector="app=wbe"))
    assert isinstance(seen, Nothing)
    assert seen.note == "no pod matches app=wbe among 2 in namespace shop"


def test_running_pods_that_write_nothing_are_looked_at_zero(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a"), pod("web-b")], logs=log("web-a", "") | log("web-b", ""))
    seen = cluster.look("log_count", errors())
    assert (seen.looked_at, seen.note) == (0, "2 pods wrote nothing within 1h")
    assert seen.silent.things == ("web-a", "web-b")


def test_one_silent_pod_among_others_is_named_unless_it_is_young(cluster: SmallCluster) -> None:
    young = container(state={"running": {"startedAt": ended(5)["finishedAt"]}})
    cluster.put([pod("web-a"), pod("web-b"), pod("web-c", young)], logs=log("web-a", lines("INFO x")) | log("web-b", "") | log("web-c", ""))
    assert cluster.look("log_count", errors()).silent.things == ("web-b",)


def test_a_container_that_never_started_is_noted_and_the_others_are_read(cluster: SmallCluster) -> None:
    stuck = pod("web-b", container(state={"waiting": {"reason": "ImagePullBackOff"}}))
    cluster.put([pod("web-a"), stuck], logs=log("web-a", lines("ERROR x")))
    seen = cluster.look("log_count", errors())
    assert (seen.matched, seen.note) == (1, "web-b/web has not started (ImagePullBackOff)")


def test_pods_of_which_none_started_have_no_log_to_be_green_about(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a", container(state={"waiting": {"reason": "ImagePullBackOff"}}))])
    seen = cluster.look("log_count", errors())
    assert isinstance(seen, Nothing)
    assert "ImagePullBackOff" in seen.note


def test_a_pod_that_vanishes_after_the_list_is_noted(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a"), pod("web-b")], logs=log("web-a", lines("ERROR x")) | log("web-b", lines("ERROR y")))
    listed = cluster.look("log_count", errors())
    assert listed.matched == 2
    left = Cluster(objects=[pod("web-a")], tokens={"reader": EVERYTHING}, namespace="shop", logs=log("web-a", lines("ERROR x")))
    cluster.running.put_world(World(cluster=left))
    seen = cluster.look("log_count", errors())
    assert seen.matched == 1
    assert seen.note == "the log of web-b/web is gone"


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_log_that_may_not_be_read_is_unknown(cluster: SmallCluster, status: int) -> None:
    logs = log("web-a", lines("INFO x")) | log("web-b", lines("INFO y"))
    trouble = [Trouble(path="/api/v1/namespaces/shop/pods/web-b/log", status=status)]
    cluster.put([pod("web-a"), pod("web-b")], logs=logs, trouble=trouble)
    with pytest.raises(CouldNotLook):
        cluster.look("log_count", errors())


def test_logs_that_are_forbidden_by_role_are_unknown_and_say_what_lacks(cluster: SmallCluster) -> None:
    cluster.put(
        [pod("web-a")], logs=log("web-a", lines("INFO x")), rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    )
    with pytest.raises(CouldNotLook, match=r"not allowed to get pods/log in namespace shop \(403\)"):
        cluster.look("log_count", errors())


def test_a_log_without_any_level_is_unknown_and_not_zero_errors(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], logs=log("web-a", lines("request done", "request failed")))
    with pytest.raises(CouldNotLook, match="2 of 2 records are in logs without a level that we know"):
        cluster.look("log_count", errors())
    assert cluster.look("log_count", errors(level=None, contains="failed")).matched == 1


def test_a_sidecar_with_levels_does_not_vouch_for_a_container_without(cluster: SmallCluster) -> None:
    logs = log("web-a", lines(*["request failed"] * 9)) | log("web-a", lines("INFO ready"), "proxy")
    cluster.put([pod("web-a", container(), container("proxy"))], logs=logs)
    with pytest.raises(CouldNotLook, match=r"9 of 10 records .*9 of container web"):
        cluster.look("log_count", errors())
    assert cluster.look("log_count", errors(containers=["proxy"])).matched == 0


def test_a_few_records_without_levels_are_only_noted(cluster: SmallCluster) -> None:
    logs = log("web-a", lines(*["INFO fine"] * 9)) | log("web-a", lines("ready"), "proxy")
    cluster.put([pod("web-a", container(), container("proxy"))], logs=logs)
    assert cluster.look("log_count", errors()).note == "without a level that we know: 1 of container proxy"


def test_a_log_of_one_level_only_is_understood(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], logs=log("web-a", lines("ERROR failed")))
    assert cluster.look("log_count", errors()).matched == 1


def test_texts_and_patterns_narrow_what_counts(cluster: SmallCluster) -> None:
    texts = ("WARN pool exhausted", "ERROR pool exhausted after 30 s", "ERROR other", "INFO pool exhausted")
    cluster.put([pod("web-a")], logs=log("web-a", lines(*texts)))
    assert cluster.look("log_count", errors(level=None, contains="pool exhausted")).matched == 3
    assert cluster.look("log_count", errors(contains=["pool exhausted", "other"])).matched == 2
    assert cluster.look("log_count", errors(matches=r"after \d+ s$")).matched == 1
    assert cluster.look("log_count", errors(level="WARN", contains="pool")).matched == 2


@pytest.mark.usefixtures("shown")
def test_fields_and_times_are_taken_from_every_record(cluster: SmallCluster) -> None:
    records = [json.dumps({"level": 30, "id": "x" if n % 4 else "", "ms": 100 + n, "route": f"/orders/{n}"}) for n in range(100)]
    slow = [json.dumps({"level": 30, "id": "x", "ms": 4000, "route": "/reports"})] * 3
    cluster.put([pod("web-a")], logs=log("web-a", lines(*records, *slow)))
    expect = {"carrying": "99%", "p95": "2s"}
    seen = cluster.look("log_count", errors(level=None, field="id", measure={"value": "ms", "unit": "ms", "by": "route"}, expect=expect))
    assert (seen.carrying, seen.records, seen.measured) == (78, 103, 103)
    assert [(each.route, each.p95, each.records) for each in seen.routes] == [
        ("/reports", 4.0, 3),
        ("/orders/<n>", pytest.approx(0.194), 100),
    ]
    assert str(carried(seen).share) == "75.73% (78 of 103 records carry id)"
    assert str(timed(seen).slowest) == "4s (/reports, 3 records)"


def test_without_samples_no_line_and_no_route_is_shown(cluster: SmallCluster) -> None:
    records = [json.dumps({"level": 50, "ms": 4000, "route": "/users/jane", "msg": "no mail for jane@example.org"})] * 3
    cluster.put([pod("web-a")], logs=log("web-a", lines(*records)))
    seen = cluster.look("log_count", errors(measure={"value": "ms", "unit": "ms", "by": "route"}, expect={"records": 0, "p95": "2s"}))
    assert (seen.matched, seen.top, seen.top.series) == (3, 3, "")
    assert str(timed(seen).slowest) == "4s (a route, 3 records)"
    saved = TypeAdapter(LogCount).dump_json(seen).decode()
    assert [text for text in (repr(seen), saved) if "jane" in text] == []


def test_a_value_that_no_record_has_is_looked_at_zero(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], logs=log("web-a", lines('{"level":30,"responseTime":12}')))
    seen = timed(cluster.look("log_count", errors(level=None, measure={"value": "ms", "unit": "ms"}, expect={"p95": "2s"})))
    assert (seen.looked_at, seen.note) == (0, "none of 1 records has a number in ms")


def test_an_observation_holds_no_text_of_a_record_but_a_masked_signature(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], logs=log("web-a", lines('ERROR login of jane@example.org from 10.1.2.3 with token "s3cr3t-canary" failed')))
    seen = cluster.look("log_count", errors())
    saved = TypeAdapter(LogCount).dump_json(seen).decode()
    assert not any(word in saved for word in ("jane", "10.1.2.3", "canary"))
    again = TypeAdapter(LogCount).validate_json(saved, context="saved")
    assert again == seen
    assert str(again.matched) == str(seen.matched)


def test_a_log_of_many_blocks_is_read_to_its_end(cluster: SmallCluster) -> None:
    many = lines(*["INFO " + "x" * 1000] * (4 * BLOCK // 1000), "ERROR last")
    cluster.put([pod("web-a")], logs=log("web-a", many))
    seen = cluster.look("log_count", errors())
    assert seen.matched == 1
    assert seen.looked_at > 3 * BLOCK


def test_a_dripping_log_meets_the_deadline_and_is_unknown(cluster: SmallCluster) -> None:
    trouble = [Trouble(path="/api/v1/namespaces/shop/pods/web-a/log", drip=0.2)]
    cluster.put([pod("web-a")], logs=log("web-a", lines("INFO " + "x" * 1000)), trouble=trouble)
    started = time.monotonic()
    with pytest.raises(CouldNotLook):
        cluster.look("log_count", errors(), timeout=2.0)
    assert time.monotonic() - started < 60


def test_records_are_counted_where_somebody_has_to_know(cluster: SmallCluster) -> None:
    cluster.put([pod("web-a")], logs=log("web-a", lines("ERROR one", "INFO two", "INFO three")))
    assert cluster.look("log_count", errors()).records == 3
    seen = cluster.look("log_count", errors(level=None, contains="two"))
    assert (seen.matched, seen.records, seen.pods[0].records, seen.pods[0].matched) == (1, None, None, 1)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"level": None}, "which records"),
        ({"expect": {"carrying": "99%"}}, "needs `field`"),
        ({"expect": {"p95": "2s"}}, "needs `measure`"),
        ({"matches": "(a)\\1"}, "linear"),
        ({"contains": ""}, "not empty"),
        ({"selector": "app="}, ""),
        ({"selector": "(("}, "label selector"),
        ({"window": 3600}, "a duration needs a unit"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(change: dict[str, object], rule: str) -> None:
    if not rule:
        assert errors(**change).selector == "app="
        return
    with pytest.raises(ValidationError, match=rule):
        errors(**change)
