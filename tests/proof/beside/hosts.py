"""Of hosts, their files and Redis: what platform-service's runbook does not speak of."""

from collections.abc import Callable
from typing import Any

from sandbox.world import HostFile, World
from tests.proof.unlisted import VIOLATED, Unlisted

CONNECTIONS: dict[str, Any] = {}
"""Beside those of the sandbox's environment."""
HOST = "backup-host"
EXPORT, LOG, REPORT, KEY = "exports/orders.csv", "log/relay.log", "reports/nightly-2.pdf", "secrets/relay.key"
ENTITIES: dict[str, list[dict[str, Any]]] = {
    "files": [
        {"name": "orders-export", "connection": HOST, "path": EXPORT, "expect": {"newer_than": "25h", "larger_than": "10kB"}},
        {"name": "relay-log", "connection": HOST, "path": LOG, "expect": {"smaller_than": "1MB"}},
        {"name": "nightly-report", "connection": HOST, "path": REPORT, "siblings": "nightly-*.pdf", "expect": {"size_of_previous": "50%"}},
        {"name": "relay-key", "connection": HOST, "path": KEY, "expect": {"mode": "0600"}},
    ],
}


def prepare(world: World) -> None:
    """What a healthy world has for these entities."""
    world.hosts[HOST].files |= {
        EXPORT: HostFile("id,amount\n", 20_000, written=5 * 3600.0),
        LOG: HostFile("relay starts\n", 300_000),
        "reports/nightly-1.pdf": HostFile("%PDF-1.7\n", 50_000, written=86400.0),
        REPORT: HostFile("%PDF-1.7\n", 48_000),
        KEY: HostFile("of-nobody\n", mode="0600"),
    }


def _file(path: str, **values: object) -> Callable[[World], None]:
    """An edit that sets fields of a file."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(world.hosts[HOST].files[path], name, value)

    return edit


RECENT, LARGE = "test_file_is_recent[orders-export]", "test_file_is_not_too_small[orders-export]"
BOUNDED = "test_file_does_not_grow_too_large[relay-log]"
AGAINST = "test_file_is_not_much_smaller_than_the_one_before[nightly-report]"
MODE = "test_file_has_its_permissions[relay-key]"
OF_FILES = (
    Unlisted("the export was not written for three days", _file(EXPORT, written=3 * 86400.0), VIOLATED, (RECENT,), "3d", (LARGE,)),
    Unlisted("the export has a head and no rows", _file(EXPORT, filler=0), VIOLATED, (LARGE,), "10B", (RECENT,)),
    Unlisted("the log is not rotated any more", _file(LOG, filler=2_000_000), VIOLATED, (BOUNDED,), "relay.log"),
    Unlisted("the report broke off", _file(REPORT, kept=0.2), VIOLATED, (AGAINST,), "of nightly-1.pdf"),
    Unlisted("everybody may read the key", _file(KEY, mode="0644"), VIOLATED, (MODE,), "0644"),
)
FAULTS: tuple[Unlisted, ...] = OF_FILES
