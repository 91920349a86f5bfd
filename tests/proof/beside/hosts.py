"""Of hosts, their files and Redis: what platform-service's runbook does not speak of."""

import atexit
from collections.abc import Callable
from typing import Any

from sandbox.machine import FileSystem, Machine, Unit
from sandbox.processes import Port
from sandbox.world import HostFile, Redis, World
from sandbox.worlds.platform_service.redis import ACL, rules
from tests.proof.unlisted import VIOLATED, Unlisted

HOST, BROKER, REPLICA = "backup-host", "broker", "broker-replica"
CONNECTIONS: dict[str, Any] = {
    BROKER: {
        "redis": {
            "host": "env:SANDBOX_BROKER_HOST",
            "port": "env:SANDBOX_BROKER_PORT",
            "user": "muster",
            "password": "env:SANDBOX_BROKER_PASSWORD_MUSTER",
            "tls": False,
        }
    },
}
"""Beside those of the sandbox's environment."""
EXPORT, LOG, REPORT, KEY = "exports/orders.csv", "log/relay.log", "reports/nightly-2.pdf", "secrets/relay.key"
RESERVED = Port()
"""Where the relay of the host listens, and what its process is called by: other sandboxes on this machine have relays of their own."""
atexit.register(RESERVED.release)
RELAY, DISK = f"relay-{RESERVED.number}", "/srv/backups"
ENTITIES: dict[str, list[dict[str, Any]]] = {
    "hosts": [
        {
            "name": HOST,
            "connection": HOST,
            "mounts": ["/", DISK],
            "expect": {
                "processes": {"running": {RELAY: 2}},
                "units": {"active": ["relay", "backup.timer"]},
                "listening": {"ports": [RESERVED.number]},
            },
        }
    ],
    "files": [
        {"name": "orders-export", "connection": HOST, "path": EXPORT, "expect": {"newer_than": "25h", "larger_than": "10kB"}},
        {"name": "relay-log", "connection": HOST, "path": LOG, "expect": {"smaller_than": "1MB"}},
        {"name": "nightly-report", "connection": HOST, "path": REPORT, "siblings": "nightly-*.pdf", "expect": {"size_of_previous": "50%"}},
        {"name": "relay-key", "connection": HOST, "path": KEY, "expect": {"mode": "0600", "owner": "relay"}},
    ],
    "redis_servers": [
        {
            "name": BROKER,
            "connection": BROKER,
            "expect": {
                "memory": {"off": "of no interest here"},
                "saved_within": "1ms",  # a server of seconds has no older changes
                "append_only": True,
                "clients": "80%",
                "replicas": 1,
            },
        }
    ],
    "redis_queues": [
        {"name": "features", "connection": BROKER, "key": "features", "expect": {"at_least": 3}},
        {"name": "orders", "connection": BROKER, "key": "orders", "type": "stream", "group": "billing", "expect": {"consumers": 2}},
    ],
}


def prepare(world: World) -> None:
    """What a healthy world has for these entities."""
    world.hosts[HOST].files |= {
        EXPORT: HostFile("id,amount\n", 20_000, written=5 * 3600.0),
        LOG: HostFile("relay starts\n", 300_000),
        "reports/nightly-1.pdf": HostFile("%PDF-1.7\n", 50_000, written=86400.0),
        REPORT: HostFile("%PDF-1.7\n", 48_000),
        KEY: HostFile("of-nobody\n", mode="0600", owner="relay:mail"),
    }
    world.hosts[HOST].machine = Machine(
        mounts={"/": FileSystem(), DISK: FileSystem("/dev/sdb1", "xfs")},
        units={"relay.service": Unit(), "backup.timer": Unit(sub="waiting")},
        processes={RELAY: 2},
        ports=[RESERVED.number],
    )
    world.caches[BROKER] = Redis(
        passwords={"muster": "sandbox-muster"},
        rules={"muster": rules(ACL.read_text())},
        settings={"appendonly": "yes", "maxclients": "40"},
        commands=[
            ["SADD", "features", "search", "export", "invoices"],
            ["XGROUP", "CREATE", "orders", "billing", "$", "MKSTREAM"],
            ["XGROUP", "CREATECONSUMER", "orders", "billing", "billing-1"],
            ["XGROUP", "CREATECONSUMER", "orders", "billing", "billing-2"],
        ],
    )
    world.caches[REPLICA] = Redis(replica_of=BROKER)


def _file(path: str, **values: object) -> Callable[[World], None]:
    """An edit that sets fields of a file."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(world.hosts[HOST].files[path], name, value)

    return edit


def _machine(world: World) -> Machine:
    found = world.hosts[HOST].machine
    assert found is not None
    return found


def _disk(**values: object) -> Callable[[World], None]:
    """An edit that sets fields of the disk with the backups."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(_machine(world).mounts[DISK], name, value)

    return edit


def _says(**values: object) -> Callable[[World], None]:
    """An edit that sets what the host says of itself."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(_machine(world), name, value)

    return edit


def _not_mounted(world: World) -> None:
    del _machine(world).mounts[DISK]


def _unit(name: str, *state: str) -> Callable[[World], None]:
    return lambda world: _machine(world).units.update({name: Unit(*state)})


def _unit_removed(world: World) -> None:
    del _machine(world).units["backup.timer"]


FULL, INODES = f"test_no_file_system_of_the_host_is_full[{HOST}]", f"test_no_file_system_of_the_host_runs_out_of_inodes[{HOST}]"
MOUNTED, WRITABLE = f"test_file_systems_of_the_host_are_mounted[{HOST}]", f"test_file_systems_of_the_host_can_be_written[{HOST}]"
LOAD, CLOCK = f"test_host_is_not_overloaded[{HOST}]", f"test_clock_of_the_host_is_right[{HOST}]"
RUNS, UNITS = f"test_processes_run_on_the_host[{HOST}]", f"test_units_of_the_host_are_active[{HOST}]"
LISTENS = f"test_ports_of_the_host_are_listened_at[{HOST}]"
OF_MACHINES = (
    Unlisted("backups fill their disk", _disk(used=0.97), VIOLATED, (FULL,), f"97% | {DISK} of 40GiB", (INODES, WRITABLE)),
    Unlisted("small files take all inodes", _disk(inodes_used=0.99), VIOLATED, (INODES,), f"99% | {DISK}", (FULL,)),
    Unlisted("the disk was not mounted after a restart", _not_mounted, VIOLATED, (MOUNTED,), DISK, (FULL, WRITABLE)),
    Unlisted("the disk has errors", _disk(options="ro,relatime"), VIOLATED, (WRITABLE,), DISK, (FULL, MOUNTED)),
    Unlisted("processes queue for the disk", _says(load=11.5), VIOLATED, (LOAD,), "load 11.5 on 2 cores", (CLOCK,)),
    Unlisted("the clock runs ahead", _says(clock=600), VIOLATED, (CLOCK,), "ahead of ours", (LOAD,)),
    Unlisted("the clock fell behind", _says(clock=-90), VIOLATED, (CLOCK,), "behind ours", (LOAD,)),
    Unlisted("one of two relays died", _says(processes={RELAY: 1}), VIOLATED, (RUNS,), f"{RELAY}: 1 of 2", (LISTENS,)),
    Unlisted(
        "a unit failed",
        _unit("relay.service", "failed", "failed", "exit-code"),
        VIOLATED,
        (UNITS,),
        "relay: failed (failed), result exit-code",
        (RUNS,),
    ),
    Unlisted("a unit was removed", _unit_removed, VIOLATED, (UNITS,), "backup.timer: no such unit", (RUNS,)),
    Unlisted("the relay does not listen", _says(ports=[]), VIOLATED, (LISTENS,), f"port {RESERVED.number}", (RUNS,)),
)

RECENT, LARGE = "test_file_is_recent[orders-export]", "test_file_is_not_too_small[orders-export]"
BOUNDED = "test_file_does_not_grow_too_large[relay-log]"
AGAINST = "test_file_is_not_much_smaller_than_the_one_before[nightly-report]"
MODE, OWNER = "test_file_has_its_permissions[relay-key]", "test_file_has_its_owner[relay-key]"
OF_FILES = (
    Unlisted("the export was not written for three days", _file(EXPORT, written=3 * 86400.0), VIOLATED, (RECENT,), "3d", (LARGE,)),
    Unlisted("the export has a head and no rows", _file(EXPORT, filler=0), VIOLATED, (LARGE,), "10B", (RECENT,)),
    Unlisted("the log is not rotated any more", _file(LOG, filler=2_000_000), VIOLATED, (BOUNDED,), "relay.log"),
    Unlisted("the report broke off", _file(REPORT, kept=0.2), VIOLATED, (AGAINST,), "of nightly-1.pdf"),
    Unlisted("everybody may read the key", _file(KEY, mode="0644"), VIOLATED, (MODE,), "0644", (OWNER,)),
    Unlisted("the key was restored as root", _file(KEY, owner="root:root"), VIOLATED, (OWNER,), "root", (MODE,)),
)


def _broker(**values: object) -> Callable[[World], None]:
    """An edit that sets fields of the broker."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(world.caches[BROKER], name, value)

    return edit


def _run(*command: str) -> Callable[[World], None]:
    """An edit that runs one more command before the broker saves."""
    return lambda world: world.caches[BROKER].commands.append(list(command))


def _saves_no_more(world: World) -> None:
    world.caches[BROKER].settings["save"] = '""'
    world.caches[BROKER].unsaved = [["SET", "order:1", "paid"]]


def _replica_stops(world: World) -> None:
    world.caches[REPLICA].stopped = True


def _no_append_only_file(world: World) -> None:
    del world.caches[BROKER].settings["appendonly"]


OF_REDIS = (
    Unlisted(
        "redis saves no changes any more",
        _saves_no_more,
        VIOLATED,
        ("test_redis_saved_its_changes_recently[broker]",),
        "1 changes since the last save",
    ),
    Unlisted(
        "redis was restarted without its append-only file",
        _no_append_only_file,
        VIOLATED,
        ("test_redis_keeps_an_append_only_file[broker]",),
        "False",
    ),
    Unlisted(
        "an application leaks connections to redis",
        _broker(held=35),
        VIOLATED,
        ("test_redis_clients_stay_under_their_limit[broker]",),
        "36 of 40 clients",
    ),
    Unlisted("the replica of redis stopped", _replica_stops, VIOLATED, ("test_redis_replicas_are_online[broker]",), "replicas: none"),
    Unlisted("a feature was removed", _run("SREM", "features", "export"), VIOLATED, ("test_key_holds_enough[features]",), "set features"),
    Unlisted(
        "a consumer was removed from its group",
        _run("XGROUP", "DELCONSUMER", "orders", "billing", "billing-2"),
        VIOLATED,
        ("test_queue_has_consumers[orders]",),
        "1 consumers of group billing",
    ),
)
FAULTS: tuple[Unlisted, ...] = (*OF_MACHINES, *OF_FILES, *OF_REDIS)
