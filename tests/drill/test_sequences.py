"""Sequences that fall behind their columns: seen on a real server, each told by name."""

from collections.abc import Iterator

import pytest

from drill import sequences
from tests.drill.databases import NAMES, Databases, databases


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases(tmp_path_factory.mktemp("databases")) as made:
        yield made


def behind(server, name):
    with server.copy(name) as copy:
        return sequences.behind(copy).things


@pytest.mark.parametrize("name", NAMES)
def test_the_sequences_of_a_restored_copy_lie_ahead(server, name):
    assert behind(server, server.restored(name)) == ()


@pytest.mark.parametrize(
    ("name", "damage", "line"),
    [
        ("shop", "SELECT setval('orders_id_seq', 7999)", "public.orders_id_seq: next is 8000, and public.orders.id has 8000 already"),
        (
            "shop",
            "SELECT setval('orders_id_seq', 8000, false)",
            "public.orders_id_seq: next is 8000, and public.orders.id has 8000 already",
        ),
        ("shop", "ALTER SEQUENCE orders_id_seq RESTART", "public.orders_id_seq: next is 1, and public.orders.id has 8000 already"),
        (
            "shop",
            "ALTER TABLE customers ALTER id RESTART WITH 100",
            "public.customers_id_seq: next is 100, and public.customers.id has 100 already",
        ),
        ("shop", "SELECT setval('countdown', -29)", "public.countdown: next is -30, and public.tickets.number has -30 already"),
        ("mdvr", "ALTER TABLE invoices ALTER id RESTART", "public.invoices_id_seq: next is 1, and public.invoices.id has 360 already"),
        ("vod_tender", "SELECT setval('vods_id_seq', 1)", "public.vods_id_seq: next is 2, and public.vods.id has 400 already"),
    ],
)
def test_a_sequence_behind_its_column_is_told(server, name, damage, line):
    assert behind(server, server.copied(name, damage)) == (line,)


def test_sequences_that_may_stand_where_they_stand(server):
    server.create(
        "steps",
        "CREATE TABLE never (id serial PRIMARY KEY)",
        "CREATE TABLE steps (id int GENERATED ALWAYS AS IDENTITY (INCREMENT 10))",
        "CREATE SEQUENCE rounds MAXVALUE 5 CYCLE",
        "CREATE TABLE around (id int DEFAULT nextval('rounds'))",
        "CREATE SEQUENCE numbers",
        "CREATE TABLE made (id text DEFAULT 'no-' || nextval('numbers'), twice int DEFAULT nextval('numbers') * 2)",
        "INSERT INTO steps DEFAULT VALUES",
        "INSERT INTO steps DEFAULT VALUES",
        "INSERT INTO around SELECT nextval('rounds') FROM generate_series(1, 8)",
        "INSERT INTO made DEFAULT VALUES",
    )

    assert behind(server, "steps") == ()
    assert behind(server, server.copied("steps", "SELECT setval('steps_id_seq', 2)")) == ()
    assert behind(server, server.copied("steps", "SELECT setval('steps_id_seq', 1)")) == (
        "public.steps_id_seq: next is 11, and public.steps.id has 11 already",
    )


def test_a_sequence_that_two_tables_share_must_lie_ahead_of_both(server):
    server.create(
        "shared",
        "CREATE SEQUENCE shared",
        "CREATE TABLE a (id bigint DEFAULT nextval('shared'))",
        "CREATE TABLE b (id bigint DEFAULT nextval('shared'))",
        "INSERT INTO a VALUES (3)",
        "INSERT INTO b VALUES (900)",
        "SELECT setval('shared', 5)",
    )

    assert behind(server, "shared") == ("public.shared: next is 6, and public.b.id has 900 already",)


def test_a_sequence_of_a_partitioned_table_is_told_once(server):
    server.create(
        "parts",
        "CREATE TABLE a (id bigserial, x int) PARTITION BY LIST (x)",
        "CREATE TABLE a1 PARTITION OF a FOR VALUES IN (1)",
        "CREATE TABLE a2 PARTITION OF a FOR VALUES IN (2)",
        "INSERT INTO a (x) VALUES (1), (2), (2)",
        "SELECT setval('a_id_seq', 1)",
    )

    assert behind(server, "parts") == ("public.a_id_seq: next is 2, and public.a.id has 3 already",)
