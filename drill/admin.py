"""What the admin of the scratch server does for a restore: statements of our own, for what the dump's own role may not."""

from collections.abc import Mapping
from typing import Any

from drill.errors import Refused
from drill.results import Terms
from drill.sql import Statement
from drill.sql_errors import scratch, told
from drill.statements import head
from drill.watchdog import Watchdog
from muster.probes import CouldNotLook


class Admin:
    """The admin's connection, under the restore's deadline."""

    def __init__(self, connection: Any, terms: Terms, watchdog: Watchdog) -> None:
        self.terms = terms
        self._connection = connection
        self._watchdog = watchdog

    def rows(self, statement: Any, doing: str, parameters: Mapping[str, Any] | None = None, hint: str = "") -> list[tuple[Any, ...]]:
        """Raises CouldNotLook for whatever goes wrong: the backup has no part in it."""
        import psycopg

        self._watchdog.check(doing)
        try:
            cursor = self._connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            if self._watchdog.expired():
                raise self._watchdog.late(doing) from None
            raise CouldNotLook(str(told(error, doing, 0)), cause=scratch(self._connection), hint=hint) from None

    def permit(self, name: str, piece: Statement) -> None:
        """Raises Refused for an extension that is not declared."""
        if name not in self.terms.extensions:
            raise Refused("this extension is not declared", head(piece.text), piece.line)

    def make(self, name: str, schema: str) -> None:
        """Make an extension. Raises CouldNotLook when the scratch server has none of this name."""
        from psycopg import sql

        statement = sql.SQL("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {}").format(sql.Identifier(name), sql.Identifier(schema))
        self.rows(statement, f"CREATE EXTENSION {name}", hint="is the extension installed on the scratch server?")
