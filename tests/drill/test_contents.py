"""Counts and newest rows of a copy, beside what is known of production."""

import time
from collections.abc import Iterator

import pytest

from drill import contents
from drill.contents import Known, as_known, compare
from muster.probes import CouldNotLook
from muster.units import Instant
from tests.drill.databases import ANALYSED, Databases, databases

WEIRD = '"Odd.Names"."we""ird\ntable"'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases(tmp_path_factory.mktemp("databases")) as made:
        yield made


def counts(server, name):
    with server.copy(name) as copy:
        return contents.counts(copy)


def known(server, name, **options):
    with server.live(name) as live:
        return contents.live_counts(live, **options)


def test_every_table_is_counted_and_partitions_under_their_root(server):
    assert counts(server, "mdvr") == {
        "public.audit_logs": 500,
        "public.devices": 200,
        "public.invoices": 360,
        "public.sessions": 25,
        "public.subscriptions": 10,
        "public.telemetry": 9000,
        "public.tenants": 10,
    }
    assert counts(server, "shop")[WEIRD] == 50


def test_tables_beyond_one_statement_are_counted(server):
    tables = [f"CREATE TABLE t{n} AS SELECT generate_series(1, {n})" for n in range(contents.AT_ONCE + 5)]
    server.create("many", *tables)

    assert counts(server, "many") == {f"public.t{n}": n for n in range(contents.AT_ONCE + 5)}


def test_inheritance_is_counted_table_by_table(server):
    server.create(
        "heirs", "CREATE TABLE a (n int)", "CREATE TABLE b () INHERITS (a)", "INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1), (2)"
    )

    assert counts(server, "heirs") == {"public.a": 1, "public.b": 2}


def test_subpartitions_are_counted_under_the_topmost_root_and_a_root_without_any_has_none(server):
    server.create(
        "trees",
        "CREATE TABLE a (x int, y int) PARTITION BY LIST (x)",
        "CREATE TABLE a1 PARTITION OF a FOR VALUES IN (1) PARTITION BY LIST (y)",
        "CREATE TABLE a11 PARTITION OF a1 FOR VALUES IN (1)",
        "CREATE TABLE bare (x int) PARTITION BY LIST (x)",
        "INSERT INTO a VALUES (1, 1), (1, 1)",
        *ANALYSED,
    )

    assert counts(server, "trees") == {"public.a": 2, "public.bare": 0}
    assert known(server, "trees") == {"public.a": Known(2, exact=False), "public.bare": Known(0, exact=False)}


def test_what_the_role_may_not_read_is_estimated(server):
    seen = known(server, "vod_tender")

    assert seen["public.chat_messages"] == Known(9500, exact=False)
    assert seen["public.vods"] == Known(400, exact=False)
    assert set(seen) == set(counts(server, "vod_tender"))


def test_what_the_role_may_read_is_counted_unless_it_is_large(server):
    copy = server.copied("vod_tender", "GRANT SELECT (id) ON vods TO muster", "GRANT SELECT ON chat_messages TO muster")
    server.run(copy, "ANALYZE", "DELETE FROM vods WHERE id = 400 AND NOT EXISTS (SELECT FROM chat_messages WHERE vod_id = 400)")

    assert known(server, copy)["public.chat_messages"] == Known(9500, exact=True)
    assert known(server, copy, small=5000)["public.chat_messages"] == Known(9500, exact=False)
    assert known(server, copy)["public.vods"].exact


def test_a_partitioned_table_that_may_be_read_is_counted_through_its_root(server):
    copy = server.copied("mdvr", "GRANT SELECT ON telemetry TO muster", "ANALYZE")

    assert known(server, copy)["public.telemetry"] == Known(9000, exact=True)


def test_a_policy_that_hides_rows_makes_no_smaller_count(server):
    copy = server.copied(
        "shop", "GRANT SELECT ON orders TO muster", "CREATE POLICY one ON orders FOR SELECT TO muster USING (id = 1)", "ANALYZE"
    )

    assert known(server, copy)["public.orders"] == Known(8000, exact=False)


def test_a_table_that_was_never_analysed_after_a_crash_is_unknown(server):
    copy = server.copied("vod_tender", "UPDATE pg_class SET reltuples = -1 WHERE relname = 'vods'", "SELECT pg_stat_reset()")

    assert known(server, copy)["public.vods"] == Known(None, exact=False)
    assert known(server, copy)["public.chat_messages"] == Known(9500, exact=False)


def test_two_estimates_that_contradict_each_other_are_both_believed(server):
    copy = server.copied("vod_tender", "SELECT pg_stat_reset()", "INSERT INTO kv VALUES ('new', '')", "SELECT pg_stat_force_next_flush()")

    seen = known(server, copy)["public.kv"]

    assert seen == Known(1, exact=False, other=40)
    assert compare({"public.kv": 38}, {"public.kv": seen}, 0.9, 1.1).outside == 0
    assert compare({"public.kv": 50}, {"public.kv": seen}, 0.9, 1.1).outside == 1


def test_an_unlogged_table_is_said_to_be_one(server):
    assert known(server, "mdvr")["public.sessions"] == Known(25, exact=False, unlogged=True)


def test_a_healthy_pair_is_inside_the_band(server):
    for name in ("vod_tender", "mdvr", "shop"):
        found = counts(server, server.restored(name))

        assert compare(found, known(server, name), 0.99, 1.01).outside.things == ()
        assert compare(found, as_known(counts(server, name)), 1.0, 1.0).outside.things == ()


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (
            "TRUNCATE chat_messages; INSERT INTO chat_messages SELECT 1, 1, '', '', now(), 1",
            "public.chat_messages: 1 row of about 9,500 (0.0105%)",
        ),
        ("TRUNCATE chat_messages", "public.chat_messages: 0 rows of about 9,500 (0%)"),
        ("DELETE FROM chat_messages WHERE id % 2 = 0", "public.chat_messages: 4,750 rows of about 9,500 (50%)"),
        ("DROP TABLE chat_messages", "public.chat_messages: no table, was about 9,500"),
    ],
)
def test_what_rows_were_lost_is_told(server, damage, line):
    copy = server.copied("vod_tender", "ALTER TABLE chat_messages DROP CONSTRAINT chat_messages_reply_to_fkey", *damage.split("; "))

    assert compare(counts(server, copy), known(server, "vod_tender"), 0.9, 1.1).outside.things == (line,)


def test_one_row_of_a_million_is_told(server):
    seen = compare({"public.vods": 1}, {"public.vods": Known(1_000_000, exact=True)}, 0.5, 1.5)

    assert repr(seen.outside) == "1 (public.vods: 1 row of 1,000,000 (0.0001%))"


def test_too_many_rows_are_told(server):
    copy = server.copied("vod_tender", "INSERT INTO kv SELECT 'more ' || n, '' FROM generate_series(1, 40) n")

    assert compare(counts(server, copy), known(server, "vod_tender"), 0.9, 1.1).outside.things == ("public.kv: 80 rows of about 40 (200%)",)


def test_the_worst_comes_first_and_what_is_unknown_is_told_and_not_judged():
    found = {"s.a": 10, "s.b": 50, "s.c": 99, "s.new": 7, "s.unknown": 3, "s.empty": 4, "s.unlogged": 0}
    wanted = {name: Known(100, exact=True) for name in ("s.a", "s.b", "s.c", "s.gone")}
    wanted |= {"s.unknown": Known(None, exact=False), "s.empty": Known(0, exact=False), "s.unlogged": Known(5, exact=True, unlogged=True)}

    seen = compare(found, wanted, 0.9, 1.1, unlogged_lost=True)

    assert seen.outside.things == ("s.gone: no table, was 100", "s.a: 10 rows of 100 (10%)", "s.b: 50 rows of 100 (50%)")
    assert set(seen.untold.things) == {
        "s.new: 7 rows; nothing is known of production's",
        "s.unknown: 3 rows; nothing is known of production's",
        "s.empty: 4 rows of about 0",
        "s.unlogged: 0 rows of 5 (0%)",
    }
    assert "s.unlogged: 0 rows of 5 (0%)" in compare(found, wanted, 0.9, 1.1).outside.things


def test_a_table_that_was_counted_empty_must_be_empty():
    assert compare({"s.a": 5}, {"s.a": Known(0, exact=True)}, 0.9, 1.1).outside.things == ("s.a: 5 rows of 0",)
    assert compare({"s.a": 0}, {"s.a": Known(0, exact=True)}, 0.9, 1.1).outside == 0


def newest(server, name, **columns):
    with server.copy(name) as copy:
        return contents.newest(copy, columns.pop("columns", columns))


def test_the_newest_row_of_each_kind_of_time(server):
    seen = newest(
        server, "shop", columns={"public.orders": "created_at", "public.tickets": "sold_on", "public.measured": "at", WEIRD: '"Id"'}
    )
    with server.admin("shop") as admin:
        made = admin.execute("SELECT extract(epoch FROM max(created_at))::float8 FROM orders").fetchall()[0][0]

    assert seen["public.orders"] == contents.Newest(Instant(made))
    assert str(seen["public.tickets"].moment) == "2024-03-31T00:00:00Z"
    assert str(seen["public.measured"].moment) == "2024-03-01T12:00:10Z"
    assert seen["public.measured"].note == "public.measured.at has no time zone and is read as UTC"
    assert seen[WEIRD].moment is None
    assert seen[WEIRD].note.endswith('."Id": smallint is no time; name a column of type timestamptz, timestamp or date')


def test_the_newest_of_a_partitioned_table(server):
    assert str(newest(server, "mdvr", columns={"public.telemetry": "recorded_at"})["public.telemetry"].moment) == "2024-04-09T23:44:00Z"


def test_no_row_and_no_column_are_told(server):
    copy = server.copied("shop", "TRUNCATE measured")

    seen = newest(server, copy, columns={"public.measured": "at", "public.gone": "at", "public.tickets": "gone"})

    assert seen["public.measured"] == contents.Newest(None, "public.measured.at: no row has a time")
    assert seen["public.gone"] == contents.Newest(None, "public.gone.at: there is no such column")
    assert seen["public.tickets"] == contents.Newest(None, "public.tickets.gone: there is no such column")


@pytest.mark.parametrize("future", ["'infinity'", "'2099-01-01'"])
def test_a_row_of_the_future_does_not_make_an_old_copy_new(server, future):
    copy = server.copied("shop", f"INSERT INTO tickets (sold_on) VALUES ({future})", f"INSERT INTO measured VALUES ({future})")

    seen = newest(server, copy, columns={"public.tickets": "sold_on", "public.measured": "at"})

    assert str(seen["public.tickets"].moment) == "2024-03-31T00:00:00Z"
    assert str(seen["public.measured"].moment) == "2024-03-01T12:00:10Z"
    assert ("a row lies in the future, at 2099-01-01T00:00:00Z" in seen["public.tickets"].note) == ("2099" in future)


@pytest.mark.parametrize(
    "name", ["orders", "public.orders.id", 'public."orders', "public.orders; drop table x", "public..orders", "", "1.2"]
)
def test_what_is_no_name_of_a_table_is_refused(server, name):
    with pytest.raises(ValueError, match="no name of 2 parts"):
        newest(server, "shop", columns={name: "created_at"})


def test_a_copy_that_does_not_answer_in_time_is_unknown(server):
    with server.copy("shop", ends=0.0) as copy, pytest.raises(CouldNotLook, match="time for verifying"):
        contents.counts(copy)


def test_a_table_that_waits_for_a_lock_ends_with_the_time_that_is_left(server):

    with server.admin("mdvr") as other, other.transaction():
        other.execute("LOCK TABLE tenants")
        with server.copy("mdvr", ends=time.monotonic() + 0.5) as copy, pytest.raises(CouldNotLook, match="time-out"):
            contents.counts(copy)
