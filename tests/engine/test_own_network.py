"""The checker's own network is down: one headline, everything unknown, nothing violated and nothing green."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from muster import journal
from muster.verdicts import Verdict

ROOT = Path(__file__).parents[2]
STAND_IN = """
import errno, os, socket
def unreachable(self, place):
    raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
def again(*args, **options):
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
socket.socket.connect = unreachable
_asked = socket.getaddrinfo
socket.getaddrinfo = lambda host, *args, **options: (again if str(host)[-1:].isalpha() else _asked)(host, *args, **options)
"""
OFF = {"off": "what is looked at here is the network"}


def alone() -> list[str]:
    """The command that takes the network away from a process; empty where this machine does not allow that."""
    command = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    try:
        return command if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0 else []
    except OSError:
        return []


def environment(*, libpq: bool) -> dict[str, Any]:
    """An entity behind each kind of source, by address and by name."""
    database = {"dbname": "app", "user": "muster"}
    connections: dict[str, Any] = {}
    made: dict[str, list[dict[str, Any]]] = {
        each: [] for each in ("endpoints", "certificates", "readings", "workloads", "redis_logins", "logins")
    }
    for way, host in (("address", "10.20.30.40"), ("name", "target.example")):
        connections |= {
            f"web-{way}": {"http": {"url": f"https://{host}"}},
            f"metrics-{way}": {"prometheus": {"url": f"http://{host}:9090"}},
            f"cluster-{way}": {"kubernetes": {"server": f"https://{host}:6443", "token": "env:NETWORK_TOKEN"}},
            f"cache-{way}": {"redis": {"host": host}},
            f"database-{way}": {"postgresql": {"host": host, **database}},
            f"host-{way}": {"ssh": {"host": host}},
        }
        made["endpoints"].append({"name": f"page-{way}", "url": f"${{web-{way}}}/", "expect": {"faster_than": "1s"}})
        made["certificates"].append({"name": f"certificate-{way}", "host": host, "port": 443})
        made["readings"].append(
            {"name": f"reading-{way}", "connection": f"metrics-{way}", "cadence": "daily", "promql": "up", "expect": {"at_most": 1}}
        )
        made["workloads"].append({"name": f"workload-{way}", "connection": f"cluster-{way}", "selector": "app=web", "expect": {"ready": 1}})
        made["redis_logins"].append({"name": f"cache-login-{way}", "connection": f"cache-{way}"})
        if libpq or way == "name":
            made["logins"].append({"name": f"login-{way}", "connection": f"database-{way}"})
    if libpq:
        made["hosts"] = [
            {"name": f"machine-{way}", "connection": f"host-{way}", "expect": {"disk_used": "90%"}} for way in ("address", "name")
        ]
    return {"system": "shop", "owner": "team-shop", "connections": connections, **made}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple["subprocess.CompletedProcess[str]", Path]:
    folder = tmp_path_factory.mktemp("alone")
    without = alone()
    place = folder / "environments" / "shop"
    place.mkdir(parents=True)
    (place / "production.yaml").write_text(json.dumps(environment(libpq=bool(without))))
    if not without:
        (folder / "sitecustomize.py").write_text(STAND_IN)
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "COLUMNS")}
    out = folder / "out"
    command = [*without, sys.executable, "-m", "pytest", "checks", "--env", "shop/production", "--reports", str(out)]
    done = subprocess.run(
        [*command, "--environments", str(place.parent)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={**variables, "PYTHONPATH": str(folder), "NETWORK_TOKEN": "token-of-nobody"},
    )  # fmt: skip
    return done, out


def test_everything_is_unknown_and_the_cause_is_our_own_network(ran: tuple["subprocess.CompletedProcess[str]", Path]) -> None:
    done, out = ran
    results = journal.results(out / "journal.jsonl")

    assert done.returncode == 10, done.stdout + done.stderr
    assert {each.entity.rpartition("-")[0] for each in results} >= {"page", "certificate", "reading", "workload", "cache-login", "login"}
    assert [(each.id, each.verdict, each.reason, each.cause) for each in results if each.verdict is not Verdict.UNKNOWN] == []
    assert [(each.id, each.reason, each.cause) for each in results if each.cause != "our own network"] == []
    assert done.returncode == 10


def test_that_is_one_headline(ran: tuple["subprocess.CompletedProcess[str]", Path]) -> None:
    lines = [line for line in ran[0].stdout.splitlines() if "our own network" in line]

    assert len(lines) == 1
