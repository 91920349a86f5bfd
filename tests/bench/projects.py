"""The projects that whole runs of pytest look at: ours made of an environment file, theirs of a module of tests."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.processes import ROOT, Done, run

PLUGINS = ("muster.plugin", "muster.terminal", "muster.evidence", "sandbox.plugin", "fixtures.plugins")
OPTIONS = "--import-mode=importlib --strict-markers --strict-config --disable-plugin-autoload"
SETTINGS = f"[pytest]\naddopts = {OPTIONS}\nfilterwarnings = error\n"
READINGS, PER_READING = 2500, 4
"""Of the ten thousand checks: four for each entity, about as in the environments of this repository."""

REQUESTS = """\
import pytest
import requests

URLS = {urls!r}

@pytest.mark.parametrize("url", URLS)
def test_answers(url):
    assert requests.get(url, timeout=60).status_code == 200
"""
NUMBERS = """\
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_number_{check}(number):
    assert number >= 0
"""
LOW = '''
@pytest.mark.expects("at_most")
def test_reading_{check}(number: Number, limit: float) -> None:
    """The number is low enough.

    Next: look at where it comes from.
    """
    assert number.value <= limit
'''


def write(path: Path, text: str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def environment(folder: Path, **sections: Any) -> Path:
    """An environment `shop/bench`; the folder for `--environments`."""
    write(folder / "environments" / "shop" / "bench.yaml", json.dumps({"system": "shop", "owner": "team-shop", **sections}))
    return folder / "environments"


def endpoints(folder: Path, urls: Sequence[str]) -> Path:
    """An environment with an endpoint for each of these addresses, which is to answer 200."""
    names = {f"api-{number}": url for number, url in enumerate(urls)}
    made = [{"name": name, "url": f"${{{name}}}/", "expect": {"status": 200}} for name in names]
    return environment(folder, connections={name: {"http": {"url": url}} for name, url in names.items()}, endpoints=made)


def looked(folder: Path, environments: Path, *arguments: str, codes: Sequence[int] = (0,), more: dict[str, str] | None = None) -> Done:
    """A run of our own checks, as anybody starts it."""
    given = ["--env", "shop/bench", "--environments", str(environments), "--reports", str(folder / "out")]
    return run([sys.executable, "-m", "pytest", "-q", *arguments, *given], ROOT, codes, more)


def told(folder: Path) -> dict[str, Any]:
    """What the last run's summary says: how many hold, how many results Allure has, and how long the look took."""
    said = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
    results = len(list((folder / "out" / "allure-results").glob("*-result.json")))
    return {"hold": said["environments"][0]["counts"]["holds"], "results": results, "took": said["look"]["took"]}


def passed(done: Done) -> int:
    """How many tests pytest says have passed."""
    found = re.search(r"(\d+) passed", done.output)
    return int(found[1]) if found else 0


def theirs(folder: Path, urls: Sequence[str]) -> Path:
    """A module of pytest that asks with requests, one after the other."""
    write(folder / "pytest.ini", SETTINGS)
    return write(folder / "test_requests.py", REQUESTS.format(urls=[f"{url}/" for url in urls])).parent


def experiment(folder: Path, urls: Sequence[str]) -> Path:
    """The same for Chaos Toolkit: a hypothesis that holds, and nothing done to the system."""
    probes = [
        {
            "type": "probe", "name": f"api-{number}", "tolerance": 200,
            "provider": {"type": "http", "url": f"{url}/", "timeout": 60},
        }
        for number, url in enumerate(urls)
    ]  # fmt: skip
    hypothesis = {"title": "all answer", "probes": probes}
    body = {"version": "1.0.0", "title": "wave", "description": "wave", "steady-state-hypothesis": hypothesis, "method": []}
    return write(folder / "experiment.json", json.dumps(body))


def bare(folder: Path, modules: int, count: int, head: str = "") -> Path:
    """Modules of trivial tests, `count` each; `head` is what their conftest imports."""
    write(folder / "pytest.ini", SETTINGS)
    write(folder / "conftest.py", head)
    for number in range(modules):
        write(folder / f"test_numbers_{number}.py", NUMBERS.format(count=count, check=number))
    return folder


def trivial(folder: Path) -> Path:
    """A project of ours with ten thousand checks whose probe returns at once."""
    write(folder / "pytest.ini", SETTINGS.replace("--disable-plugin-autoload", "--disable-plugin-autoload -p allure_pytest.plugin"))
    write(folder / "conftest.py", f"pytest_plugins = {[*PLUGINS, 'tests.bench.trivial']!r}\n")
    head = "import pytest\n\nfrom tests.bench.trivial import Number\n\n"
    write(folder / "checks" / "daily" / "test_numbers.py", head + "\n".join(LOW.format(check=check) for check in range(PER_READING)))
    fields = {"connection": "metrics", "promql": "up", "expect": {"at_most": 0}}
    readings = [{"name": f"reading-{number}", **fields} for number in range(READINGS)]
    environment(folder, connections={"metrics": {"prometheus": {"url": "http://127.0.0.1:9"}}}, readings=readings)
    return folder
