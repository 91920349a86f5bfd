"""What can be asked about a database: production through its monitoring login, the restored copy through a connection to it."""

import time
from math import inf
from typing import Any, Protocol

from fixtures.postgresql.client import ROWS, NoSuchName, Session
from fixtures.postgresql.errors import ROLE
from muster.probes import CouldNotLook

MANY = 5_000_000
"""Rows of a catalog that are read at most."""
_SETTINGS = {
    "search_path": "",
    "row_security": "off",  # a policy that hides rows is an error, and no smaller count
    "work_mem": "64MB",
    "jit": "off",  # compiling takes longer than counting
    "max_parallel_workers_per_gather": "4",
    "lock_timeout": "30s",
    "statement_timeout": "0",
}
_NOWHERE_ELSE = """
select set_config(name, 'foreign-table', false) from pg_catalog.pg_settings where name = 'restrict_nonsystem_relation_kind'
"""
"""Servers that know this setting refuse foreign tables, through which a copy could reach the database that it was made of."""


class Asks(Protocol):
    """A database that answers single statements which only read."""

    def rows(self, statement: str, parameters: tuple[Any, ...] | None = None, at_most: int = ...) -> list[tuple[Any, ...]]:
        """The rows of one statement. Raises CouldNotLook, or NoSuchName for a name that does not exist."""


class Copy(Session):
    """The restored database. Log in as the role that owns it and nothing else: what a dump holds may run functions of its own."""

    def __init__(self, raw: Any, name: str, ends: float = inf) -> None:
        """`raw` is a psycopg connection without an open transaction; nothing is asked for longer than until `ends` (monotonic).

        Raises CouldNotLook when it cannot be prepared.
        """
        import psycopg

        super().__init__(raw, name)
        self._ends = ends
        try:
            raw.autocommit = False
            raw.read_only = True
            for setting, value in _SETTINGS.items():
                raw.execute("select set_config(%s, %s, false)", (setting, value))
            raw.execute(_NOWHERE_ELSE)
            raw.commit()
        except psycopg.Error as error:
            raise CouldNotLook(
                f"the restored copy cannot be asked: SQL error {error.sqlstate or type(error).__name__}", cause=name
            ) from error

    def rows(self, statement: str, parameters: tuple[Any, ...] | None = None, at_most: int = ROWS) -> list[tuple[Any, ...]]:
        """As a `Session` does, within what is left of the time."""
        if self._ends != inf:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise CouldNotLook("the time for verifying the restored copy is over", cause=self.name, hint="give the drill more time")
            self._fence = f"select set_config('statement_timeout', '{max(1, int(left * 1000))}ms', true)"
        try:
            return super().rows(statement, parameters, at_most)
        except CouldNotLook as refusal:
            if refusal.hint != ROLE:
                raise
            raise CouldNotLook(refusal.reason, cause=self.name, hint="log in as the role that owns what was restored") from None


def ask(database: Asks, statement: str, parameters: tuple[Any, ...] | None = None) -> list[tuple[Any, ...]]:
    """All rows of a statement that names only what was seen in the catalogs, or belongs to them. Raises CouldNotLook."""
    try:
        return database.rows(statement, parameters, at_most=MANY)
    except NoSuchName as gone:
        raise CouldNotLook(
            f"a name that was there a moment ago does not exist: {gone}",
            cause=getattr(database, "name", "the database"),
            hint="was the database changed meanwhile, or is it older than PostgreSQL 13?",
        ) from gone
