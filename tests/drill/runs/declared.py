"""The environment that these tests drill in: `shop/test`, whose servers are the sandbox's and of which each drill is one case."""

import json
import sys
from pathlib import Path
from typing import Any

APPLICATION = Path(__file__).with_name("application.py")
DATABASE = {
    "host": "env:SANDBOX_DATABASE_HOST", "port": "env:SANDBOX_DATABASE_PORT", "dbname": "platform_db", "user": "muster",
    "password": "env:SANDBOX_DATABASE_PASSWORD_MUSTER", "sslrootcert": "env:SANDBOX_CA",
}  # fmt: skip
SCRATCH = {
    "host": "env:SANDBOX_SCRATCH_HOST", "port": "env:SANDBOX_SCRATCH_PORT", "dbname": "env:SANDBOX_SCRATCH_DBNAME", "user": "muster_drill",
    "password": "env:SANDBOX_SCRATCH_PASSWORD_MUSTER_DRILL", "sslrootcert": "env:SANDBOX_CA",
}  # fmt: skip
PROXIED = {**SCRATCH, "host": "127.0.0.3", "port": "env:TEST_PROXY_PORT", "sslmode": "disable"}
SSH = {"host": "backup-host", "config": "env:SANDBOX_BACKUP_HOST_CONFIG", "root": "env:SANDBOX_BACKUP_HOST_ROOT"}
OFF = {"off": "not the subject of this test"}
QUICK = {"corrupt": OFF, "newest_row": "24h", "passed_within": OFF, "breach_in": OFF}
BLIND = {"rows_of_live": OFF, "rows_of_last": {"at_least": "99%"}, "breach_in": "30000d", "restored_within": "40s"}
"""Of a drill that may not ask live. Any trend that rises within a lifetime reaches its limit too soon."""


def drill(name: str, backup: str = "nightly", scratch: str = "drills", **fields: Any) -> dict[str, Any]:
    """A drill of the sandbox's dump that takes moments."""
    return {
        "name": name, "backup": backup, "scratch": scratch, "live": "database", "roles": ["platform", "muster"],
        "extensions": ["pg_stat_statements"], "newest": {"public.orders": "created_at"}, "timeout": "60s",
        **fields, "expect": QUICK | fields.get("expect", {}),
    }  # fmt: skip


def application(url: str) -> dict[str, Any]:
    """A program that answers as the file beside its address says."""
    return {"command": [sys.executable, str(APPLICATION), url], "url": url, "within": "3s"}


def reading(name: str, sql: str, **expect: Any) -> dict[str, Any]:
    """An invariant of what the drill `asked` brings back."""
    return {"name": name, "in": "restored", "drill": "asked", "sql": sql, "expect": expect}


def shop(application_url: str) -> dict[str, Any]:
    """The document; whoever changes it changes a copy."""
    return json.loads(json.dumps(_shop(application_url)))


def _shop(application_url: str) -> dict[str, Any]:
    place = {"room": "1GiB", "ttl": "1h"}
    return {
        "system": "shop", "owner": "team-shop",
        "connections": {
            "database": {"postgresql": DATABASE},
            "backup-host": {"ssh": SSH},
            "here": {"local": {"root": "env:TEST_FOLDER"}},
        },
        "backups": [
            {"name": "nightly", "connection": "backup-host", "path": "backups/latest.sql.gz"},
            {"name": "local", "connection": "here", "path": "latest.sql.gz"},
            {"name": "none", "connection": "backup-host", "path": "backups/none.sql.gz"},
        ],
        "scratch": {
            "drills": {**place, "postgresql": SCRATCH},
            "proxied": {**place, "postgresql": PROXIED},
            "small": {**place, "room": "1MiB", "postgresql": SCRATCH},
            "elsewhere": {**place, "postgresql": {**SCRATCH, "dbname": "muster_drill_notes"}},
            "alias": {**place, "postgresql": {**SCRATCH, "host": "localhost", "port": "env:SANDBOX_DATABASE_PORT"}},
        },
        "drills": [
            drill("plain"),
            drill("other", scratch="elsewhere"),
            drill("proxied", scratch="proxied"),
            drill("hanging", scratch="proxied", timeout="4s"),
            drill("local", backup="local"),
            drill("stalling", backup="local", timeout="4s"),
            drill("none", backup="none"),
            drill("small", scratch="small"),
            drill("alias", scratch="alias"),
            drill("blind", live=None, expect=BLIND),
            drill("answering", application=application(application_url), expect={"application_answers": 200}),
            drill("asked"),
        ],
        "readings": [
            reading("sound", "select count(*) from public.orders where amount < 0", equals=0),
            reading("broken", "select count(*) from public.orders", equals=7),
            reading("wrong", "select 1 / (count(*) - count(*)) from public.orders", equals=0),
            reading("without-a-row", "select amount from public.orders where amount < 0", equals=0),
            reading("without-a-table", "select count(*) from public.no_such_table", equals=0),
        ],
    }  # fmt: skip


def write(folder: Path, application_url: str) -> Path:
    """The folder of environments."""
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "test.yaml").write_text(json.dumps(shop(application_url)))  # JSON is YAML
    return folder
