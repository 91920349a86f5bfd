"""The sandbox's pytest plugin: `--fault` is judged before anything starts, and a platform lives as long as the run."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sandbox import tiny_world

ROOT = Path(__file__).parents[2]
CONFTEST = """
import json, os
from types import SimpleNamespace
import pytest
from muster import hooks
from sandbox import worlds

worlds.__path__.append(os.path.join(os.path.dirname(__file__), "worlds"))
SELECTED = [SimpleNamespace(system=name.split("/")[0], name=name.split("/")[1]) for name in os.environ["SELECTED"].split()]


def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config):
    config.hook.pytest_muster_validate(config=config, environments=SELECTED)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    pasts = session.config.hook.pytest_muster_prepare(config=session.config, environments=SELECTED, parts={"http", "kubernetes"})
    with open("pasts.json", "w") as file:
        json.dump(pasts, file)
"""
TEST = """
import json, os, pathlib, ssl, urllib.error, urllib.request

def test_the_addresses_lead_to_the_sandbox():
    context = ssl.create_default_context(cafile=os.environ["SANDBOX_CA"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        status = opener.open(os.environ["SANDBOX_SITE_FRONT_URL"] + "/health", timeout=30).status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    said = {"status": status, "folder": os.path.dirname(os.environ["SANDBOX_KUBECONFIG"])}
    pathlib.Path("said.json").write_text(json.dumps(said))
"""


def run(folder: Path, selected: str, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A pytest run in `folder` that selects these environments of the tiny world."""
    (folder / "worlds").mkdir()
    shutil.copy(Path(tiny_world.__file__), folder / "worlds")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TEST)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--disable-plugin-autoload", "-p", "sandbox.plugin", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SELECTED": selected} | variables
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_a_platform_is_there_for_the_run_and_gone_afterwards(tmp_path: Path) -> None:
    done = run(tmp_path, "tiny-world/sandbox")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads((tmp_path / "said.json").read_text())
    assert said["status"] == 200
    assert not Path(said["folder"]).exists()
    assert "sandbox tiny-world: up after" in done.stdout
    ((at, value),) = json.loads((tmp_path / "pasts.json").read_text())[0]["tiny-world/sandbox"]["visits"]
    assert value == 41
    assert time.time() - 7200 < at < time.time() - 3600
    assert "sandbox tiny-world: its world brings earlier looks at 1 numbers" in done.stdout


def test_a_fault_breaks_the_platform_of_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, "tiny-world/sandbox", "--fault", "tiny-world/front-unhealthy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "said.json").read_text())["status"] == 500
    assert "broken by tiny-world/front-unhealthy" in done.stdout


def test_a_real_environment_boots_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "tiny-world/production")
    assert done.returncode == 1
    assert "KeyError: 'SANDBOX_CA'" in done.stdout
    assert "up after" not in done.stdout


@pytest.mark.parametrize(
    ("selected", "arguments", "reason"),
    [
        ("tiny-world/sandbox", ["--fault", "front-unhealty"], "there is no fault 'front-unhealty'; nearest: front-unhealthy"),
        ("tiny-world/production", ["--fault", "front-unhealthy"], "--fault breaks a sandbox only, and tiny-world/production is none"),
        ("", ["--fault", "front-unhealthy"], "--fault breaks a sandbox, and none is selected"),
        ("absent/sandbox", [], "there is no world for the system 'absent'"),
        ("tiny-world/sandbox platform-service/sandbox", [], "one sandbox at a time: platform-service, tiny-world"),
    ],
)
def test_what_could_not_work_is_refused_before_anything_starts(tmp_path: Path, selected: str, arguments: list[str], reason: str) -> None:
    done = run(tmp_path, selected, *arguments)
    assert done.returncode == 4, done.stdout + done.stderr
    assert reason in done.stderr
    assert not (tmp_path / "said.json").exists()


def test_a_sandbox_that_runs_already_is_used(tmp_path: Path) -> None:
    done = run(tmp_path, "tiny-world/sandbox", SANDBOX_RUNNING=str(tmp_path))
    assert f"the one that runs in {tmp_path}" in done.stdout
    assert "up after" not in done.stdout
