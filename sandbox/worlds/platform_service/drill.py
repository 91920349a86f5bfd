"""platform-service: the scratch server of its restore drill, and the ways in which a backup does not come back."""

from collections.abc import Callable

from sandbox.world import Database, Fault, Served, World
from sandbox.worlds.platform_service.hosts import newest

DAY = 86400.0
LEFT = ("muster_drill_65000000_65001000_abc123_50ca8de9", "muster_drill_65100000_65101000_0ddba1_8cb7d7c4")
"""Names that drills of 2023 could have made."""


def build(world: World, _: float) -> None:
    """Add the scratch server to the healthy world."""
    world.scratch["scratch"] = Database(
        name="drills",
        owner="muster_drill",
        passwords={"muster_drill": "sandbox-muster-drill"},
        sql=["ALTER ROLE muster_drill SUPERUSER", "CREATE DATABASE muster_drill_notes", "CREATE DATABASE muster_drill_65000000"],
        settings={"max_connections": "20"},
        certificate=Served(names=["127.0.0.2"]),
    )
    world.earlier["drill/platform-db"] = {14 * 86400: 1.0}


def _dump(**values: object) -> Callable[[World], None]:
    """An edit that sets fields of the newest dump."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(newest(world), name, value)

    return edit


def _edited(pattern: str, replacement: str) -> Callable[[World], None]:
    """An edit of the dump's text."""
    return _dump(edits={pattern: replacement})


def _left(world: World) -> None:
    world.scratch["scratch"].sql += [f"CREATE DATABASE {LEFT[0]}", f"CREATE ROLE {LEFT[1]}"]


def _forgotten(world: World) -> None:
    world.earlier["drill/platform-db"] = {40 * 86400: 1.0, 9 * 86400: 0.0}


def _stopped(world: World) -> None:
    world.scratch["scratch"].stopped = True


def of(*checks: str) -> tuple[str, ...]:
    """Ids of the drill's checks."""
    return tuple(f"test_{check}[platform-db]" for check in checks)


RECENT, WHOLE = of("drill_restores_a_recent_backup", "backup_is_whole_when_it_is_restored")
CLIENT, ERRORS = of("no_client_is_older_than_its_server", "restore_has_no_sql_error")
SCHEMA, ROWS, LAST = of("restored_schema_is_that_of_live", "restored_tables_hold_their_rows", "restored_tables_hold_what_they_last_did")
ORPHANS, SEQUENCES, SOUND = of("restored_rows_refer_to_rows", "restored_sequences_are_ahead", "restored_pages_are_sound")
NEWEST, TIME, CHANGES = of("restored_rows_are_recent", "restore_fits_the_recovery_time", "drill_changes_nothing_of_the_source")
LEFTOVERS, END = of("no_earlier_drill_left_anything", "drill_leaves_nothing_behind")
INVARIANT = "test_reading_equals[no-negative-amount]"
VERIFIED = (SCHEMA, ROWS, ORPHANS, SEQUENCES, SOUND, NEWEST, TIME, INVARIANT)
"""What can only be said of a copy."""

FAULTS: list[Fault] = [
    Fault("drill-backup-old", "the newest backup is a year old", _dump(written=365 * DAY), (RECENT,)),
    Fault(
        "drill-dump-empty",
        "the newest dump is a gzip of nothing, 20 bytes",
        _dump(dump="", head="", filler=0, tail=""),
        (WHOLE,),
        hides=(CLIENT, ERRORS, *VERIFIED),
    ),
    Fault(
        "drill-dump-truncated",
        "the newest dump broke off while it was copied",
        _dump(kept=0.9),
        (WHOLE,),
        hides=(CLIENT, ERRORS, *VERIFIED),
    ),
    Fault("drill-table-missing", "the dump lacks a table", _dump(dump_options=["--exclude-table=audit_events"]), (SCHEMA, NEWEST)),
    Fault(
        "drill-rows-lost",
        "of a table with a thousand rows one is in the dump",
        _edited(r"^(COPY public\.audit_events [^\n]*\n[^\n]*\n).*?^(\\\.)$", r"\1\2"),
        (ROWS,),
    ),
    Fault(
        "drill-sql-error",
        "a statement in the middle of the dump fails",
        _edited(r"ON public\.orders USING btree \(created_at\)", "ON public.orders USING btree (no_such_column)"),
        (ERRORS,),
        hides=VERIFIED,
    ),
    Fault(
        "drill-orphans",
        "refunds in the dump refer to orders that are not in it, and the foreign key is gone",
        _edited(
            r"^(COPY public\.refunds [^\n]*\n\d+\t)\d+\t(.*)^ALTER TABLE ONLY public\.refunds\s+ADD CONSTRAINT refunds_order_id_fkey.*?;",
            r"\g<1>77777777\t\2",
        ),
        (ORPHANS, SCHEMA),
    ),
    Fault(
        "drill-sequence-behind",
        "a sequence of the dump would yield numbers that are taken",
        _edited(r"setval\('public\.orders_id_seq', \d+", "setval('public.orders_id_seq', 7"),
        (SEQUENCES,),
    ),
    Fault(
        "drill-rows-old",
        "the dump is of last night, and its newest rows are of last week",
        _edited(r"^(COPY public\.audit_events [^\n]*\n)(?:[^\n]*\n){25}", r"\1"),
        (NEWEST,),
    ),
    Fault(
        "drill-dump-by-an-old-client",
        "the dump was made by a client older than its server",
        _edited(r"Dumped by pg_dump version \d+", "Dumped by pg_dump version 9"),
        (CLIENT,),
    ),
    Fault(
        "drill-dump-runs-a-shell",
        "a line of the dump is a command for psql's shell",
        _edited(r"^SET statement_timeout = 0;", r"\\! touch /tmp/muster-was-here"),
        (ERRORS,),
        hides=VERIFIED,
    ),
    Fault(
        "drill-forgotten",
        "the last drill that passed was forty days ago, and the one after it did not",
        _forgotten,
        ("test_a_drill_passed_recently[platform-db]",),
    ),
    Fault("drill-left-something", "a drill that was killed has left a database and a role", _left, (LEFTOVERS,)),
    Fault(
        "drill-scratch-stopped",
        "nothing listens on the scratch server's port",
        _stopped,
        (RECENT, WHOLE, CLIENT, ERRORS, *VERIFIED, LEFTOVERS, END, CHANGES),
        "unknown",
    ),
]
