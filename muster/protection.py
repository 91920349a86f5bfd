"""What is refused, and kept quiet, in a run that looks at a protected environment."""

import logging
import os
from collections.abc import Iterator

import pytest

CLIENTS = (
    "asyncio", "asyncssh", "boto", "boto3", "botocore", "http", "kubernetes", "paramiko", "psycopg", "redis", "requests", "s3transfer",
    "testinfra", "urllib3", "websocket",
)  # fmt: skip
"""Loggers of clients: at DEBUG they write down requests with their headers."""
LEVELS = ("log_level", "log_cli_level", "log_file_level")


def protect(config: pytest.Config, environments: list[str]) -> None:
    """Raise UsageError for options that show what clients hold, as long as one of these protected environments is looked at."""
    if not environments:
        return
    found = list(_revealing(config))
    if found:
        raise pytest.UsageError(
            f"{', '.join(environments)} is protected, and {', '.join(found)} may show what our clients hold: leave it out"
        )
    for name in CLIENTS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _revealing(config: pytest.Config) -> Iterator[str]:
    """The options and variables in force that write down arguments, locals, requests or keys of a session, or send a log away."""
    chosen = {
        "--showlocals": config.option.showlocals,
        "--pdb": config.option.usepdb,
        "--trace": config.option.trace,
        "--debug": config.option.debug,
        "--pastebin": getattr(config.option, "pastebin", None),
        "PYTEST_DEBUG": os.environ.get("PYTEST_DEBUG"),
        "SSLKEYLOGFILE": os.environ.get("SSLKEYLOGFILE"),
    }
    yield from (name for name, given in chosen.items() if given)
    for name in LEVELS:
        level = getattr(config.option, name, None) or config.getini(name)
        if level and _number(str(level)) < logging.INFO:
            yield f"{name.replace('_', '-')} {level}"


def _number(level: str) -> int:
    known = logging.getLevelNamesMapping().get(level.upper())
    return known if known is not None else int(level) if level.isdigit() else logging.INFO
