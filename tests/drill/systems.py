"""Backups of systems, whole and damaged in every way that matters, and one run that drills them all."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

from muster import journal
from muster.verdicts import Result, Verdict
from sandbox.services.postgres import PostgresServer
from sandbox.services.redis import RedisServer
from sandbox.world import BucketObject, Database, Redis, Trouble
from tests.drill.production import Production, drill_user, running_production
from tests.probes.bucket_servers import NAME, Server, running_buckets

ROOT = Path(__file__).parents[2]
SCHEMAS = Path(__file__).with_name("schemas")
ROLE = (ROOT / "deploy" / "postgresql-readonly.sql").read_text()
DAY = 86400


@dataclass
class Systems:
    """Servers, backups, and the environments that name them."""

    folder: Path
    production: Production
    scratch: PostgresServer
    keys: RedisServer
    space: Path
    bucket: Server
    objects: dict[str, BucketObject] = field(default_factory=dict)
    trouble: list[Trouble] = field(default_factory=list)
    drills: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def backups(self) -> Path:
        """Where they lie."""
        return self.folder / "backups"

    def dump(self, dbname: str, *options: str) -> bytes:
        """What pg_dump says of a database."""
        home = self.production.home
        command = [str(home.binaries / "pg_dump"), "-h", str(home.sockets), "-p", str(self.production.real.port), "-U", "postgres"]
        target = home.root / "dumped"
        done = home.run([*command, *options, "-f", str(target), dbname])
        assert done.returncode == 0, done.stderr
        made = target.read_bytes()
        target.unlink()
        return made

    def add(self, system: str, name: str, content: bytes, ending: str, *, age: float = 3600.0, expect: Any = None, **more: Any) -> None:
        """A backup of its own, and the drill that restores it."""
        path = self.backups / f"{name}{ending}"
        path.write_bytes(content)
        os.utime(path, (time.time() - age,) * 2)
        self.drills.setdefault(system, []).append({"name": name, "backup": name, "path": path.name, "expect": expect or {}, **more})

    def add_object(
        self, system: str, name: str, dump: str, *, kept: float = 1.0, encryption: str = "AES256", slow: float = 0.0, **more: Any
    ) -> None:
        """The same, of backups that are objects of a bucket: the newest of a week, for which each answer takes `slow` seconds."""
        for night in range(7):
            whole = 1.0 if night else kept
            made = BucketObject(head=dump, gzip=True, kept=whole, written=3600.0 + night * DAY, encryption=encryption)
            self.objects[f"{name}/{chr(97 + night)}-{night}.sql.gz"] = made
        if slow:
            self.trouble.append(Trouble(path=f"/{NAME}/{name}/a-0", delay=slow))
        self.drills.setdefault(system, []).append({"name": name, "backup": name, "prefix": f"{name}/", **more})

    def write(self, system: str, dbname: str) -> None:
        """The environment `system/production`."""
        login = {"host": "127.0.0.1", "port": self.production.real.port, "sslmode": "disable"}
        there = {"host": "127.0.0.2", "port": self.scratch.port, "sslmode": "disable", "dbname": "drills"}
        folder = {"path": str(self.space), "postgresql": str(self.production.home.binaries), "redis": str(self.keys._home.binaries)}
        user = drill_user()
        made = {
            "system": system,
            "owner": f"team-{system}",
            "connections": {
                "live": {"postgresql": {**login, "dbname": dbname, "user": "muster", "password": "env:LIVE_PASSWORD"}},
                "keys": {
                    "redis": {"host": "127.0.0.1", "port": self.keys.port, "tls": False, "user": "muster", "password": "env:KEYS_PASSWORD"}
                },
                "store": {"s3": self.bucket.connection().model_dump(mode="json", exclude_none=True)},
                "here": {"local": {"root": str(self.backups)}},
            },
            "scratch": {
                "server": {
                    "room": "2GiB",
                    "postgresql": {**there, "user": "muster_drill", "password": "env:SCRATCH_PASSWORD"},
                    "spool": str(self.folder),
                },
                "folder": {"room": "2GiB", "folder": folder | ({"user": user.name} if user else {})},
            },
            "backups": [
                {"name": each["name"], "connection": "here", "path": each.pop("path")} for each in self.drills[system] if "path" in each
            ],
            "bucket_backups": [
                {"name": each["name"], "connection": "store", "prefix": each.pop("prefix"), "name_matches": "*.sql.gz"}
                for each in self.drills[system]
                if "prefix" in each
            ],
            "drills": self.drills[system],
        }
        place = self.folder / "environments" / system
        place.mkdir(parents=True)
        (place / "production.yaml").write_text(json.dumps(made))

    def run(self) -> "Ran":
        """Drill everything that was added."""
        self.bucket.become(self.objects, trouble=self.trouble)
        reports = self.folder / "reports"
        command = [sys.executable, "-m", "pytest", "checks/restore_drill", "--drill", "-p", "no:cacheprovider", "--reports", str(reports)]
        command += ["--environments", str(self.folder / "environments"), "--env", "*/production"]
        environment = {name: text for name, text in os.environ.items() if not name.startswith("PG")} | self.variables
        programs = f"{self.production.home.binaries}:{environment['PATH']}"
        done = subprocess.run(
            command, cwd=ROOT, env=environment | {"PATH": programs}, capture_output=True, text=True, timeout=600, check=False
        )
        return Ran(done.returncode, done.stdout + done.stderr, journal.results(reports / "journal.jsonl"))


@dataclass
class Ran:
    """What came of it."""

    code: int
    output: str
    results: list[Result]

    def of(self, drill: str) -> dict[str, Result]:
        """The results of one drill that do not hold, by check."""
        found = [each for each in self.results if each.entity == drill]
        assert found, f"{drill} was not judged: {self.output}"
        return {each.check.removeprefix("test_"): each for each in found if each.verdict is not Verdict.HOLDS}


@contextmanager
def systems(folder: Path) -> Iterator[Systems]:
    """Production and the places of drills, running."""
    (folder / "backups").mkdir()
    with ExitStack() as stack:
        production = stack.enter_context(running_production(folder / "production"))
        server = PostgresServer(folder / "scratch", lambda _: (b"", b""), lambda _: None, "127.0.0.2")
        stack.callback(server.stop)
        server.apply(
            Database(
                name="drills", owner="muster_drill", passwords={"muster_drill": "of-the-drill"}, sql=["ALTER ROLE muster_drill SUPERUSER"]
            )
        )
        keys = RedisServer(folder / "redis", lambda _: (b"", b""), lambda _: None)
        stack.callback(keys.stop)
        keys.apply(Redis(passwords={"muster": "of-the-keys"}))
        short = Path(tempfile.mkdtemp(prefix="m-"))
        stack.callback(shutil.rmtree, short)
        short.chmod(0o711)
        space = short / "muster-drill"
        space.mkdir(mode=0o711)
        bucket = stack.enter_context(running_buckets(folder / "buckets", time.time()))
        secrets = {"LIVE_PASSWORD": "of-the-watcher", "SCRATCH_PASSWORD": "of-the-drill", "KEYS_PASSWORD": "of-the-keys"}
        made = Systems(folder, production, server, keys, space, bucket, variables=secrets)
        for name, schema in (("vod", "vod_tender"), ("mdvr", "mdvr"), ("nothing", "")):
            with production.real.connect() as admin:
                admin.execute("DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
                admin.execute(f"CREATE DATABASE {name} OWNER app")
            with production.real.connect(name) as session:
                session.execute("SET ROLE app")
                session.execute((SCHEMAS / f"{schema}.sql").read_text() if schema else "SELECT 1")
                session.execute("RESET ROLE")
                session.execute(ROLE)
                session.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO muster")
                session.execute("ANALYZE")
        with production.real.connect() as admin:
            admin.execute("ALTER ROLE muster PASSWORD 'of-the-watcher'")
        yield made


def edited(dump: bytes, pattern: str, replacement: str) -> bytes:
    """A plain dump with one thing changed."""
    text, changed = re.subn(pattern, replacement, dump.decode(), count=1, flags=re.MULTILINE | re.DOTALL)
    assert changed, pattern
    return text.encode()


def zstd(content: bytes) -> bytes:
    """Compressed."""
    return zstandard.ZstdCompressor().compress(content)


def newer(archive: bytes) -> bytes:
    """An archive in custom format as a pg_dump of years to come writes it."""
    assert archive[:5] == b"PGDMP"
    return archive[:6] + bytes([archive[6] + 20]) + archive[7:]


def taken(made: Systems, into: Path) -> bytes:
    """A base backup, as a compressed tar; the log that was archived since lies in `into`."""
    base = made.production.take("-Ft", "-z", "-X", "none")
    with made.production.real.connect("vod") as session:
        session.execute("INSERT INTO kv SELECT 'later-' || n, n::text FROM generate_series(1, 3) n")
    made.production.switch()
    shutil.copytree(made.production.archive, into)
    return (base / "base.tar.gz").read_bytes()


def index_damaged(made: Systems, base: bytes, index: str) -> bytes:
    """The same backup, with a page of noise in an index of database vod."""
    with made.production.real.connect("vod") as session:
        path = session.execute("SELECT pg_relation_filepath(%s)", (index,)).fetchone()[0]
    work = made.folder / "damaged"
    work.mkdir()
    (work / "base.tar.gz").write_bytes(base)
    with tarfile.open(work / "base.tar.gz") as tar:
        tar.extractall(work / "data", filter="data")
    file = work / "data" / path
    content = file.read_bytes()
    assert len(content) > 2 * 8192
    file.write_bytes(content[:8192] + os.urandom(8192) + content[2 * 8192 :])
    with tarfile.open(work / "new.tar.gz", "w:gz", compresslevel=1) as tar:
        tar.add(work / "data", ".")
    return (work / "new.tar.gz").read_bytes()


def gz(content: bytes) -> bytes:
    """Compressed."""
    return gzip.compress(content, compresslevel=1)
