"""The platform: only what is asked for, reachable by its addresses, replaceable while it runs, and gone afterwards."""

import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from sandbox.platform import Platform
from sandbox.processes import ServiceFailed
from sandbox.world import World
from tests.sandbox import tiny_world

ROOT = Path(__file__).parents[2]
UP = """
import sys
from sandbox import worlds
worlds.__path__.append(sys.argv[1])
from sandbox.__main__ import main
sys.exit(main(["up", "--system", "tiny-world", *sys.argv[2:]]))
"""


@pytest.fixture(scope="module")
def module_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tiny_world.world, runs=tmp_path_factory.mktemp("runs")) as platform:
        yield platform


@pytest.fixture
def platform(module_platform: Platform) -> Platform:
    module_platform.apply(tiny_world.world(module_platform.epoch))
    return module_platform


def fetch(url: str, ca: str | None = None, token: str | None = None) -> tuple[int, bytes]:
    address = urlsplit(url)
    if address.scheme == "https":
        context = ssl.create_default_context(cafile=ca)
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(address.netloc, timeout=30, context=context)
    else:
        connection = http.client.HTTPConnection(address.netloc, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", f"{address.path or '/'}?{address.query}", headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        return response.status, response.read()


def kubernetes(addresses: dict[str, str]) -> str:
    server: str = json.loads(Path(addresses["SANDBOX_KUBECONFIG"]).read_text())["clusters"][0]["cluster"]["server"]
    return server


def login(addresses: dict[str, str]) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=addresses["SANDBOX_STORE_HOST"],
        port=int(addresses["SANDBOX_STORE_PORT"]),
        dbname="tiny_db",
        user="watcher",
        password=addresses["SANDBOX_STORE_PASSWORD_WATCHER"],
        connect_timeout=10,
    )


def refused(address: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 111


def test_every_address_leads_to_its_part(platform: Platform) -> None:
    addresses = platform.addresses
    assert platform.not_provided == {}
    assert fetch(f"{kubernetes(addresses)}/api/v1/namespaces/tiny", addresses["SANDBOX_CA"], "tiny-token")[0] == 200
    assert fetch(f"{addresses['SANDBOX_SITE_FRONT_URL']}/health", addresses["SANDBOX_CA"]) == (200, b'{"status": "healthy"}')
    status, body = fetch(f"{addresses['SANDBOX_PROMETHEUS_URL']}/api/v1/query?query=up")
    assert (status, json.loads(body)["data"]["result"][0]["value"][1]) == (200, "1")
    with login(addresses) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("watcher",)


def test_a_changed_world_replaces_the_running_one_at_the_same_addresses(platform: Platform) -> None:
    before = dict(platform.addresses)
    broken = tiny_world.world(platform.epoch)
    assert broken.cluster is not None
    assert broken.metrics is not None
    broken.cluster.stopped = True
    broken.metrics.stopped = True
    broken.sites["front"].routes["/health"].status = 500
    broken.databases["store"].stopped = True
    broken.caches["cache"].stopped = True
    platform.apply(broken)
    assert fetch(f"{before['SANDBOX_SITE_FRONT_URL']}/health", before["SANDBOX_CA"])[0] == 500
    assert refused(kubernetes(before))
    assert refused(before["SANDBOX_PROMETHEUS_URL"])
    assert refused(before["SANDBOX_STORE_PORT"])
    assert refused(before["SANDBOX_CACHE_PORT"])
    platform.apply(tiny_world.world(platform.epoch))
    assert platform.addresses == before
    assert fetch(f"{before['SANDBOX_SITE_FRONT_URL']}/health", before["SANDBOX_CA"])[0] == 200
    login(before).close()


def test_healed_counters_show_nothing_of_the_fault(platform: Platform) -> None:
    burst = tiny_world.world(platform.epoch)
    assert burst.metrics is not None
    burst.metrics.series[0].value[1800] = 1000.0
    platform.apply(burst)

    def rate() -> float:
        url = platform.addresses["SANDBOX_PROMETHEUS_URL"]
        return float(json.loads(fetch(f"{url}/api/v1/query?query=rate(tiny_requests_total[5m])")[1])["data"]["result"][0]["value"][1])

    assert rate() == pytest.approx(1000.0, rel=0.05)
    platform.apply(tiny_world.world(platform.epoch))
    assert rate() == pytest.approx(4.0, rel=0.05)


def test_a_world_that_a_part_refuses_is_an_error(platform: Platform) -> None:
    refused_world = tiny_world.world(platform.epoch)
    refused_world.databases["store"].sql.append("SELECT nonsense")
    with pytest.raises(ServiceFailed, match="SELECT nonsense"):
        platform.apply(refused_world)


def test_only_the_parts_that_are_asked_for_are_started(tmp_path: Path) -> None:
    with Platform(tiny_world.world, {"http"}, tmp_path) as platform:
        assert "SANDBOX_SITE_FRONT_URL" in platform.addresses
        others = ("SANDBOX_KUBECONFIG", "SANDBOX_PROMETHEUS_URL", "SANDBOX_STORE_PORT")
        assert [name for name in others if name in platform.addresses] == []
        assert sorted(file.stem for file in platform.folder.glob("**/*.pid")) == ["facade"]


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown part 'mongodb'"):
        Platform(tiny_world.world, {"mongodb"})


def test_a_part_that_the_machine_lacks_is_named_and_the_others_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_SANDBOX_PROMETHEUS", "none")
    monkeypatch.setenv("MUSTER_SANDBOX_POSTGRESQL", str(tmp_path))
    with Platform(tiny_world.world, runs=tmp_path / "runs") as platform:
        assert sorted(platform.not_provided) == ["postgresql/store", "prometheus"]
        assert "switched off" in platform.not_provided["prometheus"]
        assert "does not hold initdb" in platform.not_provided["postgresql/store"]
        assert "SANDBOX_PROMETHEUS_URL" not in platform.addresses
        assert fetch(f"{platform.addresses['SANDBOX_SITE_FRONT_URL']}/health", platform.addresses["SANDBOX_CA"])[0] == 200


def test_stopping_leaves_no_process_and_no_files(tmp_path: Path) -> None:
    platform = Platform(tiny_world.world, runs=tmp_path)
    platform.start()
    addresses, pids = dict(platform.addresses), pids_below(platform.folder)
    outside = [Path(line) for line in (platform.folder / "elsewhere").read_text().splitlines()]
    assert len(pids) == 5
    platform.stop()
    platform.stop()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert list(tmp_path.iterdir()) == []
    assert [folder for folder in outside if folder.exists()] == []
    assert refused(addresses["SANDBOX_STORE_PORT"])
    assert platform.addresses == {}


def test_a_world_that_cannot_be_built_leaves_nothing(tmp_path: Path) -> None:
    def build(now: float) -> World:
        raise LookupError(now)

    with pytest.raises(LookupError):
        Platform(build, runs=tmp_path).start()
    assert list(tmp_path.iterdir()) == []


def pids_below(folder: Path) -> list[int]:
    """The servers of a boot and their children."""
    return [int(file.read_text().split()[0]) for file in folder.glob("**/*.pid")]


def descendants(pid: int) -> list[int]:
    """Children and their children, zombies aside."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found = [pid]
    for ancestor in found:
        found += [child for child, parent in parents.items() if parent == ancestor]
    return found[1:]


def servers(pid: int) -> set[int]:
    """The stand-ins and the database among the descendants."""
    found = {each: Path(f"/proc/{each}/cmdline") for each in descendants(pid)}
    commands = {each: file.read_bytes() for each, file in found.items() if file.exists()}
    return {each for each, words in commands.items() if b"sandbox.services.facade" in words or b"/postgres\0-D\0" in words}


@contextlib.contextmanager
def up(tmp_path: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """`python -m sandbox up` with the tiny world and a cache folder of its own, ready; and what it exported."""
    cache = tmp_path / "cache" / "muster"
    cache.mkdir(parents=True)
    ours = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "muster"
    for folder in ours.glob("*[0-9a-z]"):
        if folder.is_dir() and folder.name != "run":
            (cache / folder.name).symlink_to(folder)
    (tmp_path / "worlds").mkdir()
    shutil.copy(Path(tiny_world.__file__), tmp_path / "worlds")
    command = [sys.executable, "-c", UP, str(tmp_path / "worlds"), *arguments]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stdout is not None
            for line in process.stderr:
                assert "not provided" not in line
                if "ready after" in line:
                    break
            said = os.read(process.stdout.fileno(), 2**16).decode()
            yield process, dict(shlex.split(line)[1].split("=", 1) for line in said.splitlines())
        finally:
            process.terminate()


def gone(pids: list[int], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_killed_supervisor_leaves_no_orphans_and_the_next_start_sweeps(tmp_path: Path) -> None:
    with up(tmp_path) as (process, exported):
        folder = Path(exported["SANDBOX_RUNNING"])
        pids = descendants(process.pid)
        outside = [Path(line) for line in (folder / "elsewhere").read_text().splitlines()]
        assert set(pids_below(folder)) < set(pids)
        assert outside
        process.kill()
        process.wait()
        assert gone(pids)
    assert folder.is_dir()
    with Platform(tiny_world.world, {"http"}, folder.parent) as platform:
        assert list(folder.parent.iterdir()) == [platform.folder]
        assert [one for one in outside if one.exists()] == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda how: how.name)
def test_up_ends_cleanly_when_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    with up(tmp_path, "--part", "http", "--part", "postgresql") as (process, exported):
        folder = Path(exported["SANDBOX_RUNNING"])
        pids = descendants(process.pid)
        assert pids
        process.send_signal(how)
        assert process.wait(60) == 0
        assert gone(pids)
        assert list(folder.parent.iterdir()) == []


def test_up_breaks_what_a_fault_names(tmp_path: Path) -> None:
    with up(tmp_path, "--part", "http", "--fault", "front-unhealthy") as (_, exported):
        assert fetch(f"{exported['SANDBOX_SITE_FRONT_URL']}/health", exported["SANDBOX_CA"])[0] == 500


def test_up_makes_what_tells_its_age_young_again_and_restarts_nothing(tmp_path: Path) -> None:
    with up(tmp_path, "--part", "kubernetes", "--part", "postgresql", "--renew", "0.2") as (process, exported):
        before = servers(process.pid)

        def created() -> str:
            _, body = fetch(f"{kubernetes(exported)}/api/v1/namespaces/tiny", exported["SANDBOX_CA"], "tiny-token")
            moment: str = json.loads(body)["metadata"]["creationTimestamp"]
            return moment

        first, ends = created(), time.monotonic() + 60
        while created() == first:
            assert time.monotonic() < ends
        assert created() > first
        assert len(before) == 2
        assert servers(process.pid) == before
        login(exported).close()
