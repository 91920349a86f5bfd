"""What becomes of the checks when a whole server is gone: a source makes them unknown, a subject violated, and none stays green."""

import pytest

from muster.verdicts import EXIT_UNKNOWN, EXIT_VIOLATED, Result, Verdict
from sandbox.faults import PLATFORM_FAULTS
from tests.proof.harness import Proof, Seen, short, told

STOPPED = {fault.name: fault for fault in PLATFORM_FAULTS}
THROUGH = {
    "kubernetes-api-stopped": {
        *("test_workloads.py", "test_cluster.py", "test_batch.py", "test_autoscalers.py", "test_resources.py", "test_usage.py"),
        *("test_logs.py", "test_config.py", "test_workload_deploys.py", "test_autoscaler_manifests.py", "test_workload_readiness.py"),
        "test_stored_certificates.py",
    },
    "prometheus-stopped": {"test_prometheus.py", "test_alert_rules.py", "test_alert_annotations.py"},
    "alertmanager-stopped": {"test_alertmanager.py"},
    "database-stopped": {"test_databases.py", "test_logins.py"},
    "redis-stopped": {"test_redis.py"},
    "sites-stopped": {"test_endpoints.py"},
    "buckets-stopped": {"test_buckets.py", "test_bucket_backups.py"},
    "hosts-stopped": {"test_hosts.py", "test_backups.py"},
}
"""Modules of checks that look through nothing but the server that is stopped."""


@pytest.fixture(scope="module")
def outages(proof: Proof) -> dict[str, Seen]:
    """What the checks say without each of the servers."""
    return {name: proof.broken(fault.edit) for name, fault in STOPPED.items()}


@pytest.mark.parametrize("name", STOPPED)
def test_no_check_that_looks_through_a_stopped_server_is_green(outages: dict[str, Seen], name: str) -> None:
    looked = [each for each in outages[name].results.values() if module(each) in THROUGH[name]]
    assert len(looked) > 5
    assert [each.id for each in looked if each.verdict is Verdict.HOLDS] == []


def module(result: Result) -> str:
    """The file of a result's check."""
    return result.node.partition("::")[0].rpartition("/")[2]


def test_without_the_kubernetes_api_all_is_unknown_for_one_reason(outages: dict[str, Seen]) -> None:
    seen = outages["kubernetes-api-stopped"]
    assert set(seen.not_holding().values()) == {Verdict.UNKNOWN}
    assert seen.code == EXIT_UNKNOWN
    unknown = [each for each in seen.results.values() if each.verdict is Verdict.UNKNOWN]
    assert {each.reason for each in unknown} == {"the Kubernetes API refused the connection"}
    assert len({each.cause for each in unknown}) == 1


def test_without_prometheus_its_readiness_is_violated_and_its_readings_are_unknown(outages: dict[str, Seen]) -> None:
    seen = outages["prometheus-stopped"]
    assert violated(seen) == {"test_prometheus_is_ready[prometheus]"}
    assert seen.code == EXIT_VIOLATED
    assert seen.not_holding()["test_reading_is_at_most[error-share]"] is Verdict.UNKNOWN


def test_without_alertmanager_its_readiness_is_violated_and_what_lies_in_it_is_unknown(outages: dict[str, Seen]) -> None:
    seen = outages["alertmanager-stopped"]
    assert violated(seen) == {"test_alertmanager_is_ready[alertmanager]"}
    assert seen.not_holding()["test_maintenance_is_announced[planned-maintenance]"] is Verdict.UNKNOWN
    assert len({each.cause for each in seen.results.values() if each.verdict is Verdict.UNKNOWN}) == 1


def test_without_the_database_the_logins_are_violated_and_what_we_see_through_it_is_unknown(outages: dict[str, Seen]) -> None:
    seen = outages["database-stopped"]
    assert {name.partition("[")[0] for name in violated(seen)} == {
        "test_application_opens_a_database_session",
        "test_application_session_opens_quickly",
        "test_served_certificate_outlives_its_renewal_window",
        "test_served_certificate_is_trusted",
    }
    assert seen.not_holding()["test_connections_stay_under_the_servers_limit[platform-db]"] is Verdict.UNKNOWN
    assert seen.not_holding()["test_reading_is_between[oldest-audit-event]"] is Verdict.UNKNOWN


def test_without_redis_the_login_is_violated_and_what_we_see_through_it_is_unknown(outages: dict[str, Seen]) -> None:
    seen = outages["redis-stopped"]
    assert violated(seen) == {f"test_redis_answers_the_application{how}[application-cache]" for how in ("", "_quickly")}
    assert seen.not_holding()["test_redis_finds_most_keys[cache]"] is Verdict.UNKNOWN
    assert {each.cause.partition(":")[0] for each in seen.results.values() if each.verdict is Verdict.UNKNOWN} == {"redis 127.0.0.1"}


def test_without_the_buckets_all_of_them_is_unknown_for_one_reason(outages: dict[str, Seen]) -> None:
    seen = outages["buckets-stopped"]
    unknown = [each for each in seen.results.values() if each.verdict is Verdict.UNKNOWN]
    assert set(seen.not_holding().values()) == {Verdict.UNKNOWN}
    assert {each.entity for each in unknown} == {"off-site-dump", "backup-bucket"}
    assert len({each.cause for each in unknown}) == 1
    assert all("connection refused" in each.reason for each in unknown)


def test_without_the_web_servers_every_endpoint_is_violated(outages: dict[str, Seen]) -> None:
    seen = outages["sites-stopped"]
    assert {name for name, verdict in seen.not_holding().items() if verdict is not Verdict.VIOLATED} == {
        "test_reading_increases[audit-events]"
    }
    assert all("refused" in told(each) for each in seen.results.values() if each.verdict is Verdict.VIOLATED)


def test_without_the_hosts_every_file_and_backup_is_unknown(outages: dict[str, Seen]) -> None:
    seen = outages["hosts-stopped"]
    assert set(seen.not_holding().values()) == {Verdict.UNKNOWN}
    assert seen.code == EXIT_UNKNOWN
    assert len({each.cause for each in seen.results.values() if each.verdict is Verdict.UNKNOWN}) == 2


def test_with_all_servers_gone_in_turn_no_check_has_stayed_green_throughout(outages: dict[str, Seen]) -> None:
    names = {short(each) for seen in outages.values() for each in seen.results.values()}
    remembered = {"test_a_drill_passed_recently[platform-db]"}  # asks no server
    assert names - {name for seen in outages.values() for name in seen.not_holding()} == remembered


def violated(seen: Seen) -> set[str]:
    """What is violated, as "check[entity]"."""
    return {name for name, verdict in seen.not_holding().items() if verdict is Verdict.VIOLATED}
