"""A project whose probes and checks say a secret wherever something can be said, in every shape."""

from pathlib import Path

from tests.canaries.canary import PLAIN, UGLY
from tests.engine.project import PLUGINS, Project, project, reading

FAKE = '''
"""Sees secrets everywhere."""
import logging
import os
import sys
import time
from dataclasses import dataclass

from muster.kinds.readings import Reading
from muster.probes import CouldNotLook, Observation, probe
from muster.secrets import SecretRef
from tests.canaries.canary import shapes


def said():
    plain, ugly = (SecretRef(f"env:CANARY_{name}").resolve().reveal() for name in ("PLAIN", "UGLY"))
    return " | ".join([*shapes(plain).values(), *shapes(ugly).values()])


@dataclass(frozen=True, kw_only=True)
class Seen(Observation):
    value: float | int | str
    rows: dict[str, str]

    def facts(self):
        return {f"restarts/{self.seen}": 1.0}


@probe(timeout=4)
def measured(reading: Reading) -> Seen:
    """What the name of the reading says."""
    secret = said()
    logging.getLogger("urllib3.connectionpool").debug("sent %s", secret)
    logging.getLogger("client").error("the client says %s", secret)
    print("printed by a probe", secret)
    print("printed by a probe", secret, file=sys.stderr)
    if reading.name == "unknown":
        raise CouldNotLook(f"refused: {secret}", cause=f"server {secret}", hint=f"curl {secret}") from ConnectionError(secret)
    if reading.name == "probe-crash":
        raise RuntimeError(secret)
    if reading.name == "timeout":
        time.sleep(60)
    value = {"holds": 0, "violated": 9}.get(reading.name, secret)
    return Seen(value=value, rows={secret: secret}, looked_at=1, of="rows", seen=f"pod {secret}", note=f"pod-1 is not ready: {secret}")
'''

CHECKS = '''
import logging
import os
import signal
import sys
import warnings

import allure
import pytest

from fixtures.fake import said


@pytest.fixture
def token():
    return said()


@pytest.mark.expects("at_most")
def test_reading_is_low(measured, limit, token, record_property):
    """The value is low enough"""
    record_property("seen", token)
    print("printed by a check", token)
    print("printed by a check", token, file=sys.stderr)
    logging.getLogger("check").warning("a check says %s", token)
    with allure.step(f"step {token}"):
        allure.attach(token, f"attached {token}")
    if os.environ.get("WARN"):
        warnings.warn(f"a check warns {token}")
    if os.environ.get("SEGV"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if os.environ.get("STOP") and measured.value == 9:
        raise KeyboardInterrupt(token)
    assert measured.value <= limit


@pytest.mark.expects("equals")
def test_reading_is_as_declared(measured, limit):
    """The value is as declared"""
    assert measured.value == limit
'''

INTERNAL = """
import os
from fixtures.fake import said

def pytest_runtest_logreport(report):
    if os.environ.get("INTERNAL"):
        raise RuntimeError(said())
"""

COLLECTION = """
import os
from fixtures.fake import said

if os.environ.get("COLLECTION"):
    raise RuntimeError(said())
"""

UNSCRUBBED = """
import muster.scrubber

muster.scrubber.learn = lambda value: value
"""


def leaky(folder: Path, *, scrubbed: bool = True, **head: object) -> Project:
    """The project; with `scrubbed=False` nobody learns what the secrets are."""
    made = project(folder)
    numbers = [reading(name) for name in ("holds", "violated", "unknown", "probe-crash", "check-crash", "timeout")]
    texts = [reading("text", expect={"equals": "fine"})]
    made.environment("platform/sandbox", [*numbers, *texts], **head)
    made.write("fixtures/fake.py", FAKE).write("checks/daily/test_readings.py", CHECKS)
    made.write("fixtures/hooks.py", INTERNAL).write("checks/daily/test_broken.py", COLLECTION)
    plugins = [*PLUGINS, "fixtures.hooks"]
    made.write("conftest.py", ("" if scrubbed else UNSCRUBBED) + f"\npytest_plugins = {plugins!r}\n")
    made.out.mkdir(parents=True)
    made.variables |= {"CANARY_PLAIN": PLAIN, "CANARY_UGLY": UGLY}
    return made
