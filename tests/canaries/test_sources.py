"""Every connection's secret, told back by what is looked at: none in any file, none on the terminal."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.services.certificates import Authority
from sandbox.world import Served
from tests.canaries.canary import UGLY, hits, swept
from tests.canaries.echo import ENVIRONMENT, bucket, echo
from tests.engine.project import ROOT
from tests.probes.database_servers import Server, running_server

LOUD = ("-l", "-vvv", "--tb=long", "-o", "log_cli=true", "--log-level=DEBUG", "-s", "-ra")
NAMES = ("TOKEN", "BEARER", "BASIC", "METRICS", "METRICS_BASIC", "HEADER", "ACCESS_KEY", "SESSION_TOKEN")
SECRETS = {name: f"canary{number}{name.title().replace('_', '')}K3yq7ZrVLpWx94tUe" for number, name in enumerate(NAMES)} | {
    "DATABASE": UGLY,
    "SECRET_KEY": "canarySecretKeyK3yq7ZrVLpWx94tUe",
}
"""The secret key of a bucket is never sent, so that nobody can tell it back."""


@dataclass
class Swept:
    """The folder of a run, and what it printed."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    key: str = ""

    def run(self, reports: str, *options: str) -> str:
        """What a run over all checks of every day prints."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "checks/daily",
            "--environments",
            str(self.folder / "environments"),
            "--env",
            "canaries/staging",
        ]
        command += ["--reports", str(self.folder / reports), "-p", "no:cacheprovider", *options]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr


def _key() -> str:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = ec.generate_private_key(ec.SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _kubeconfig(url: str, key: str) -> str:
    user = {"token": SECRETS["TOKEN"], "client-key-data": base64.b64encode(key.encode()).decode()}
    made = {
        "apiVersion": "v1", "kind": "Config", "current-context": "only", "users": [{"name": "only", "user": user}],
        "clusters": [{"name": "only", "cluster": {"server": url}}],
        "contexts": [{"name": "only", "context": {"cluster": "only", "user": "only"}}],
    }  # fmt: skip
    return json.dumps(made)


def _database(server: Server) -> dict[str, object]:
    from psycopg import sql

    with server.superuser() as connection:
        connection.execute(sql.SQL("alter role muster password {}").format(UGLY))
        connection.execute("create table public.leak (word text)")
        connection.execute("insert into public.leak values (%s)", [UGLY])
        connection.execute("grant select on public.leak to muster")
    made = server.connection().model_dump(mode="json", include={"host", "port", "dbname", "user", "sslrootcert"})
    return {"postgresql": {**made, "password": "env:CANARY_DATABASE"}}


def _bucket(endpoint: str, ca: str) -> dict[str, object]:
    keys = {name: f"env:CANARY_{name.upper()}" for name in ("access_key", "secret_key", "session_token")}
    return {"s3": {"bucket": "backups", "region": "eu-central-1", "endpoint": endpoint, "ca": ca, **keys}}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    folder, key = tmp_path_factory.mktemp("sources"), _key()
    authority = Authority(folder / "authority")
    context = authority.context("bucket", Served())
    with running_server(folder / "postgres") as server, echo(key.splitlines()) as told, bucket(context) as store:
        (folder / "kubeconfig").write_text(_kubeconfig(told.url, key))
        basic = {"user": "muster", "password": "env:CANARY_BASIC"}
        connections = {
            "cluster": {"kubernetes": {"kubeconfig": str(folder / "kubeconfig")}},
            "api": {"http": {"url": told.url, "bearer": "env:CANARY_BEARER"}},
            "basic": {"http": {"url": told.url, "basic": basic}},
            "metrics": {"prometheus": {"url": f"{told.url}/metrics", "bearer": "env:CANARY_METRICS"}},
            "metrics-basic": {"prometheus": {"url": told.url, "basic": {**basic, "password": "env:CANARY_METRICS_BASIC"}}},
            "database": _database(server),
            "bucket": _bucket(f"https://127.0.0.1:{store.port}", str(authority.ca_file)),
        }
        (folder / "environments" / "canaries").mkdir(parents=True)
        (folder / "environments" / "canaries" / "staging.yaml").write_text(json.dumps({**ENVIRONMENT, "connections": connections}))
        yield Swept(folder, os.environ | {f"CANARY_{name}": value for name, value in SECRETS.items()}, key)


@pytest.fixture(scope="module")
def leaking(ready: Swept) -> str:
    return ready.run("leaking", "-p", "tests.canaries.unscrubbed", *LOUD)


@pytest.mark.parametrize("name", [*NAMES, "DATABASE"])
def test_without_the_scrubber_each_secret_would_be_told(ready: Swept, leaking: str, name: str) -> None:
    found = swept(ready.folder / "leaking", SECRETS[name])
    assert {"journal.jsonl", "observations.jsonl", "junit.xml"} <= found.keys(), name
    assert hits(leaking, SECRETS[name])


@pytest.mark.parametrize("options", [(), LOUD, ("-q", "--tb=native", "-rA", "--capture=sys")], ids=" ".join)
def test_no_secret_of_any_connection_is_told(ready: Swept, options: tuple[str, ...]) -> None:
    said = ready.run(f"reports-{len(options)}", *options)
    assert hits(said, *SECRETS.values()) == []
    assert swept(ready.folder / f"reports-{len(options)}", *SECRETS.values()) == {}
    for line in ready.key.splitlines()[1:-1]:
        assert line not in said
        assert not [file for file in (ready.folder / f"reports-{len(options)}").rglob("*.json*") if line in file.read_text()]


def test_a_report_without_secrets_still_names_what_is_wrong(ready: Swept) -> None:
    said = ready.run("useful")
    for text in ("web-***", "expected 200, observed 302", "expected == healthy, observed ***", "answers 503", "owner team-canaries"):
        assert text in said, text
