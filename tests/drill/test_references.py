"""Rows that refer to nothing, and keys that a copy lacks: seen on a real server, each told by name."""

import json
from collections.abc import Iterator

import pytest

from drill import references
from drill.references import Key, declared, found, keys, orphans, unproven
from muster.probes import CouldNotLook
from tests.drill.databases import NAMES, Databases, databases

WEIRD = '"Odd.Names"."we""ird\ntable"'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases(tmp_path_factory.mktemp("databases")) as made:
        yield made


def of_live(server, name):
    with server.live(name) as live:
        return keys(live)


def counted(server, name, wanted):
    with server.copy(name) as copy:
        return orphans(copy, wanted)


def lost(server, name, wanted):
    return found(counted(server, name, wanted)).things


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_copy_has_no_orphans_and_every_key(server, name):
    wanted = of_live(server, name)
    restored = server.restored(name)

    seen = counted(server, restored, wanted)

    assert [each.rows for each in seen] == [0] * len(wanted)
    assert unproven(wanted, of_live(server, restored)) == 0
    assert {str(each.key) for each in seen} == {str(key) for key in wanted}


def test_the_keys_of_production_are_all_known(server):
    assert sorted(map(str, of_live(server, "mdvr"))) == [
        "public.devices (tenant_id) -> public.tenants (id)",
        "public.invoices (subscription_id) -> public.subscriptions (id)",
        "public.subscriptions (tenant_id) -> public.tenants (id)",
        "public.telemetry (tenant_id, serial_number) -> public.devices (tenant_id, serial_number)",
    ]
    assert '"Odd.Names"."we""ird\\ntable" ("Ünï.cödé") -> public.orders (id)' in map(str, of_live(server, "shop"))


def test_keys_survive_being_written_down(server):
    wanted = of_live(server, "shop")

    assert references.from_plain(json.loads(json.dumps(references.to_plain(wanted)))) == wanted


def test_a_written_operator_that_is_none_is_refused(server):
    plain = references.to_plain(of_live(server, "shop"))
    plain[0]["operators"] = [["pg_catalog", "= 1) or pg_sleep(9) is null or (1 ="]]

    with pytest.raises(ValueError, match="no operator"):
        references.from_plain(plain)


DROP_EVERY_KEY = """
DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname);
    END LOOP;
END $$
"""
UNCHECKED = "SET session_replication_role = replica"
DAMAGE = {
    "of a partitioned table": (
        "mdvr",
        ["DELETE FROM devices WHERE serial_number = 'SN5'"],
        ["public.telemetry (tenant_id, serial_number) -> public.devices (tenant_id, serial_number): 45 orphan rows"],
    ),
    "one": (
        "mdvr",
        ["UPDATE invoices SET subscription_id = 99 WHERE id = 7"],
        ["public.invoices (subscription_id) -> public.subscriptions (id): 1 orphan row"],
    ),
    "of the table itself, with several columns": (
        "shop",
        ["DELETE FROM order_lines WHERE order_id = 1999"],
        ["public.order_lines (parent_order, parent_line) -> public.order_lines (order_id, line): 1 orphan row"],
    ),
    "of text that knows no case": (
        "shop",
        ["UPDATE customers SET email = 'another' WHERE id = 1"],
        ["public.orders (customer_email) -> public.customers (email): 80 orphan rows"],
    ),
    "of hostile names": (
        "shop",
        [f'UPDATE {WEIRD} SET "Ünï.cödé" = -1 WHERE "Id" < 4'],
        ['"Odd.Names"."we""ird\\ntable" ("Ünï.cödé") -> public.orders (id): 3 orphan rows'],
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("constraint", [True, False], ids=["with the constraint", "without it"])
def test_orphans_are_counted_by_key(server, damage, constraint):
    name, statements, lines = DAMAGE[damage]
    without = [] if constraint else [DROP_EVERY_KEY]
    copy = server.copied(name, *without, UNCHECKED, *statements)

    assert list(lost(server, copy, of_live(server, name))) == lines


def test_no_parent_is_no_orphan_unless_a_key_is_matched_in_full(server):
    server.create(
        "nulls",
        "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b))",
        "CREATE TABLE c (a int, b int, FOREIGN KEY (a, b) REFERENCES p)",
        "CREATE TABLE f (a int, b int, FOREIGN KEY (a, b) REFERENCES p MATCH FULL)",
        "INSERT INTO p VALUES (1, 1)",
        UNCHECKED,
        "INSERT INTO c VALUES (1, 1), (NULL, 5), (5, NULL), (NULL, NULL), (1, 2)",
        "INSERT INTO f VALUES (1, 1), (NULL, 5), (5, NULL), (NULL, NULL), (1, 2)",
    )

    assert lost(server, "nulls", of_live(server, "nulls")) == (
        "public.c (a, b) -> public.p (a, b): 1 orphan row",
        "public.f (a, b) -> public.p (a, b): 3 orphan rows",
    )


def test_a_key_of_a_table_does_not_hold_for_its_heirs(server):
    server.create(
        "heirs",
        "CREATE TABLE p (id int PRIMARY KEY)",
        "CREATE TABLE p_heir () INHERITS (p)",
        "CREATE TABLE c (p_id int REFERENCES p)",
        "CREATE TABLE c_heir () INHERITS (c)",
        "INSERT INTO p_heir VALUES (7)",
        "INSERT INTO c_heir VALUES (8)",
        UNCHECKED,
        "INSERT INTO c VALUES (7)",
    )

    assert lost(server, "heirs", of_live(server, "heirs")) == ("public.c (p_id) -> public.p (id): 1 orphan row",)


def test_what_production_does_not_promise_itself_is_told_and_not_judged(server):
    live = server.copied(
        "mdvr",
        "ALTER TABLE invoices DROP CONSTRAINT invoices_subscription_id_fkey",
        "UPDATE invoices SET subscription_id = 99 WHERE id = 7",
        "ALTER TABLE invoices ADD FOREIGN KEY (subscription_id) REFERENCES subscriptions (id) NOT VALID",
    )

    seen = counted(server, server.restored(live), of_live(server, live))

    assert found(seen) == 0
    assert "public.invoices (subscription_id) -> public.subscriptions (id): 1 orphan row" in map(str, seen)


def test_a_table_that_is_gone_makes_all_that_refers_to_it_orphans(server):
    wanted = [key for key in of_live(server, "vod_tender") if key.to == ("public", "vods")]
    copy = server.copied("vod_tender", "DROP TABLE vods CASCADE")

    assert lost(server, copy, wanted) == (
        "public.chat_messages (vod_id) -> public.vods (id): 9,500 orphan rows; there is no public.vods.id",
    )


def test_a_table_that_refers_and_is_gone_is_told_and_not_counted(server):
    wanted = [key for key in of_live(server, "vod_tender") if key.to == ("public", "vods")]

    (seen,) = counted(server, server.copied("vod_tender", "DROP TABLE chat_messages"), wanted)

    assert str(seen) == "public.chat_messages (vod_id) -> public.vods (id): not counted; there is no public.chat_messages.vod_id"
    assert found([seen]) == 0


def test_keys_that_a_copy_lacks_or_has_not_checked_are_told(server):
    copy = server.copied(
        "shop",
        "ALTER TABLE orders DROP CONSTRAINT orders_customer",
        "ALTER TABLE order_lines DROP CONSTRAINT lines_parent",
        "ALTER TABLE order_lines ADD FOREIGN KEY (parent_order, parent_line) REFERENCES order_lines (order_id, line) NOT VALID",
        "ALTER TABLE orders RENAME CONSTRAINT orders_email TO another_name",
    )

    assert unproven(of_live(server, "shop"), of_live(server, copy)).things == (
        "public.order_lines (parent_order, parent_line) -> public.order_lines (order_id, line): not validated in the copy",
        "public.orders (customer_id) -> public.customers (id): the copy has no such foreign key",
    )


def test_a_declared_reference_needs_no_constraint(server):
    copy = server.copied(
        "vod_tender", "ALTER TABLE chat_messages DROP CONSTRAINT chat_messages_vod_id_fkey", "DELETE FROM vods WHERE id = 400"
    )
    wanted = [declared("public.chat_messages.vod_id -> public.vods.id")]

    assert lost(server, "vod_tender", wanted) == ()
    assert lost(server, copy, wanted) == ("public.chat_messages (vod_id) -> public.vods (id): 23 orphan rows",)


def test_declared_references_compare_as_their_columns_do(server):
    assert lost(server, "shop", [declared("public.orders.customer_email -> public.customers.email")]) == ()
    assert lost(server, "shop", [declared("public.order_lines (order_id) -> public.orders (id)")]) == ()
    assert (
        lost(server, "mdvr", [declared("public.telemetry (tenant_id, serial_number) -> public.devices (tenant_id, serial_number)")]) == ()
    )
    assert lost(server, "shop", [declared(f'{WEIRD}."Id" -> public.tickets.number')]) == (
        '"Odd.Names"."we""ird\\ntable" ("Id") -> public.tickets (number): 50 orphan rows',
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("public.a.x", "is no reference"),
        ("public.a.x -> b.y", "no name of 3 parts"),
        ("public.a.x -> public.b (x, y)", r"1 column\(s\) cannot refer to 2"),
        ("public.a (x, ) -> public.b (x, y)", "columns as"),
        ("public.a () -> public.b ()", "no name of 3 parts"),
        ("public.a (x; drop table y) -> public.b (x)", "columns as"),
        ("public.a (x y) -> public.b (x)", "columns as"),
    ],
)
def test_what_is_no_reference_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        declared(text)


def test_quoted_names_of_a_reference_are_read():
    assert declared('"A.b"."c -""d"."E" -> x.y.z') == Key(("A.b", 'c -"d'), ("E",), ("x", "y"), ("z",), name="declared")
    assert declared('s.t ("a, b", c) -> s.u (d, "E)")').columns == ("a, b", "c")


def test_columns_that_cannot_be_compared_are_unknown(server):
    copy = server.copied(
        "shop", "ALTER TABLE order_lines DROP CONSTRAINT order_lines_order_id_fkey", "ALTER TABLE order_lines DROP CONSTRAINT lines_parent"
    )
    server.run(copy, "ALTER TABLE order_lines ALTER order_id TYPE text")

    with pytest.raises(CouldNotLook, match="SQL error 42883"):
        counted(server, copy, of_live(server, "shop"))
