"""How fast tables grow, on a real server, and what is said without an earlier look."""

import pytest

from fixtures.postgresql.growth import ALL, TableSizes, table_growth
from muster.kinds.earlier import TableGrowth
from muster.probes import CouldNotLook
from muster.units import ByteSize, Instant
from tests.probes.database_servers import database, look

NOW, DAY, MB = 1_800_000_000.0, 86400.0, 2**20
WANTED = TableGrowth.model_validate({"at_most": "20%"})


@pytest.fixture
def sizes(healthy, unhurried):
    return look("table_sizes", database(healthy.connection()))


def seen(**megabytes):
    tables = {f"public.{name}": ByteSize(size * MB) for name, size in megabytes.items()}
    tables[ALL] = ByteSize(sum(tables.values()))
    return TableSizes(looked_at=len(megabytes), of="tables", at=Instant(NOW), name="platform-db", sizes=tables)


def grown(now, days=7.0, terms=WANTED, **before):
    earlier = seen(**before)
    history = {fact: [(NOW - days * DAY, size)] for fact, size in earlier.facts().items()}
    return table_growth.__wrapped__(now, terms, history)


def test_the_tables_of_a_server_are_measured_with_their_indexes(sizes):
    tables = {"public.orders", "public.audit_events", "public.refunds", "public.schema_migrations"}
    assert sizes.looked_at == len(tables)
    assert set(sizes.sizes) == tables | {ALL}
    assert sizes.sizes[ALL] == sum(sizes.sizes[each] for each in tables)
    assert sizes.sizes["public.orders"] > MB
    assert sizes.facts()["table-size/platform-db/public.orders"] == sizes.sizes["public.orders"]


def test_partitions_count_as_their_table(healthy, unhurried):
    with healthy.superuser() as connection:
        connection.execute("CREATE TABLE events (at date) PARTITION BY RANGE (at)")
        for month in (1, 2):
            connection.execute(
                f"CREATE TABLE events_{month} PARTITION OF events FOR VALUES FROM ('2026-0{month}-01') TO ('2026-0{month + 1}-01')"
            )
        connection.execute("INSERT INTO events SELECT '2026-01-15' FROM generate_series(1, 1000)")
    try:
        seen = look("table_sizes", database(healthy.connection()))
        assert seen.looked_at == 5
        assert seen.sizes["public.events"] > 8192
    finally:
        with healthy.superuser() as connection:
            connection.execute("DROP TABLE events")


def test_the_table_that_grew_most_is_told():
    found = grown(seen(orders=240, events=2000), orders=200, events=1900)

    assert found.share == pytest.approx(0.2)
    assert found.note == "public.orders: 200MiB 7d ago, 240MiB now"


def test_growth_in_another_time_is_brought_to_the_wanted_one():
    assert grown(seen(orders=240), days=14, orders=200).share == pytest.approx(0.1)


def test_small_tables_may_double():
    assert grown(seen(orders=200, small=50), orders=200, small=10).share < 0.25


def test_a_new_table_is_named_and_counts_in_the_sum():
    found = grown(seen(orders=200, copy=150), orders=200)

    assert found.share == pytest.approx(0.75)
    assert found.note == "all tables: 200MiB 7d ago, 350MiB now; public.copy is new, 150MiB"


def test_a_table_that_shrank_has_not_grown():
    assert grown(seen(orders=150), orders=200).share == pytest.approx(-0.25)


def test_a_database_of_small_tables_holds_and_says_so():
    found = grown(seen(small=10), small=1)

    assert (found.share, found.note) == (0, "no table of 100MiB or more")


@pytest.mark.parametrize("days", [0.01, 5, 29])
def test_a_first_look_is_unknown(days):
    with pytest.raises(CouldNotLook, match="no look older than 5d6h yet; run again tomorrow"):
        grown(seen(orders=200), days=days, orders=200)
