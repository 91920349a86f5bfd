"""Replication as seen from a real primary with a streaming standby, and from that standby."""

import shutil
import time
from collections.abc import Iterator
from types import SimpleNamespace

import psycopg
import pytest

from drill.fences import same_server
from drill.scratch import Place
from fixtures.postgresql.server import archiving
from muster.probes import CouldNotLook
from muster.scratch import ScratchServer
from muster.units import ByteSize
from sandbox.processes import Child
from tests.probes.database_servers import Server, database, look, passwords, pick
from tests.probes.web_servers import closed_port

pytestmark = pytest.mark.usefixtures("unhurried")
PATIENCE = 30.0


class Pair:
    """A primary, its standby, and how to talk to both."""

    def __init__(self, primary: Server, port: int) -> None:
        self.primary = primary
        self.port = port

    def standby(self, **changes):
        return self.primary.connection(port=self.port, **changes)

    def on_standby(self, statement):
        home = self.primary.real._home
        with psycopg.connect(host=str(home.sockets), port=self.port, user="postgres", dbname="platform_db", autocommit=True) as connection:
            return connection.execute(statement).fetchone()

    def on_primary(self, statement):
        with self.primary.superuser() as connection:
            cursor = connection.execute(statement)
            return cursor.fetchone() if cursor.description else None

    def catch_up(self):
        (written,) = self.on_primary("SELECT pg_current_wal_lsn()::text")
        until(lambda: self.on_standby(f"SELECT pg_last_wal_replay_lsn() >= '{written}'") == (True,))
        until(lambda: self.on_primary(f"SELECT replay_lsn >= '{written}' FROM pg_stat_replication") == (True,))


def until(condition):
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, "the standby does not get there"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Iterator[Pair]:
    primary = Server(tmp_path_factory.mktemp("primary"))
    primary.become(access=["local replication all trust"])
    home, port = primary.real._home, closed_port()
    if not (home.binaries / "pg_basebackup").exists():
        pytest.skip("this PostgreSQL came without pg_basebackup")
    copy = home.root / "standby"
    reach = ["-h", str(home.sockets), "-p", str(primary.real.port), "-U", "postgres"]
    made = home.run([str(home.binaries / "pg_basebackup"), *reach, "-D", str(copy), "-R", "-X", "stream", "-c", "fast"])
    assert made.returncode == 0, made.stderr
    log = tmp_path_factory.mktemp("standby") / "standby.log"
    # What pg_basebackup wrote down may name options that the server's own client library does not know.
    source = f"primary_conninfo=host={home.sockets} port={primary.real.port} user=postgres"
    standby = Child([str(home.binaries / "postgres"), "-D", str(copy), "-p", str(port), "-c", source], log, home.account, home.prefix)
    try:
        started = Pair(primary, port)
        streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        standby.wait_until(lambda: started.on_primary(streaming) == (1,), PATIENCE)
        with passwords():
            yield started
    finally:
        standby.stop()
        shutil.rmtree(copy, ignore_errors=True)
        primary.real.stop()


def test_a_standby_that_follows_is_seen_from_the_primary(pair):
    pair.catch_up()

    seen = look("database_replication", database(pair.primary.connection(role="primary")))

    assert (seen.looked_at, seen.streaming) == (1, 1)
    assert seen.behind < ByteSize(2**20)


def test_replay_that_stalls_shows_in_bytes_on_both_sides(pair):
    pair.catch_up()
    pair.on_standby("SELECT pg_wal_replay_pause()")
    until(lambda: pair.on_standby("SELECT pg_get_wal_replay_pause_state()") == ("paused",))
    pair.on_primary("CREATE TABLE IF NOT EXISTS filler (text text)")
    pair.on_primary("INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 4000)")
    (written,) = pair.on_primary("SELECT pg_current_wal_lsn()::text")
    until(lambda: pair.on_standby(f"SELECT pg_last_wal_receive_lsn() >= '{written}'") == (True,))

    from_primary = look("database_replication", database(pair.primary.connection()))
    from_standby = look("database_replication", database(pair.standby(role="standby")))
    pair.on_standby("SELECT pg_wal_replay_resume()")

    assert from_primary.streaming == 1
    assert from_primary.behind > ByteSize(2**20)
    assert from_standby.behind > ByteSize(2**20)
    assert from_standby.lag > 0
    assert "behind" in from_primary.note


def test_a_standby_that_has_replayed_all_is_not_behind_however_quiet_the_primary(pair):
    pair.catch_up()

    # Once in a while a server writes a few bytes of its own accord.
    until(lambda: look("database_replication", database(pair.standby())).behind == 0)
    seen = look("database_replication", database(pair.standby()))

    assert seen.streaming == 1
    assert seen.behind < ByteSize(4096)
    assert seen.lag == 0 or seen.behind > 0


def test_a_standby_does_not_archive_unless_told_to(pair):
    assert not pick(archiving, look("database_server", database(pair.standby()))).works


def test_a_standby_is_no_primary(pair):
    with pytest.raises(CouldNotLook, match="this server is a standby, declared is a primary"):
        look("database_replication", database(pair.standby(role="primary")))


def test_a_primary_without_standby_looked_at_nothing(tmp_path):
    alone = Server(tmp_path)
    try:
        alone.become()
        with passwords():
            seen = look("database_replication", database(alone.connection()))
    finally:
        alone.real.stop()

    assert (seen.looked_at, seen.note) == (0, "no standby is connected")


def test_a_drill_restores_into_no_standby(pair):
    server = ScratchServer.model_validate({"host": "127.0.0.2", "port": pair.port, "dbname": "postgres", "user": "muster_drill"})
    home = pair.primary.real._home
    with psycopg.connect(host=str(home.sockets), port=pair.port, user="postgres", dbname="platform_db", autocommit=True) as session:
        (said,) = same_server(Place(server, session), SimpleNamespace(connections={}), [])

    assert said == "the scratch server is a standby: it follows another server, and nothing can be restored into it"
