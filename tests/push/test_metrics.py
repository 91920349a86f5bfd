"""A run as metrics in a real Pushgateway, and what a run that is not whole leaves alone."""

import re
from pathlib import Path

from sandbox.services.pushgateway import PushgatewayServer
from tests.push.servers import pushing


def found(gateway: PushgatewayServer, name: str) -> list[str]:
    """The lines of one metric."""
    return [line for line in gateway.metrics().splitlines() if re.match(rf"{name}\b", line)]


def value(lines: list[str], *labels: str) -> float:
    """The number of the one line that has all these labels."""
    [line] = [each for each in lines if all(label in each for label in labels)]
    return float(line.rpartition(" ")[2])


def test_a_whole_run_replaces_its_group_and_no_other(tmp_path: Path, gateway: PushgatewayServer) -> None:
    push = {"pushgateway": {"url": f"http://127.0.0.1:{gateway.port}"}}
    made = pushing(tmp_path, push, errors={"value": 1}, orders={"error": "no answer", "cause": "x"})

    said = made.run("checks/daily", "--push")

    assert "pushed platform/sandbox to pushgateway: 2 checks of selection checks/daily" in said.stdout
    status = found(gateway, "muster_check_status")
    assert value(status, 'entity="errors"', 'check="test_reading_is_low"', 'severity="P0"', 'owner="team-shop"', 'system="platform"') == 1
    assert value(status, 'entity="orders"', 'selection="checks/daily"', 'environment="sandbox"', 'job="muster"') == 2
    last = value(found(gateway, "muster_last_run_timestamp_seconds"), 'selection="checks/daily"')
    assert value(found(gateway, "muster_look_seconds")) > 0

    made.observations.update(errors={"value": 0}, orders={"value": 0})
    assert "of selection checks -m gate or not gate" in " ".join(made.run("checks", "-m", "gate or not gate", "--push").stdout.split())
    assert value(found(gateway, "muster_last_run_timestamp_seconds"), 'selection="checks/daily"') == last
    assert value(found(gateway, "muster_check_status"), 'entity="errors"', 'selection="checks -m') == 0

    narrowed = made.run("checks/daily", "--push", "-k", "orders")
    assert "left as it was: the run was narrowed by -k" in " ".join(narrowed.stdout.split())
    assert value(found(gateway, "muster_last_run_timestamp_seconds"), 'selection="checks/daily"') == last
    assert value(found(gateway, "muster_check_status"), 'entity="errors"', 'selection="checks/daily"') == 1


def test_a_run_that_was_cut_short_is_not_the_one_that_was_due(tmp_path: Path, gateway: PushgatewayServer) -> None:
    push = {"pushgateway": {"url": f"http://127.0.0.1:{gateway.port}"}}
    made = pushing(tmp_path, push, errors={"value": 1}, orders={"value": 1})

    assert "left as it was: 1 check had no verdict yet" in " ".join(made.run("checks/daily", "-x", "--push").stdout.split())
