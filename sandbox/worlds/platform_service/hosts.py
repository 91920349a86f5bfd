"""platform-service: the host with its backups, a checkout of its repository, and faults of both."""

from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.world import Fault, Host, HostFile, World

DAY = 86400.0
AGE = 5 * 3600.0  # of the newest dump: the job runs at night, the checks in the morning
NIGHTS = 3
ROWS = 1_500_000  # bytes of rows in a dump; compressed, it is over 1 MB
LATEST = "backups/latest.sql.gz"
HEAD = "--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n\nCOPY public.orders (payload) FROM stdin;\n"
TAIL = "\\.\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n"
HPA = """apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: platform-service
spec:
  minReplicas: 3
  maxReplicas: 10
"""
SEALED = """apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: platform-secrets
spec:
  encryptedData:
    DATABASE_PASSWORD: AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq
"""
PLAIN = """apiVersion: v1
kind: Secret
metadata:
  name: platform-secrets
stringData:
  DATABASE_PASSWORD: of-nobody
"""


def build(world: World, now: float) -> None:
    """Add this part to the healthy world at Unix time `now` (seconds)."""
    dumps = {_dump(now, night): _complete(night) for night in range(NIGHTS)}
    link = HostFile(link=_dump(now, 0).partition("/")[2])
    world.hosts["backup-host"] = Host({**dumps, LATEST: link})
    committed = {"README.md": "# platform-service\n", "k8s/hpa.yaml": HPA, "k8s/secrets.yaml": SEALED, ".env.example": "LOG_LEVEL=info\n"}
    world.hosts["repository"] = Host({path: HostFile(text) for path, text in committed.items()}, ssh=False)


def _dump(now: float, night: int) -> str:
    """Path of the dump of so many nights ago."""
    return f"backups/platform_db-{datetime.fromtimestamp(now - AGE - night * DAY, UTC):%Y-%m-%d}.sql.gz"


def _complete(night: int) -> HostFile:
    return HostFile(HEAD, ROWS - 20_000 * night, TAIL, gzip=True, written=AGE + night * DAY, dump="" if night else "database")


def newest(world: World) -> HostFile:
    """The dump to which the link leads."""
    files = world.hosts["backup-host"].files
    return files[f"backups/{files[LATEST].link}"]


def _latest(**values: object) -> Callable[[World], None]:
    """An edit that sets fields of the newest dump."""

    def edit(world: World) -> None:
        if values.keys() & {"head", "filler", "tail"}:
            newest(world).dump = ""  # what it holds is said here
        for name, value in values.items():
            setattr(newest(world), name, value)

    return edit


def _host(**values: object) -> Callable[[World], None]:
    """An edit that sets fields of the backup host."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(world.hosts["backup-host"], name, value)

    return edit


def _link_is_old(world: World) -> None:
    """The nightly dumps are fine; the link leads to one of last month."""
    files = world.hosts["backup-host"].files
    for place, name in enumerate(("last-month", "month-before")):
        old = _complete(0)
        old.written = (place + 1) * 31 * DAY
        files[f"backups/platform_db-{name}.sql.gz"] = old
    files[LATEST].link = "platform_db-last-month.sql.gz"


def _link_leads_nowhere(world: World) -> None:
    files = world.hosts["backup-host"].files
    del files[f"backups/{files[LATEST].link}"]


def _unreadable(world: World) -> None:
    newest(world).mode = "0000"


def _committed(path: str, text: str | None) -> Callable[[World], None]:
    """An edit of the repository: a file with this text, or none any more."""

    def edit(world: World) -> None:
        files = world.hosts["repository"].files
        files.pop(path, None)
        if text is not None:
            files[path] = HostFile(text)

    return edit


RECENT, LARGE, AGAINST = "test_backup_is_recent", "test_backup_is_not_too_small", "test_backup_is_not_much_smaller_than_the_one_before"
INTACT, COMPLETE = "test_backup_is_intact", "test_backup_is_complete"
DUMP = {check: f"{check}[nightly-dump]" for check in (RECENT, LARGE, AGAINST, INTACT, COMPLETE)}
ALL = tuple(DUMP.values())
EXISTS, HOLDS, FREE = "test_file_exists_as_it_should", "test_file_holds_what_it_should", "test_file_holds_nothing_that_it_should_not"
MANIFEST, SECRETS = "k8s/hpa.yaml", "k8s/secrets.yaml"
OF_HPA = ("test_file_is_valid[hpa-manifest]", f"{HOLDS}[hpa-manifest]")
OF_SECRETS = (f"{HOLDS}[secrets-manifest]", f"{FREE}[secrets-manifest]")

FAULTS: list[Fault] = [
    Fault("backup-empty", "the newest dump is a gzip of nothing, 20 bytes", _latest(head="", filler=0, tail=""), ALL[1:3] + ALL[4:]),
    Fault("backup-truncated", "the newest dump broke off while it was copied", _latest(kept=0.9), ALL[3:]),
    Fault("backup-link-old", "the link to the newest dump leads to one of last month", _link_is_old, ALL[:1]),
    Fault("backup-link-broken", "the link to the newest dump leads nowhere", _link_leads_nowhere, ALL),
    Fault("backup-half", "pg_dump died half way, and the archive is valid all the same", _latest(tail="1042\tAlice"), ALL[4:]),
    Fault("backup-shrunken", "the newest dump is complete and much smaller than the one before", _latest(filler=ROWS // 5), ALL[1:3]),
    Fault("backup-unreadable", "we may not read the newest dump", _unreadable, ALL[3:], "unknown"),
    Fault("backup-host-stopped", "nothing listens on the ssh port of the backup host", _host(stopped=True), ALL, "unknown"),
    Fault("backup-host-key-changed", "another host key than the known one", _host(key="another"), ALL, "unknown"),
    Fault("backup-host-refuses", "the backup host does not let our key in any more", _host(welcome=False), ALL, "unknown"),
    Fault(
        "manifest-moved", "k8s/hpa.yaml is no longer in the repository", _committed(MANIFEST, None), (f"{EXISTS}[hpa-manifest]", *OF_HPA)
    ),
    Fault("manifest-broken", "k8s/hpa.yaml is not YAML any more", _committed(MANIFEST, HPA + "<<<<<<< HEAD\n"), OF_HPA[:1]),
    Fault("secrets-manifest-gone", "k8s/secrets.yaml is gone", _committed(SECRETS, None), (f"{EXISTS}[secrets-manifest]", *OF_SECRETS)),
    Fault("secrets-manifest-plain", "k8s/secrets.yaml holds plain secrets", _committed(SECRETS, PLAIN), OF_SECRETS),
    Fault(
        "env-file-committed",
        "deploy/.env.production is in the repository",
        _committed("deploy/.env.production", "A=1\n"),
        (f"{EXISTS}[env-file]",),
    ),
]
