"""A plugin that writes down which clients of sources a run has imported."""

import json
import os
import sys
from pathlib import Path

import pytest

CLIENTS = ("kubernetes", "psycopg", "redis", "requests", "boto3", "testinfra", "aiohttp", "cryptography")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    found = [name for name in CLIENTS if name in sys.modules]
    Path(os.environ["MUSTER_BENCH"]).write_text(json.dumps(found), encoding="utf-8")
