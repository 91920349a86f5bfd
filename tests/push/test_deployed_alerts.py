"""What lies in deploy/alerts, by Prometheus's and Alertmanager's own tools; and that rules and labels are those that are pushed."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from muster.push import Push
from muster.verdicts import Verdict
from push import alerts, metrics
from sandbox.binaries import alertmanager, prometheus
from tests.push.test_texts import NOW, digest, result

FOLDER = Path(__file__).parents[2] / "deploy" / "alerts"
RULES = yaml.safe_load((FOLDER / "muster-rules.yaml").read_text())["groups"][0]["rules"]


def said(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_rules_and_proves_them() -> None:
    tool = prometheus() / "promtool"

    assert f"{len(RULES)} rules found" in said(tool, "check", "rules", FOLDER / "muster-rules.yaml")
    assert "SUCCESS" in said(tool, "test", "rules", FOLDER / "muster-rules-test.yaml")


def test_every_rule_has_been_seen_to_fire() -> None:
    proven = yaml.safe_load((FOLDER / "muster-rules-test.yaml").read_text())["tests"]

    fired = {each["alertname"] for test in proven for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert fired == {each["alert"] for each in RULES}


def test_the_rules_name_only_metrics_that_are_pushed() -> None:
    pushed = metrics.text(digest(result(Verdict.HOLDS)), "shop/staging", NOW)

    names = {name for each in RULES for name in re.findall(r"muster_\w+", each["expr"])}
    assert names == {"muster_last_run_timestamp_seconds", "muster_check_status"}
    assert all(f"\n{name}" in pushed for name in names)


@pytest.mark.parametrize(
    ("verdict", "fields", "receiver"),
    [
        (Verdict.VIOLATED, {"severity": "P0"}, "on-call"),
        (Verdict.VIOLATED, {"severity": "P2", "owner": "team-platform"}, "team-platform"),
        (Verdict.VIOLATED, {"severity": "P2"}, "morning-channel"),
        (Verdict.UNKNOWN, {"severity": "P0"}, "suite-owner"),
    ],
)
def test_amtool_sends_an_alert_of_ours_where_the_example_says(verdict: Verdict, fields: dict[str, str], receiver: str) -> None:
    push = Push.model_validate({"alertmanager": {"url": "http://a"}})
    [alert] = alerts.firing(digest(result(verdict, **fields)), "shop/staging", "suite", push, NOW)
    labels = [f"{name}={value}" for name, value in alert["labels"].items()]
    tool, file = alertmanager() / "amtool", FOLDER / "alertmanager-route.yaml"

    said(tool, "check-config", file)
    assert said(tool, "config", "routes", "test", f"--config.file={file}", *labels).strip() == receiver
