"""Every way to hang and to swell, at every source, all at once: the run ends with its largest deadline and its memory stays flat."""

import json
import os
import re
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from muster import journal
from muster.verdicts import Result, Verdict
from sandbox.services.certificates import Authority
from sandbox.world import Served
from tests import hostile
from tests.probes.web_servers import closed_port, serving

ROOT = Path(__file__).parents[2]
DEADLINE = 10.0
"""Seconds; of every entity."""
SUBJECTS = ("endpoints", "logins", "redis_logins", "certificates")

MUTE = """
import socket, threading
_asked = socket.getaddrinfo
def getaddrinfo(host, *args, **options):
    if str(host).endswith(".mute.example"):
        threading.Event().wait()
    return _asked(host, *args, **options)
socket.getaddrinfo = getaddrinfo
"""


@dataclass
class Aimed:
    """An environment under construction."""

    connections: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, kind: str, reach: dict[str, Any], section: str, reason: str, **entity: Any) -> None:
        """An entity, behind a connection of its own; `reason` is a pattern of what is said about it."""
        self.connections[name] = {kind: reach}
        if section != "endpoints":
            entity["connection"] = name
        self.sections.setdefault(section, []).append({"name": name, "timeout": f"{DEADLINE:g}s", **entity})
        self.reasons[f"{section}/{name}"] = reason
        if kind in ("kubernetes", "postgresql") and section not in SUBJECTS:
            self.sections.setdefault("identities", []).append({"name": name, "connection": name, "timeout": f"{DEADLINE:g}s"})

    def web(self, name: str, url: str, reason: str) -> None:
        """The same address as an endpoint, one of which a latency is promised, a document, a Prometheus and a cluster."""
        quick = {"faster_than": "5s"} if len(self.reasons) % 2 else {}
        wanted = {"json": {"status": "healthy"}, "certificate_valid_for": {"off": "a test"}, "certificate_trusted": {"off": "a test"}}
        self.add(f"page-{name}", "http", {"url": url}, "endpoints", reason, url=f"${{page-{name}}}/", expect={**wanted, **quick})
        document = {"json": {"url": f"${{doc-{name}}}/", "path": "a"}, "expect": {"at_most": 1}, "cadence": "daily"}
        self.add(f"doc-{name}", "http", {"url": url}, "readings", reason, **document)
        self.add(f"prom-{name}", "prometheus", {"url": url}, "readings", reason, promql="up", expect={"at_most": 1}, cadence="daily")
        kube = {"server": url.replace("http:", "https:") if "mute" in url else url, "token": "env:HANG_TOKEN"}
        self.add(f"kube-{name}", "kubernetes", kube, "workloads", reason, selector="app=web", expect={"ready": 1})


def aim(stack: ExitStack, *, dead: bool) -> Aimed:
    """Entities of every source; `dead`: at ports on which nobody listens, as the base of comparisons."""
    made = Aimed()

    def port(speak: hostile.Speaker) -> int:
        return closed_port() if dead else stack.enter_context(serving(speak)).port

    for name, (speak, reason) in hostile.WEB.items():
        made.web(name, f"http://127.0.0.1:{port(speak)}", reason)
    made.web("tls-silent", f"https://127.0.0.1:{port(hostile.silent)}", "no complete answer|did not answer|deadline")
    named = "127.0.0.1" if dead else "source.mute.example"
    made.web("mute-dns", f"http://{named}:{port(hostile.silent)}", "cannot resolve")
    database = {"dbname": "app", "user": "muster", "sslmode": "disable"}
    cache: dict[str, Any] = {"tls": False}
    for name, speak, reason in (
        ("silent", hostile.silent, "no answer|no complete"),
        ("drips", hostile.dripping, "no answer|no complete|SSL|speak"),
    ):
        for section, kind, more in (
            ("databases", "postgresql", database),
            ("logins", "postgresql", database),
            ("redis_servers", "redis", cache),
            ("redis_logins", "redis", cache),
        ):
            made.add(f"{section.replace('_', '-')}-{name}", kind, {"host": "127.0.0.1", "port": port(speak), **more}, section, reason)
        made.add(
            f"ssh-{name}",
            "ssh",
            {"host": "127.0.0.1", "port": port(speak), "user": "nobody"},
            "hosts",
            "no answer|does not answer|no ssh connection",
        )
    for section, kind, more in (("databases", "postgresql", database), ("redis_servers", "redis", cache)):
        made.add(f"mute-{kind}", kind, {"host": named, "port": port(hostile.silent), **more}, section, "cannot resolve")
    made.add("mute-ssh", "ssh", {"host": named, "port": port(hostile.silent), "user": "nobody"}, "hosts", "cannot resolve")
    made.add("huge-row", "postgresql", {"host": "127.0.0.1", "port": port(hostile.huge_row), **database}, "databases", "more than 4 MiB")
    for name, first, data in (("bulk", b"$1000000000\r\n", b"x" * 65536), ("nested", b"", b"*1\r\n" * 9999), ("line", b"+", b"x" * 65536)):
        made.add(
            f"redis-{name}",
            "redis",
            {"host": "127.0.0.1", "port": port(hostile.pouring(first, data)), **cache},
            "redis_servers",
            "more than|Redis|protocol",
        )
    for name, log in (("one-line", hostile.one_line), ("many-lines", hostile.many_lines)):
        url = f"http://127.0.0.1:{port(hostile.cluster(log))}"
        made.add(
            f"log-{name}",
            "kubernetes",
            {"server": url, "token": "env:HANG_TOKEN", "namespace": "shop"},
            "logs",
            "not read to its end|did not answer|deadline|gave no status",
            selector="app=web",
            level="ERROR",
            expect={"records": 1},
        )
    certificate = {"expect": {"valid_for": {"limit": "1d"}}}
    made.add(
        "certificate", "http", {"url": f"https://127.0.0.1:{port(hostile.silent)}"}, "certificates", "no complete answer", **certificate
    )
    buckets(made, Authority(Path(stack.enter_context(TemporaryDirectory()))), port)
    return made


def buckets(made: Aimed, authority: Authority, port: Callable[[hostile.Speaker], int]) -> None:
    """Buckets behind servers that do everything but answer; over TLS, which is the only way to one."""
    context = authority.context("bucket", Served())
    reach = {
        "bucket": "backups",
        "region": "us-east-1",
        "access_key": "env:HANG_TOKEN",
        "secret_key": "env:HANG_TOKEN",
        "ca": str(authority.ca_file),
    }
    for name, (speak, reason) in hostile.BUCKETS.items():
        endpoint = f"https://127.0.0.1:{port(hostile.secured(context, speak))}"
        made.add(f"bucket-{name}", "s3", {**reach, "endpoint": endpoint}, "bucket_backups", reason, name_matches="*.sql.gz")
    deaf = {**reach, "endpoint": f"https://127.0.0.1:{port(hostile.silent)}"}
    made.add("bucket-deaf", "s3", deaf, "buckets", "no complete answer")
    # Whose list is good: what is said of it may hold; what is in the object never.
    wanted = {name: {"off": "a test"} for name in ("newer_than", "larger_than", "size_of_previous", "encrypted")}
    endpoint = f"https://127.0.0.1:{port(hostile.secured(context, hostile.OBJECT[0]))}"
    made.add(
        "bucket-endless-object",
        "s3",
        {**reach, "endpoint": endpoint},
        "bucket_backups",
        hostile.OBJECT[1],
        name_matches="*.sql.gz",
        expect=wanted,
    )


@dataclass
class Ran:
    """A run that ended."""

    results: list[Result]
    looked: dict[str, Any]
    code: int
    took: float
    """Seconds, from start to end of the process."""
    largest: int
    """Kilobytes of memory, at most."""
    text: str


def run(folder: Path, aimed: Aimed) -> Ran:
    """Run the checks on an environment as a process of its own."""
    place = folder / "environments" / "shop"
    place.mkdir(parents=True)
    made = {"system": "shop", "owner": "team-shop", "connections": aimed.connections, **aimed.sections}
    (place / "production.yaml").write_text(json.dumps(made))
    (folder / "sitecustomize.py").write_text(textwrap.dedent(MUTE))
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "COLUMNS")}
    out = folder / "out"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "checks",
        "--env",
        "shop/production",
        "--environments",
        str(folder / "environments"),
        "--reports",
        str(out),
    ]
    began = time.monotonic()
    with (folder / "text").open("w") as text:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**variables, "PYTHONPATH": str(folder), "HANG_TOKEN": "token-of-nobody"}, stdout=text, stderr=text
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - began
    looked = next((json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines() if '"looked"' in line), {})
    return Ran(journal.results(out / "journal.jsonl"), looked, process.returncode, took, usage.ru_maxrss, (folder / "text").read_text())


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    with ExitStack() as stack:
        yield run(tmp_path_factory.mktemp("base"), aim(stack, dead=True))


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ran, Aimed]]:
    with ExitStack() as stack:
        aimed = aim(stack, dead=False)
        yield run(tmp_path_factory.mktemp("troubled"), aimed), aimed


def late(ran: Ran, base: Ran) -> float:
    """By how much a run, or its look, took longer than the largest deadline and a tenth of it, beyond what it takes at dead ports."""
    return max(ran.looked["took"] - base.looked["took"], ran.took - base.took) - DEADLINE * 1.1


def test_the_run_ends_within_the_largest_deadline(base: Ran, troubled: tuple[Ran, Aimed], tmp_path: Path) -> None:
    """The median of three rounds, each of both runs in turn: what the machine does meanwhile hits both."""
    lateness = [late(troubled[0], base)]
    for number in range(2):
        with ExitStack() as stack:
            at_dead_ports = run(tmp_path / f"dead-{number}", aim(stack, dead=True))
            lateness.append(late(run(tmp_path / f"alive-{number}", aim(stack, dead=False)), at_dead_ports))

    assert statistics.median(lateness) <= 0, lateness


def test_memory_stays_flat(base: Ran, troubled: tuple[Ran, Aimed]) -> None:
    assert troubled[0].largest - base.largest < 100 * 1024


def test_nothing_is_green_and_sources_are_unknown(troubled: tuple[Ran, Aimed]) -> None:
    ran, _ = troubled
    wrong = [(each.id, each.verdict, each.reason) for each in ran.results if each.verdict not in _allowed(each)]

    assert wrong == []
    assert ran.code == 1  # an endpoint that promised to be quick


def _allowed(each: Result) -> tuple[Verdict, ...]:
    subject = any(word in each.check for word in ("endpoint", "login", "certificate")) or each.entity.startswith(
        ("page-", "logins-", "redis-logins-")
    )
    return (Verdict.UNKNOWN, Verdict.VIOLATED) if subject else (Verdict.UNKNOWN,)


def test_each_reason_names_its_thing(troubled: tuple[Ran, Aimed]) -> None:
    ran, aimed = troubled
    said = {name.partition("/")[2]: reason for name, reason in aimed.reasons.items()}
    vague = [(each.id, each.reason) for each in ran.results if not re.search(said[each.entity], each.reason)]

    assert vague == []
    assert {each.entity for each in ran.results} == set(said)
