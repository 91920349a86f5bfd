"""A real Redis server on loopback.

Whatever changes in a `Redis` means a fresh start: it takes a tenth of a second, and nothing else takes back counters, the
state of the last save, and the time since the start. The port stays the same for the server's whole life.
"""

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandbox.binaries import redis
from sandbox.processes import Child, Server, ServiceFailed
from sandbox.services.unprivileged import home
from sandbox.world import Redis, Served

Certificate = Callable[[Served], tuple[bytes, bytes]]  # -> chain to send and private key, both PEM
SETTINGS = {"bind": "127.0.0.1", "save": "3600 1", "protected-mode": "no", "databases": "4", "tls-auth-clients": "no", "daemonize": "no"}
REPLICATION = {"repl-diskless-sync": "yes", "repl-diskless-sync-delay": "0"}  # a new replica means no save, and waits for no other
SLOWLY = {"key-load-delay": "50000", "loading-process-events-interval-bytes": "1024"}  # microseconds for each key; it answers in between
BALLAST = "for n = 1, 6000 do redis.call('SET', 'ballast:' .. n, string.rep('x', 1100)) end"  # so that it loads for five minutes
START_SECONDS = 30.0
FOLDER = "a-folder"
"""A folder in the data directory, made after the start: with this as its dbfilename, a server can save no more."""


class RedisServer(Server):
    """One server with one `Redis` in it. Not for use from several threads at once."""

    def __init__(self, folder: Path, certificate: Certificate, remember: Callable[[Path], None]) -> None:
        """`folder` takes its log; `remember` is told of every folder made elsewhere. Raises NotProvided without a server."""
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "redis.log"
        self._home = home(redis(), remember)
        self._certificate = certificate
        self._redis: Redis | None = None
        self._followed: int | None = None  # process id of the primary
        self._held: list[Any] = []
        self.secret = secrets.token_hex(16)
        super().__init__()

    def apply(self, wanted: Redis, primary: "RedisServer | None" = None) -> None:
        """Become `wanted`, and a replica of `primary`, which has become what it should be before.

        Raises ServiceFailed when the server or one of its commands refuses, or when its primary does not take it.
        """
        before, self._redis = self._redis, None
        followed = primary.pid if primary else None
        if wanted.stopped:
            self._shut_down()
        elif (before, self._followed) != (wanted, followed) or not self._alive():
            self._shut_down()
            self.secret = secrets.token_hex(16)  # replicas of what it was are not let in
            self._make_folder(self._home.data)
            self._write_files(wanted, primary)
            self._start({})
            self._make_folder(self._home.data / FOLDER)
            if primary and followed:
                primary.take(self.port)
            self._fill(wanted)
            if wanted.turned_away:
                self._turn_away(wanted.turned_away)
            if wanted.loading:
                self._reload()
            self._hold(wanted.held)
        self._redis, self._followed = wanted, followed

    def take(self, port: int) -> None:
        """Return when the replica at this port is online. Raises ServiceFailed when that takes too long."""
        replica = {"port": port, "state": "online"}
        self._wait(lambda said: any(replica.items() <= said.get(f"slave{n}", {}).items() for n in range(9)), f"followed from port {port}")

    def connect(self) -> Any:
        """A client that may do everything, through the socket that only the sandbox reaches."""
        from redis import Redis as Client
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        login = {"username": "sandbox", "password": self.secret}
        return Client(unix_socket_path=str(self._socket), socket_timeout=START_SECONDS, retry=Retry(NoBackoff(), 0), **login)

    def stop(self) -> None:
        """End the server and remove its files."""
        self._shut_down()
        self._port.release()
        self._home.remove()

    @property
    def _socket(self) -> Path:
        return self._home.sockets / "redis"

    def _shut_down(self) -> None:
        if self._child is not None:
            for client in self._held:
                client.close()
            self._held = []
            self._child.kill()  # its data is thrown away
            self._child = None
        shutil.rmtree(self._home.data, ignore_errors=True)

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        if self._home.account:
            os.chown(folder, self._home.account.uid, self._home.account.gid)

    def _write_files(self, wanted: Redis, primary: "RedisServer | None") -> None:
        users = [f"user sandbox on >{self.secret} ~* &* +@all", *([] if "default" in wanted.passwords else ["user default off"])]
        for name, password in wanted.passwords.items():
            digest = hashlib.sha256(password.encode()).hexdigest()  # a password may hold blanks
            users.append(f"user {name} {wanted.rules.get(name, 'on ~* &* +@all')} #{digest}")
        self._home.write("users.acl", "\n".join([*users, ""]).encode())
        if wanted.certificate is not None:
            chain, key = self._certificate(wanted.certificate)
            self._home.write("server.crt", chain)
            self._home.write("server.key", key)
        port = {"port": str(self.port)} if wanted.certificate is None else {"port": "0", "tls-port": str(self.port)}
        if wanted.certificate is not None:
            port |= {"tls-cert-file": "server.crt", "tls-key-file": "server.key", "tls-ca-cert-file": "server.crt"}
        lines = SETTINGS | REPLICATION | port | {"unixsocket": str(self._socket), "aclfile": "users.acl", "dir": str(self._home.data)}
        if primary is not None:
            lines |= {"replicaof": f"127.0.0.1 {primary.port}", "masteruser": "sandbox", "masterauth": primary.secret}
        lines |= wanted.settings
        self._home.write("redis.conf", "".join(f"{name} {value}\n" for name, value in lines.items()).encode())

    def _start(self, more: dict[str, str]) -> None:
        self._log.write_bytes(b"")
        options = [word for name, value in more.items() for word in (f"--{name}", value)]
        command = [str(self._home.binaries / "redis-server"), "redis.conf", *options]
        self._child = Child(command, self._log, self._home.account, self._home.prefix, cwd=self._home.data)
        self._child.wait_until(lambda: self._info() is not None, START_SECONDS)

    def _info(self) -> dict[str, Any] | None:
        """What INFO says; None when the server does not answer yet."""
        from redis.exceptions import RedisError

        try:
            with self.connect() as client:
                said: dict[str, Any] = client.info()
                return said
        except RedisError:
            return None

    def _fill(self, wanted: Redis) -> None:
        with self.connect() as client:
            _run(client, wanted.commands)
            client.bgsave()  # last: where it fails, Redis takes no more writes
        self._wait(lambda said: not said["rdb_bgsave_in_progress"], "through with saving")
        with self.connect() as client:
            _run(client, wanted.unsaved)

    def _hold(self, count: int) -> None:
        """Open connections that stay."""
        for _ in range(count):
            self._held.append(client := self.connect())
            client.ping()

    def _turn_away(self, count: int) -> None:
        from redis.exceptions import RedisError

        with self.connect() as client:
            most = client.config_get("maxclients")["maxclients"]
            client.config_set("maxclients", 1)
            for _ in range(count):
                with suppress(RedisError), self.connect() as another:
                    another.ping()
            client.config_set("maxclients", most)

    def _reload(self) -> None:
        """Start again with more data than it can load in time."""
        with self.connect() as client:
            client.config_set("rdbcompression", "no")
            client.eval(BALLAST, 0)
            client.save()
        assert self._child is not None
        self._child.kill()
        self._start(SLOWLY)
        self._wait(lambda said: bool(said["loading"]), "loading")

    def _wait(self, done: Callable[[dict[str, Any]], bool], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ((said := self._info()) and done(said)):
            if time.monotonic() > deadline:
                raise ServiceFailed(f"redis was not {what} after {START_SECONDS:g} s")
            time.sleep(0.01)


def _run(client: Any, commands: list[list[str]]) -> None:
    """Run commands in order. Raises ServiceFailed for the first that is refused."""
    from redis.exceptions import RedisError

    for command in commands:
        try:
            client.execute_command(*command)
        except RedisError as error:
            raise ServiceFailed(f"redis refuses {' '.join(command)[:120]!r}: {error}") from error
