"""Of databases and readings: what platform-service's runbook does not speak of."""

from collections.abc import Callable
from typing import Any

from muster.kinds.postgresql import DatabaseExpect
from sandbox.world import Database, Route, Series, Session, Standby, World
from sandbox.worlds.platform_service.database import ROLE
from sandbox.worlds.platform_service.metrics import DAY
from tests.proof.unlisted import VIOLATED, Unlisted

LOGIN = {"host": "127.0.0.1", "dbname": "ledger", "user": "muster", "password": "env:SANDBOX_LEDGER_PASSWORD_MUSTER", "sslmode": "disable"}
CONNECTIONS: dict[str, Any] = {
    "ledger": {"postgresql": {**LOGIN, "port": "env:SANDBOX_LEDGER_PORT"}},
    "ledger-standby": {"postgresql": {**LOGIN, "port": "env:SANDBOX_LEDGER_STANDBY_PORT"}},
}
"""Beside those of the sandbox's environment."""


def _database(name: str, **expect: Any) -> dict[str, Any]:
    """An entity of which nothing is expected but this."""
    off = {key: {"off": "not the subject here"} for key, field in DatabaseExpect.model_fields.items() if field.default is not None}
    return {"name": name, "connection": name, "expect": off | expect}


def _reading(name: str, expect: dict[str, Any], **what: Any) -> dict[str, Any]:
    return {"name": name, "expect": expect, **what}


ENTITIES: dict[str, list[dict[str, Any]]] = {
    "databases": [
        {**_database("planned", size="32MiB", superusers=1), "connection": "database"},
        _database("ledger", standbys=1, replication_behind="1MiB", archiving=True, archived_within="1h"),
        # Nobody waits here: it has replayed all and is not late at all, or is as late as its last transaction is old.
        _database("ledger-standby", replication_lag="100ms"),
    ],
    "readings": [
        _reading("colour", {"one_of": ["blue", "green"]}, json={"url": "${api}/deployment", "path": "colour"}),
        _reading("release", {"matches": r"^\d+\.\d+\.\d+$"}, json={"url": "${api}/deployment", "path": "version"}),
        _reading("features", {"contains": "refunds"}, json={"url": "${api}/deployment", "path": "features"}),
        _reading("deployed-schema", {"same_as": "migrated-schema"}, json={"url": "${api}/deployment", "path": "schema"}),
        _reading("migrated-schema", {"at_least": 40}, connection="database", sql="select max(version) from public.schema_migrations"),
        _reading("newest-audit-event", {"newer_than": "26h"}, connection="database", sql="select max(created_at) from public.audit_events"),
        _reading("consumers", {"at_least": 2}, connection="metrics", promql="sum(queue_consumers)"),
        _reading("sign-ups", {"compared_to": {"offset": "6h", "at_least": "50%"}}, connection="metrics", promql="max(signups_per_day)"),
    ],
}
# One piece of its log is archived before anybody asks, or has failed to be.
ARCHIVED = """
DO $$ BEGIN
  PERFORM pg_switch_wal();
  FOR turn IN 1..1000 LOOP
    EXIT WHEN (SELECT archived_count + failed_count > 0 FROM pg_stat_archiver);
    PERFORM pg_sleep(0.01);
    PERFORM pg_stat_clear_snapshot();
  END LOOP;
END $$
"""
FILLER = "SELECT count(pg_logical_emit_message(true, 'filler', repeat('x', 1000))) FROM generate_series(1, 4000)"


def prepare(world: World) -> None:
    """A ledger that archives its log and has a standby; what is deployed; metrics of a queue."""
    world.databases["ledger"] = Database(
        name="ledger",
        owner="ledger",
        passwords={"ledger": "sandbox-ledger", "muster": "sandbox-muster"},
        sql=["CREATE TABLE entries AS SELECT n AS id FROM generate_series(1, 100) n", ROLE.read_text(), ARCHIVED],
        settings={"archive_mode": "on", "archive_command": "mkdir -p ../archive && cp %p ../archive/%f"},
        standby=Standby(),
    )
    deployed = {"colour": "blue", "version": "2.4.1", "features": ["orders", "refunds"], "schema": 42}
    world.sites["api"].routes["/deployment"] = Route(json=deployed)
    if world.metrics is not None:
        world.metrics.series.append(Series("queue_consumers", {}, value={DAY: 3.0}))
        world.metrics.series.append(Series("signups_per_day", {}, value={DAY: 200.0}))


def _deployed(**fields: Any) -> Callable[[World], None]:
    return lambda world: world.sites["api"].routes["/deployment"].json.update(fields)


def _ledger(world: World) -> Database:
    return world.databases["ledger"]


def _sql(statement: str) -> Callable[[World], None]:
    return lambda world: world.databases["database"].sql.append(statement)


def _series(name: str, value: float, since: int = 600) -> Callable[[World], None]:
    """What a series is worth from so many seconds ago on."""

    def edit(world: World) -> None:
        for each in world.metrics.series if world.metrics else ():
            if each.name == name:
                each.value[since] = value

    return edit


def _standby(**fields: bool) -> Callable[[World], None]:
    return lambda world: setattr(_ledger(world), "standby", Standby(**fields))


def _not_replayed(world: World) -> None:
    """Somebody paused the replay for a look at old rows, and the application goes on writing."""
    _standby(paused=True)(world)
    _ledger(world).sessions.append(Session(FILLER))


def _archives(command: str) -> Callable[[World], None]:
    return lambda world: _ledger(world).settings.update(archive_command=command)


def _archiving_hangs(world: World) -> None:
    """The place of the archive no longer answers: no attempt fails, and none comes to an end."""
    _archives("sleep 600")(world)
    _ledger(world).sql.remove(ARCHIVED)


ARCHIVES, RECENTLY = "test_write_ahead_log_is_archived[ledger]", "test_write_ahead_log_was_archived_recently[ledger]"
STREAM, REPLAY, IN_TIME = (
    *("test_standbys_stream_from_the_primary[ledger]", "test_standbys_replay_what_they_receive[ledger]"),
    "test_standbys_follow_in_time[ledger-standby]",
)
FAULTS: tuple[Unlisted, ...] = (
    Unlisted("a colour is deployed that there is not", _deployed(colour="purple"), VIOLATED, ("test_reading_is_one_of[colour]",), "purple"),
    Unlisted(
        "a snapshot was released", _deployed(version="2.5.0-SNAPSHOT"), VIOLATED, ("test_reading_matches[release]",), "2.5.0-SNAPSHOT"
    ),
    Unlisted(
        "a feature was left out",
        _deployed(features=["orders"]),
        VIOLATED,
        ("test_reading_contains[features]",),
        "1 entry: a text of 6 characters, withheld",
    ),
    Unlisted(
        "the code is of another schema", _deployed(schema=43), VIOLATED, ("test_reading_is_the_same_as_another[deployed-schema]",), "43"
    ),
    Unlisted(
        "no audit event since the day before yesterday",
        _sql("DELETE FROM audit_events WHERE created_at > now() - interval '2 days'"),
        VIOLATED,
        ("test_reading_is_newer_than[newest-audit-event]",),
        "2d",
    ),
    Unlisted("consumers of a queue died", _series("queue_consumers", 1.0), VIOLATED, ("test_reading_is_at_least[consumers]",), "1"),
    Unlisted("sign-ups break down", _series("signups_per_day", 60.0), VIOLATED, ("test_reading_compares_to_its_past[sign-ups]",), "30%"),
    Unlisted(
        "a table fills the database",
        _sql("CREATE TABLE uploads AS SELECT n, repeat(md5(n::text), 30) AS content FROM generate_series(1, 30000) n"),
        VIOLATED,
        ("test_database_is_not_larger_than_planned[planned]",),
        "MiB",
    ),
    Unlisted(
        "somebody was made a superuser",
        _sql("CREATE ROLE jane LOGIN SUPERUSER"),
        VIOLATED,
        ("test_few_superusers_can_log_in[planned]",),
        "jane",
    ),
    Unlisted("archiving fails", _archives("cp %p /no/such/place/%f"), VIOLATED, (ARCHIVES,), "failed", (STREAM,)),
    Unlisted("archiving hangs", _archiving_hangs, VIOLATED, (RECENTLY,), "nothing was ever archived", (ARCHIVES, STREAM)),
    Unlisted("the standby is down", _standby(stopped=True), VIOLATED, (STREAM,), "no standby is connected", (ARCHIVES, RECENTLY)),
    Unlisted("the standby no longer replays", _not_replayed, VIOLATED, (REPLAY, IN_TIME), "behind", (STREAM,)),
)
