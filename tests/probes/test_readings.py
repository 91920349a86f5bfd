"""Readings of one value from SQL and JSON, and what is made of two readings or two moments."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from fixtures.readings.measurement import Earlier, Measurement
from fixtures.readings.probes import agreement, change
from muster.amounts import Amount, Measured
from muster.case import Case, Identity
from muster.connections import Connection, Http, Prometheus
from muster.kinds.base import bind
from muster.kinds.readings import ComparedTo, Reading
from muster.probes import PROBES, CouldNotLook, Nothing
from muster.units import Duration, Instant
from tests.probes.database_servers import Server, pick, running_server
from tests.probes.web_servers import answer, answering, json_answer

NOON = "Fri, 20 Nov 2026 12:00:00 GMT"
AT_NOON = 1795176000.0


pytestmark = pytest.mark.usefixtures("unhurried", "shown")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("database")) as made:
        yield made


def taken(connection: Connection, **declared: Any) -> Any:
    """Take a reading; whatever it says survives being saved."""
    entity = bind(Reading.model_validate({"name": "x", "connection": "source", **declared}), "s/test", {"source": connection})
    seen = PROBES["measured"].function(entity)
    adapter = TypeAdapter(type(seen))
    assert adapter.validate_json(json.dumps(adapter.dump_python(seen, mode="json")), context="saved") == seen
    return seen


def sql(database: Server, statement: str, **expect: Any) -> Any:
    """Take a reading by SQL."""
    return taken(database.connection(), sql=statement, expect=expect or {"equals": 1})


def document(text: str, path: str, status: str = "200 OK", allow_empty: bool = False, **expect: Any) -> Any:
    """Take a reading from a JSON document that a server answers with."""
    body = answer(status, text.encode(), "Content-Type: application/json", f"Date: {NOON}")
    with answering(body) as server:
        http = Http.model_validate({"url": server.url})
        wanted = {"url": "${source}/state?depth=1", "path": path}
        return taken(http, json=wanted, allow_empty=allow_empty, expect=expect or {"equals": 1})


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("select count(*) from generate_series(1, 7)", 7),
        ("select 0.25::numeric", 0.25),
        ("select 'standby'", "standby"),
        ("select true", True),
        ("select interval '90 days'", 90 * 86400),
        ("select '%s 100%'::text", "%s 100%"),
    ],
)
def test_a_statement_has_one_value(database: Server, statement: str, value: object) -> None:
    seen = sql(database, statement)

    assert seen.value == value
    assert (seen.looked_at, seen.of) == (1, "rows")
    assert "postgresql 127.0.0.1:" in seen.seen


def test_a_window_stands_in_a_statement(database: Server) -> None:
    seen = taken(database.connection(), sql="select interval '${window}'", window="1h", expect={"equals": 3600})

    assert seen.every == Amount(3600)


@pytest.mark.parametrize(
    ("statement", "note"),
    [
        ("select 1 where false", "the statement returns no row"),
        ("select null::int", "the value is NULL"),
        ("select count(*) from public.nowhere", "nowhere"),
    ],
)
def test_a_statement_without_a_value_is_nothing(database: Server, statement: str, note: str) -> None:
    seen = sql(database, statement)

    assert isinstance(seen, Nothing)
    assert note in seen.note


@pytest.mark.parametrize("statement", ["select 1, 2", "select generate_series(1, 2)", "selec 1", "create table x (y int)"])
def test_a_statement_that_is_not_one_value_is_unknown(database: Server, statement: str) -> None:
    with pytest.raises(CouldNotLook):
        sql(database, statement)


def test_a_moment_of_sql_has_an_age_on_the_clock_of_the_server(database: Server) -> None:
    seen = sql(database, "select now() - interval '1 hour'", newer_than="2h")

    assert seen.age == pytest.approx(3600, abs=30)


@pytest.mark.parametrize(("statement", "note"), [("select now() + interval '1 day'", "in the future"), ("select 'soon'", "needs a moment")])
def test_what_is_no_past_moment_is_nothing(database: Server, statement: str, note: str) -> None:
    seen = sql(database, statement, newer_than="2h")

    assert isinstance(seen, Nothing)
    assert note in seen.note


def test_sql_needs_a_database() -> None:
    with pytest.raises(CouldNotLook, match="SQL needs a postgresql connection, this is http"):
        taken(Http.model_validate({"url": "http://x"}), sql="select 1", expect={"equals": 1})


def test_promql_needs_a_prometheus() -> None:
    with pytest.raises(CouldNotLook, match="PromQL needs a prometheus connection, this is http"):
        taken(Http.model_validate({"url": "http://x"}), promql="up", expect={"equals": 1})


@pytest.mark.parametrize(
    ("path", "value"),
    [("a.b[1]", 2), ("length(a.b)", 2), ("a.b", ("1", "2")), ("ok", False), ("name", "x"), ("a", '{"b": [1, 2]}')],
)
def test_a_document_has_a_value_at_a_path(path: str, value: object) -> None:
    seen = document('{"a": {"b": [1, 2]}, "ok": false, "name": "x"}', path)

    assert seen.value == value
    assert seen.at == AT_NOON


def test_the_query_of_an_address_is_asked_and_not_shown() -> None:
    with answering(json_answer('{"a": 1}')) as server:
        seen = taken(Http.model_validate({"url": server.url}), json={"url": "/state?token=canary-1", "path": "a"}, expect={"equals": 1})

    assert server.requests[0].startswith("GET /state?token=canary-1 ")
    assert seen.seen == f"{server.url}/state"


@pytest.mark.parametrize("path", ["b", "a.c", "a[0]"])
def test_a_path_that_leads_nowhere_is_nothing(path: str) -> None:
    assert isinstance(document('{"a": {"b": 1}}', path), Nothing)


def test_null_is_nothing_unless_that_is_acceptable() -> None:
    assert document('{"a": null}', "a").note == "a is null"
    assert document('{"a": null}', "a", allow_empty=True).looked_at == 0


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [("{}", "503 Service Unavailable", "answered 503"), ("<html>", "200 OK", "answered no JSON"), ('{"a": NaN}', "200 OK", "no JSON")],
)
def test_a_document_that_is_none_is_unknown(text: str, status: str, why: str) -> None:
    with pytest.raises(CouldNotLook, match=why):
        document(text, "a", status)


@pytest.mark.parametrize("value", ['"12"', "true", "[1]", "{}"])
def test_a_limit_for_numbers_does_not_hold_for_anything_else(value: str) -> None:
    seen = document(f'{{"a": {value}}}', "a", at_least=1)

    assert isinstance(seen, Nothing)
    assert "at_least needs a number" in seen.note


@pytest.mark.parametrize(
    "moment",
    ['"2026-11-20T11:00:00Z"', '"2026-11-20T12:00:00+01:00"', '"2026-11-20 11:00:00"', str(AT_NOON - 3600), str(AT_NOON * 1000 - 3600000)],
)
def test_moments_come_in_many_forms(moment: str) -> None:
    seen = document(f'{{"at": {moment}}}', "at", newer_than="2h")

    assert seen.age == 3600
    assert str(seen.age) == "1h (2026-11-20T11:00:00Z)"


def measured(*values: float | str, seen: str = "here", looked_at: int | None = None) -> Measurement:
    """A reading with these values."""
    made = tuple(value if isinstance(value, str) else Measured(value, "", f"pod={index}") for index, value in enumerate(values))
    return Measurement(looked_at=len(values) if looked_at is None else looked_at, of="series", seen=seen, values=made, at=Instant(0.0))


OTHER = Reading.model_validate({"name": "other", "connection": "source", "promql": "up", "expect": {"equals": 1}})


@pytest.mark.parametrize(
    ("here", "there", "difference", "shown"),
    [
        ((3.0,), (5.0,), 2.0, "here: 3 (pod=0), in other: 5 (pod=0)"),
        ((3.0, 4.0), (3.0, 9.0), 5.0, "pod=1: 4 (pod=1), in other: 9 (pod=1)"),
        ((3.0, 4.0), (3.0, 4.0, 1.0), float("inf"), "pod=2: nothing, in other: 1 (pod=2)"),
        (("v1",), ("v1",), 0.0, ""),
        (("v1",), ("v2",), float("inf"), "here: v1, in other: v2"),
        ((float("nan"),), (float("nan"),), float("inf"), "no number"),
        (("1",), (1.0,), float("inf"), "here: 1, in other: 1"),
    ],
)
def test_two_readings_are_as_far_apart_as_their_furthest_values(here: Any, there: Any, difference: float, shown: str) -> None:
    seen = pick(agreement, measured(*here), measured(*there), OTHER)

    assert seen.difference == difference
    assert shown in str(seen.difference)


def test_a_reading_without_a_value_agrees_with_nothing() -> None:
    nothing = Nothing(of="series", note="no series")

    assert pick(agreement, measured(1.0), nothing, OTHER) is nothing
    assert pick(agreement, nothing, measured(1.0), OTHER) is nothing


def case(offset: str) -> Case:
    """A limit of `compared_to`."""
    terms = ComparedTo.model_validate({"offset": offset, "at_least": "80%"})
    return Case(Identity("s", "test", "check", "x"), OTHER, "compared_to", terms, "P2", "us")


def test_a_limit_picks_its_own_moment() -> None:
    hour = Earlier(Duration(3600), (Measured(0.5, "percent"), Measured(1.5, "percent")))
    day = Earlier(Duration(86400), (), "no series 1d ago")
    seen = Measurement(looked_at=2, of="series", seen="prometheus p", values=(Measured(1.0),), at=Instant(0.0), earlier=(hour, day))

    assert pick(change, seen, case("1h")).extent == (0.5, 1.5)
    with pytest.raises(CouldNotLook, match="nothing to compare with: no series 1d ago"):
        pick(change, seen, case("24h"))


def test_a_reading_by_json_needs_no_other_connection() -> None:
    with answering(json_answer('{"a": 1}')) as server:
        declared = {"name": "x", "json": {"url": "${api}/state", "path": "a"}, "expect": {"equals": 1}}
        entity = bind(Reading.model_validate(declared), "s/test", {"api": Http.model_validate({"url": server.url})})

        assert PROBES["measured"].function(entity).value == 1
    assert entity.named() == ("api",)


def test_a_reading_of_prometheus_over_json_is_possible_too() -> None:
    with answering(json_answer('{"status": "success", "data": {"result": []}}')) as server:
        seen = taken(
            Prometheus.model_validate({"url": server.url}), json={"url": "/api/v1/x", "path": "length(data.result)"}, expect={"equals": 0}
        )

    assert seen.value == 0
