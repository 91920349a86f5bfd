"""Dumps of Redis: what a server makes of them, and what is wrong with those that are not whole."""

import gzip
import os
import resource
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from drill.errors import Damaged
from drill.rdb import Loaded, loaded
from drill.servers import private_folder
from muster.probes import CouldNotLook
from sandbox.services.redis import RedisServer
from sandbox.world import Redis
from tests.drill.production import drill_user
from tests.drill.test_servers import inside

ROOM = 2**30
FAR = 4_102_444_800_000


class Live:
    """The server whose dumps are taken."""

    def __init__(self, folder):
        self.real = RedisServer(folder, lambda _: (b"", b""), lambda _: None)
        self.real.apply(Redis(commands=[], passwords={}, certificate=None))
        self.binaries = self.real._home.binaries

    def dump(self, *commands):
        """The dump of a server that was empty, and these commands."""
        with self.real.connect() as client:
            client.flushall()
            for command in commands:
                client.execute_command(*command)
            client.save()
        return (self.real._home.data / "dump.rdb").read_bytes()


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    made = Live(tmp_path_factory.mktemp("redis"))
    try:
        yield made
    finally:
        made.real.stop()


@pytest.fixture(scope="module")
def dump(live):
    """Twenty keys in database 0, one in database 3."""
    return live.dump(*(["SET", f"user:{n}", f"value {n}"] for n in range(20)), ["SELECT", 3], ["RPUSH", "emails", "a", "b"], ["SELECT", 0])


@contextmanager
def instance(content, live, parent, *, at_most=ROOM, seconds=60, progress=lambda *_: None):
    with private_folder(parent, "muster-drill-test", user=drill_user()) as folder:
        pieces = [content[start : start + 1000] for start in range(0, len(content), 1000)]
        ends = time.monotonic() + seconds
        with loaded(pieces, folder, live.binaries, at_most=at_most, ends=ends, user=drill_user(), progress=progress) as made:
            yield made
    assert inside(parent) == []


def why(content, live, parent, kind=Damaged, **more):
    with pytest.raises(kind) as raised, instance(content, live, parent, **more):
        pass
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_dump_is_counted_by_database(dump, live, parent):
    before = int(time.time())
    with instance(dump, live, parent) as made:
        assert made.result.keys == {0: 20, 3: 1}
        assert made.result.total == made.result.in_file == 21
        assert made.result.expired == 0
        assert made.result.used_memory > 100_000
        assert made.result.rdb_version == int(dump[5:9])
        assert made.result.written_by == made.result.server
        assert abs(made.result.written - before) < 600
        assert {"redis-ver", "redis-bits", "ctime", "used-mem"} <= set(made.result.aux)
        assert set(made.result.seconds) == {"receive", "check", "load"}
        assert made.result.notes == [] or os.geteuid() != 0
        with made.connect(db=3) as client:
            assert client.lrange("emails", 0, -1) == [b"a", b"b"]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_compressed_dump_is_loaded(dump, live, parent, pack):
    with instance(pack(dump), live, parent) as made:
        assert made.result.total == 21


def test_the_server_can_be_reached_through_its_socket_with_its_password_only(dump, live, parent):
    import redis

    with instance(dump, live, parent) as made, made.connect() as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}
        socket = client.config_get("unixsocket")["unixsocket"]
        assert Path(socket).stat().st_mode & 0o777 == 0o700
        assert Path(socket).parent.stat().st_mode & 0o777 == 0o700
        with redis.Redis(unix_socket_path=socket) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_an_empty_export_is_seen_as_no_keys(live, parent):
    with instance(live.dump(), live, parent) as made:
        assert made.result.keys == {}
        assert made.result.total == made.result.in_file == 0
        assert made.result.deviation(1000) == 1.0
        assert not any("expired" in note for note in made.result.notes)


def of_1970(content):
    """The dump as it would be if its keys had expired long ago; such a change leaves no checksum."""
    return content.replace(FAR.to_bytes(8, "little"), (1000).to_bytes(8, "little"))[:-8] + bytes(8)


def test_a_dump_of_which_all_has_expired_is_told(live, parent):
    content = live.dump(*(["SET", f"s:{n}", "x", "PXAT", FAR] for n in range(7)))
    with instance(of_1970(content), live, parent) as made:
        assert made.result.total == 0
        assert (made.result.in_file, made.result.expired) == (7, 7)
        assert "all 7 keys of the dump had expired by now" in made.result.notes


def test_keys_that_have_expired_are_counted(live, parent):
    content = live.dump(*(["SET", f"s:{n}", "x", "PXAT", FAR] for n in range(7)), ["SET", "kept", "x"])
    with instance(of_1970(content), live, parent) as made:
        assert (made.result.in_file, made.result.total, made.result.expired) == (8, 1, 7)
        assert not any("expired" in note for note in made.result.notes)


@pytest.mark.parametrize(("keys", "live_keys", "far"), [(21, 21, 0.0), (21, 42, 0.5), (21, 14, 0.5), (0, 0, 0.0), (3, 0, 1.0), (0, 5, 1.0)])
def test_the_distance_to_the_live_server_is_a_share(keys, live_keys, far):
    given = {"in_file": keys, "expired": 0, "used_memory": 1, "rdb_version": 10, "written_by": "", "server": "7", "written": None}

    assert Loaded(keys={0: keys}, aux={}, seconds={}, **given).deviation(live_keys) == far


def test_a_truncated_dump_is_told_with_the_checkers_words(dump, live, parent):
    said = why(dump[: len(dump) * 2 // 3], live, parent)

    assert said.startswith("redis-check-rdb: Unexpected EOF reading RDB file at byte ")


def test_a_dump_without_its_last_byte_is_told(dump, live, parent):
    assert "Unexpected EOF" in why(dump[:-1], live, parent)


def test_a_flipped_bit_is_told(dump, live, parent):
    broken = bytearray(dump)
    broken[broken.index(b"value 7") + 3] ^= 0x02

    assert why(bytes(broken), live, parent).startswith("redis-check-rdb: RDB CRC error at byte ")


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "the dump is empty"), (b"hello", "begins with b'hello'"), (b"x" * 5000, "is no RDB file")]
)
def test_what_is_no_dump_is_told(content, said, live, parent):
    assert said in why(content, live, parent)


def test_a_newer_dump_is_no_fault_of_the_dump(dump, live, parent):
    said = why(dump[:5] + b"0099" + dump[9:], live, parent, CouldNotLook)

    assert said.startswith("the dump has RDB format version 99, which Redis ")
    assert said.endswith(", the drill's, is too old to read")


def test_a_dump_of_a_fork_is_no_fault_of_the_dump(dump, live, parent):
    assert "is Valkey's" in why(b"VALKEY080" + dump[9:], live, parent, CouldNotLook)


def test_a_dump_that_needs_a_module_is_no_fault_of_the_dump(live, parent):
    empty = live.dump()
    aux = b"\xf7\x81" + (0x1234567890ABCDEF).to_bytes(8, "big") + b"\x02\x01\x00"
    content = empty[: empty.index(b"\xff", 9)] + aux + b"\xff" + bytes(8)

    assert "module" in why(content, live, parent, CouldNotLook)


def test_a_dump_without_a_checksum_is_told(dump, live, parent):
    with instance(dump[:-8] + bytes(8), live, parent) as made:
        assert made.result.total == 21
        assert any("carries no checksum" in note for note in made.result.notes)


def test_a_dump_that_was_cut_while_compressed_is_told(dump, live, parent):
    packed = gzip.compress(dump)

    assert why(packed[: len(packed) // 2], live, parent) == "the dump: unexpected end of file: the gzip archive breaks off"


def test_a_bomb_stops_at_the_estimate(live, parent):
    assert "more than 1MiB, its estimate" in why(gzip.compress(b"REDIS0010" + bytes(2**24)), live, parent, CouldNotLook, at_most=2**20)


def test_a_dump_that_needs_more_memory_than_there_is_is_refused(live, parent):
    empty = live.dump()
    aux = b"\xfa\x08used-mem\x0f999999999999999"
    content = empty[: empty.index(b"\xff", 9)] + aux + b"\xff" + bytes(8)

    assert "and this machine has" in why(content, live, parent, CouldNotLook)


def test_loading_that_takes_too_long_is_given_up(live, parent, monkeypatch):
    from drill import rdb

    content = live.dump(["EVAL", "for n = 1, 5000 do redis.call('SET', 'k:' .. n, string.rep('x', 1100)) end", 0])
    slowly = {"key-load-delay": "50000", "loading-process-events-interval-bytes": "1024"}
    monkeypatch.setattr(rdb, "SETTINGS", rdb.SETTINGS | slowly)
    told = []
    said = why(content, live, parent, CouldNotLook, seconds=6, progress=lambda *what: told.append(what))

    assert said.startswith("gave up at the deadline: redis-server was not through with loading")
    assert [each for each in told if each[0] == "load" and each[2] > 0]


def test_a_full_disk_is_no_fault_of_the_dump(dump, live, parent):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_up(*_):
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))

    try:
        said = why(dump + bytes(100_000), live, parent, CouldNotLook, progress=fill_up)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert said.startswith("the disk is full: File too large")


def test_a_machine_without_redis_is_no_fault_of_the_dump(dump, parent, tmp_path):
    class Nowhere:
        binaries = tmp_path

    assert "cannot run redis-server" in why(dump, Nowhere, parent, CouldNotLook)
