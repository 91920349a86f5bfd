"""The drill rows of vod-tender and MDVR: each way in which a backup does not come back turns its own check red, and says why.

One run drills them all, in two environments, into a scratch server and a scratch folder.
"""

from collections.abc import Iterator

import pytest

from muster.verdicts import EXIT_VIOLATED, Verdict
from tests.drill.systems import DAY, Ran, Systems, edited, gz, index_damaged, newer, systems, taken, zstd

ROLES = ["app", "muster"]
UNKNOWN_OF_A_COPY = {
    *("restored_schema_is_that_of_live", "restored_tables_hold_their_rows", "restored_rows_refer_to_rows", "restored_sequences_are_ahead"),
    *("restored_pages_are_sound", "restore_fits_the_recovery_time"),
}
CLIENTS, ERRORS = "no_client_is_older_than_its_server", "restore_has_no_sql_error"
WHOLE, RECENT = "backup_is_whole_when_it_is_restored", "drill_restores_a_recent_backup"
SCHEMA, ROWS, ORPHANS = "restored_schema_is_that_of_live", "restored_tables_hold_their_rows", "restored_rows_refer_to_rows"
RECOVERED, SOUND, TIME, NEWEST = (
    *("recovery_reached_its_target", "restored_pages_are_sound", "restore_fits_the_recovery_time", "restored_rows_are_recent"),
)
ORPHAN = (
    r"^(COPY public\.chat_messages [^\n]*\n\d+\t)\d+\t(.*)"
    r"^ALTER TABLE ONLY public\.chat_messages\s+ADD CONSTRAINT chat_messages_vod_id_fkey.*?;"
)
ONE_ROW = r"^(COPY public\.kv [^\n]*\n[^\n]*\n).*?^(\\\.)$"


def vod_tender(made: Systems) -> None:
    """Plain and custom dumps, and a base backup with its log."""
    base = taken(made, made.backups / "wal")  # before the dumps, so that live does not change after them
    plain, custom = made.dump("vod"), made.dump("vod", "-Fc")
    common = {"scratch": "server", "live": "live", "roles": ROLES}
    add = made.add
    add("vod-tender", "vod", gz(plain), ".sql.gz", newest={"public.chat_messages": "abs_timestamp"}, expect={"newest_row": "24h"}, **common)
    add("vod-tender", "vod-old", gz(plain), ".sql.gz", age=365 * DAY, **common)
    add("vod-tender", "vod-nothing", gz(b""), ".sql.gz", **common)
    add("vod-tender", "vod-cut", gz(plain)[:-500], ".sql.gz", **common)
    add("vod-tender", "vod-no-chat", gz(made.dump("vod", "--exclude-table=chat_messages")), ".sql.gz", **common)
    add("vod-tender", "vod-one-row", gz(edited(plain, ONE_ROW, r"\1\2")), ".sql.gz", **common)
    add(
        "vod-tender",
        "vod-sql-error",
        gz(edited(plain, "CREATE INDEX vods_by_channel", "CREATE INDEX vods by channel")),
        ".sql.gz",
        **common,
    )
    add("vod-tender", "vod-orphans", gz(edited(plain, ORPHAN, r"\g<1>77777777\t\2")), ".sql.gz", **common)
    add(
        "vod-tender",
        "vod-too-new",
        gz(edited(plain, r"Dumped (by pg_dump|from database) version \d+", r"Dumped \1 version 99")),
        ".sql.gz",
        **common,
    )
    add("vod-tender", "vod-custom", custom, ".dump", **common)
    add("vod-tender", "vod-custom-cut", custom[: len(custom) // 2], ".dump", **common)
    add("vod-tender", "vod-custom-new", newer(custom), ".dump", **common)
    add("vod-tender", "vod-of-a-superuser", gz(plain), ".sql.gz", **common | {"roles": ["app", "muster", "postgres"]})
    made.add_object("vod-tender", "vod-bucket", plain.decode(), **common)
    made.add_object("vod-tender", "vod-bucket-cut", plain.decode(), kept=0.9, **common)
    made.add_object("vod-tender", "vod-bucket-open", plain.decode(), encryption="", **common)
    made.add_object("vod-tender", "vod-slow", plain.decode(), slow=1.0, expect={"restored_within": "1s"}, **common)
    own = {"scratch": "folder", "live": "live", "format": "base", "roles": []}
    recovery = {"wal": "wal", "database": "vod"}
    add("vod-tender", "vod-base", base, ".tar.gz", recovery=recovery, **own)
    add("vod-tender", "vod-paused", base, ".tar.gz", recovery=recovery | {"to": "immediate", "action": "pause"}, **own)
    add("vod-tender", "vod-bad-index", index_damaged(made, base, "chat_messages_by_vod"), ".tar.gz", recovery=recovery, **own)
    add("vod-tender", "vod-no-log", base, ".tar.gz", recovery=recovery | {"wal": "no-wal"}, **own)
    (made.backups / "no-wal").mkdir()
    made.write("vod-tender", "vod")


def mdvr(made: Systems) -> None:
    """Plain dumps compressed by zstd, and dumps of Redis."""
    common = {"scratch": "server", "live": "live", "roles": ROLES}
    made.add("mdvr", "mdvr", zstd(made.dump("mdvr")), ".sql.zst", **common)
    made.add("mdvr", "mdvr-of-nothing", zstd(made.dump("nothing")), ".sql.zst", **common)
    keys = {"scratch": "folder", "live": "keys", "format": "rdb"}
    with made.keys.connect() as client:
        client.flushall()
        client.save()
        empty = (made.keys._home.data / "dump.rdb").read_bytes()
        for number in range(1000):
            client.set(f"device:{number}", "x" * 20)
        client.save()
    full = (made.keys._home.data / "dump.rdb").read_bytes()
    made.add("mdvr", "queue", full, ".rdb", **keys)
    made.add("mdvr", "queue-empty", empty, ".rdb", **keys)
    made.add("mdvr", "queue-cut", full[: len(full) // 2], ".rdb", **keys)
    made.write("mdvr", "mdvr")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Systems, Ran]]:
    with systems(tmp_path_factory.mktemp("systems")) as made:
        vod_tender(made)
        mdvr(made)
        yield made, made.run()


EXPECTED: dict[str, tuple[set[str], set[str], str]] = {
    "vod": (set(), set(), ""),
    "vod-custom": (set(), set(), ""),
    "vod-of-a-superuser": (set(), {WHOLE, CLIENTS, ERRORS, *UNKNOWN_OF_A_COPY}, ""),
    "vod-bucket": (set(), set(), ""),
    "vod-bucket-cut": ({WHOLE}, {CLIENTS, ERRORS, *UNKNOWN_OF_A_COPY}, "cut off"),
    "vod-bucket-open": ({"backup_is_encrypted_where_it_lies"}, set(), ""),
    "vod-base": (set(), set(), ""),
    "mdvr": (set(), set(), ""),
    "queue": (set(), set(), ""),
    "vod-old": ({RECENT}, set(), "365d"),
    "vod-nothing": ({WHOLE}, {CLIENTS, ERRORS, *UNKNOWN_OF_A_COPY}, "unpacks to nothing"),
    "vod-cut": ({WHOLE}, {CLIENTS, ERRORS, *UNKNOWN_OF_A_COPY}, "cut off"),
    "vod-no-chat": ({SCHEMA}, set(), "missing: table public.chat_messages"),
    "vod-one-row": ({ROWS}, set(), "public.kv: 1 row of 43"),
    "vod-sql-error": ({ERRORS}, UNKNOWN_OF_A_COPY, "syntax error"),
    "vod-orphans": ({ORPHANS, SCHEMA}, set(), "1 orphan row"),
    "vod-slow": ({TIME}, set(), ""),
    "vod-too-new": ({CLIENTS}, set(), "is older than"),
    "vod-custom-cut": ({WHOLE}, {CLIENTS, ERRORS, *UNKNOWN_OF_A_COPY}, ""),
    "vod-custom-new": ({CLIENTS}, {WHOLE, ERRORS, *UNKNOWN_OF_A_COPY}, "too old for"),
    "vod-paused": ({RECOVERED}, {SOUND}, "paused at its target"),
    "vod-bad-index": ({SOUND}, {ROWS, ORPHANS, "restored_sequences_are_ahead"}, "chat_messages_by_vod"),
    "vod-no-log": ({WHOLE}, {CLIENTS, ERRORS, RECOVERED, *UNKNOWN_OF_A_COPY}, "WAL archive lacks"),
    "mdvr-of-nothing": ({SCHEMA, ROWS, ORPHANS, "restored_sequences_are_ahead"}, set(), "missing: table"),
    "queue-empty": ({ROWS}, set(), "db0: 0 rows of 1,000"),
    "queue-cut": ({WHOLE}, {CLIENTS, ROWS, TIME}, ""),
}
"""Of each drill: what is violated, what is unknown as its consequence, and words that say why."""


@pytest.mark.parametrize("drill", EXPECTED)
def test_a_drill_says_what_is_wrong_with_its_backup_and_nothing_else(ran: tuple[Systems, Ran], drill: str) -> None:
    violated, unknown, words = EXPECTED[drill]
    found = ran[1].of(drill)

    told = {name: f"{each.verdict}: {each.observed} {each.reason}" for name, each in found.items()}
    assert {name for name, each in found.items() if each.verdict is Verdict.VIOLATED} == violated, told
    assert {name for name, each in found.items() if each.verdict is Verdict.UNKNOWN} == unknown, told
    assert not violated or any(words in text for text in told.values()), told


def test_every_drill_of_the_run_was_judged(ran: tuple[Systems, Ran]) -> None:
    assert {each.entity for each in ran[1].results} == set(EXPECTED)
    assert ran[1].code == EXIT_VIOLATED


def test_nothing_is_left_of_any_of_them(ran: tuple[Systems, Ran]) -> None:
    made, _ = ran
    with made.scratch.connect() as session:
        names = {name for (name,) in session.execute("SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles")}

    assert {name for name in names if name.startswith("muster_drill_")} == set()
    assert [each.name for each in made.space.iterdir() if not each.name.startswith(".")] == []
    assert [each.name for each in made.folder.iterdir() if each.name.startswith("muster_drill_")] == []
