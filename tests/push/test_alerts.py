"""What a run has found arrives in a real Alertmanager as alerts, and ends there when it holds again."""

from datetime import datetime
from pathlib import Path

from tests.push.servers import READINGS, Told, pushing

LOW = "test_reading_is_low"
LATE = """
import time
from types import SimpleNamespace

def pytest_configure(config):
    import push.telling
    push.telling.time = SimpleNamespace(time=lambda: time.time() - 299)
"""


def at(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def test_a_violation_arrives_keeps_its_begin_and_ends_when_the_check_holds(tmp_path: Path, told: Told) -> None:
    made = pushing(tmp_path, {"alertmanager": {"url": told.url}, "expires": {"daily": "2h"}}, errors={"value": 7})

    first = made.run("--push")

    assert first.returncode == 1
    assert "pushed platform/sandbox to alertmanager: 1 firing, 0 resolved" in first.stdout
    arrived = told.hook.wait(lambda each: each["status"] == "firing")
    assert arrived["labels"] == {
        "alertname": LOW, "system": "platform", "environment": "sandbox", "entity": "errors", "severity": "P0", "owner": "team-shop",
        "verdict": "violated", "reporter": "muster",
    }  # fmt: skip
    assert arrived["annotations"]["compared"] == "expected <= 0, observed 7"
    assert arrived["annotations"]["summary"] == "platform/sandbox errors: The value is low enough"
    assert arrived["annotations"]["next"] == "look at the dashboard of this reading."
    [known] = told.alerts().values()
    began = known["startsAt"]
    assert 7195 < at(known["endsAt"]) - made.results()[f"{LOW}[platform/sandbox/errors]"].at < 7260

    made.observations["errors"] = {"value": 8}
    assert made.run("--push").returncode == 1
    [known] = told.alerts().values()
    assert (known["startsAt"], known["annotations"]["observed"]) == (began, "8")

    made.observations["errors"] = {"value": 0}
    last = made.run("--push")

    assert last.returncode == 0
    assert "0 firing, 1 resolved" in last.stdout
    ended = told.hook.wait(lambda each: each["status"] == "resolved")
    assert ended["labels"]["entity"] == "errors"
    assert at(ended["startsAt"]) == at(began)
    assert told.alerts() == {}


def test_what_is_unknown_goes_to_who_runs_the_suite_and_gives_way_to_what_is_known(tmp_path: Path, told: Told) -> None:
    gone = {"error": "connection refused", "cause": "prometheus metrics:9090"}
    made = pushing(tmp_path, {"alertmanager": {"url": told.url}, "suite_owner": "team-sre"}, errors=gone, orders=gone)

    assert made.run("--push").returncode == 10

    known = told.alerts()
    assert set(known) == {f"{LOW} {each} unknown" for each in ("errors", "orders")}
    assert {each["labels"]["owner"] for each in known.values()} == {"team-sre"}
    assert {each["annotations"]["cause"] for each in known.values()} == {"prometheus metrics:9090"}

    made.observations.update(errors={"value": 3}, orders={"value": 0})
    assert "1 firing, 2 resolved" in made.run("--push").stdout
    assert set(told.alerts()) == {f"{LOW} errors violated"}


def test_a_narrower_run_ends_nothing_that_it_did_not_look_at(tmp_path: Path, told: Told) -> None:
    made = pushing(tmp_path, {"alertmanager": {"url": told.url}}, errors={"value": 1}, orders={"value": 1})
    made.run("--push")
    made.observations.update(errors={"value": 0}, orders={"value": 0})

    assert "0 firing, 1 resolved" in made.run("--push", "-k", "orders").stdout
    assert set(told.alerts()) == {f"{LOW} errors violated"}


def test_what_is_not_asked_is_left_as_it_is(tmp_path: Path, told: Told) -> None:
    push = {"alertmanager": {"url": told.url}}
    made = pushing(tmp_path, push, errors={"value": 1})
    made.run("--push")
    never = {"never": {"days": "mon", "from": "00:00", "to": "00:00"}}

    made.environment("platform/sandbox", [{**READINGS[0], "during": "never"}, READINGS[1]], push=push, hours=never)
    assert "0 firing, 0 resolved" in made.run("--push").stdout
    assert set(told.alerts()) == {f"{LOW} errors violated"}


def test_without_the_option_nothing_is_told(tmp_path: Path, told: Told) -> None:
    made = pushing(tmp_path, {"alertmanager": {"url": told.url}}, errors={"value": 1})

    said = made.run()

    assert said.returncode == 1
    assert "pushed" not in said.stdout
    assert told.alerts() == {}


def test_alerts_that_nobody_renews_end_by_themselves(tmp_path: Path, told: Told) -> None:
    """A run that says nothing more, because it died: here it lasted, by its clock, five minutes ago."""
    made = pushing(tmp_path, {"alertmanager": {"url": told.url}, "expires": {"daily": "5m"}}, errors={"value": 1})
    made.write("late.py", LATE)

    made.run("--push", "-p", "late")

    assert told.hook.wait(lambda each: each["status"] == "resolved")["labels"]["entity"] == "errors"
