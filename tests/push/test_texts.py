"""What alerts and metrics say, from a digest, without a server."""

from typing import Any

import pytest

from muster.digest import PLANNED, Digest
from muster.push import Push
from muster.scrubber import learn
from muster.verdicts import Result, Verdict
from push import alerts, metrics, outlets

PUSH = Push.model_validate({"alertmanager": {"url": "http://a"}, "expires": {"daily": "2h"}})
NOW = 1_800_000_000.0


def result(verdict: Verdict, **fields: Any) -> Result:
    given = {"entity": "web", "limit": "", "node": "checks/daily/test_x.py::test_x", "severity": "P1", "owner": "me", "title": "It works."}
    return Result("shop", "staging", "test_x", verdict=verdict, at=NOW - 5, **{**given, **fields})


def digest(*results: Result, vanished: tuple[str, ...] = ()) -> Digest:
    """A run that planned these, and judged all that have a verdict."""
    made = Digest("run-1", checks=len(results))
    for each in results:
        planned = {name: getattr(each, name) for name in PLANNED} | {"id": each.id}
        made.take("planned", planned | ({"reason": "gone"} if each.entity in vanished else {}))
        if each.verdict is not Verdict.NOT_RUN:
            made.settle(each)
    return made


def fired(made: Digest) -> list[dict[str, Any]]:
    return alerts.firing(made, "shop/staging", "suite", PUSH, NOW)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_calls_somebody_fires(verdict: Verdict) -> None:
    found = {each["labels"]["verdict"]: each["labels"]["owner"] for each in fired(digest(result(verdict)))}

    assert found == {Verdict.VIOLATED: {"violated": "me"}, Verdict.UNKNOWN: {"unknown": "suite"}}.get(verdict, {})


def test_a_check_that_vanished_fires_and_one_that_a_run_did_not_get_to_does_not() -> None:
    made = digest(result(Verdict.NOT_RUN, entity="gone"), result(Verdict.NOT_RUN, entity="later"), vanished=("gone",))

    assert [each["labels"]["entity"] for each in fired(made)] == ["gone"]
    assert metrics.partial(made) == 1


@pytest.mark.parametrize("verdict", Verdict)
def test_what_was_judged_to_be_over_ends_and_nothing_else(verdict: Verdict) -> None:
    known = [{"labels": {**alerts.identity(result(verdict), how, owner)}, "annotations": {}, "startsAt": "2026-11-20T00:00:00Z"}
             for how, owner in (("violated", "somebody else"), ("unknown", "suite"))]  # fmt: skip
    made = digest(result(verdict))

    ended = alerts.resolved(made, known, fired(made), NOW)

    says = verdict not in (Verdict.NOT_ASKED, Verdict.NOT_RUN)
    assert len(ended) == (0 if not says else 1 if verdict is Verdict.UNKNOWN else 2)
    assert {each["endsAt"] for each in ended} <= {alerts.stamp(NOW)}


def test_labels_hold_no_value_and_annotations_are_bounded_and_scrubbed() -> None:
    learn("hunter2-of-the-push")
    told = result(Verdict.VIOLATED, observed="hunter2-of-the-push", reason="x" * 9000, runbook="javascript:alert(1)", next="look\x1b[31m")
    made = digest(told)
    made.take("follow_up", {"entity": "web", "checks": [told.id], "lines": [f"line {number} hunter2-of-the-push" for number in range(20)]})

    [alert] = fired(made)

    assert set(alert["labels"]) == {"alertname", "system", "environment", "entity", "severity", "owner", "verdict", "reporter"}
    assert "hunter2" not in repr(alert)
    assert "\x1b" not in repr(alert).replace("\\x1b", "")
    assert max(map(len, alert["annotations"].values())) < 2000
    assert alert["annotations"]["looked_again_at"].splitlines()[-1] == "and 12 more in the report"
    assert "generatorURL" not in alert


def test_metrics_quote_what_names_hold() -> None:
    said = metrics.text(digest(result(Verdict.HOLDS, owner='a "b"\\\n')), "shop/staging", NOW)

    assert 'owner="a \\"b\\"\\\\\\n"' in said
    assert f"muster_last_run_timestamp_seconds {NOW:.3f}\n" in said


def test_alerts_are_sent_in_batches_and_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []

    def send(_: Any, __: str, body: bytes, *___: Any) -> None:
        if len(sent) == 2:
            raise outlets.NotPushed("refused")
        sent.append(body)

    monkeypatch.setattr(outlets, "_sent", send)

    with pytest.raises(outlets.NotPushed, match=r"refused \(200 of 250 alerts were sent\)"):
        outlets.tell(PUSH.alertmanager[0], [{"labels": {"alertname": "x" * 10}}] * 250)

    assert [body.count(b"alertname") for body in sent] == [outlets.BATCH] * 2
