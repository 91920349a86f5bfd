"""Readings by PromQL, against a real server with a day of history."""

import time

import pytest

from fixtures.prometheus.client import query
from muster.connections import Connection, Prometheus
from muster.kinds.readings import Reading
from muster.probes import CouldNotLook, Nothing
from tests.probes.prometheus_servers import Look, looked

pytestmark = pytest.mark.usefixtures("new_look")


@pytest.fixture
def read(connections: dict[str, Connection]) -> Look:
    """Take a reading of the real server."""
    return lambda **declared: looked("measured", Reading, connections, **{"expect": {"at_most": 1}, **declared})


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
    with pytest.raises(CouldNotLook, match=r"2 series .* aggregate them, or say each: <label>"):
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
