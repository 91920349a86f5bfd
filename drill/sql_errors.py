"""What an error of the scratch server means, and how it is told without a value of any row."""

import re
from typing import Any

from drill.results import SqlError
from muster.probes import CouldNotLook
from muster.text import cut

OURS = ("08", "53", "57", "58")
"""Classes of SQLSTATE in which the server, the connection or an operator is the cause, not the statement."""
_TOLD = ("0A", "23", "2B", "3F", "42", "55")
"""Classes whose messages name tables, columns and types; those of the others may quote values."""
_LINE_OF_COPY = re.compile(r"COPY .*?, line (\d+)")
_HINTS = {
    "53": "df -h on the scratch server; the drill estimates the restored size before it begins",
    "57": "the log of the scratch server says who ended it",
    "58": "the log of the scratch server; are the libraries of all extensions installed there?",
}


class SqlFailed(Exception):
    """A restore ends at its first error."""

    def __init__(self, error: SqlError) -> None:
        super().__init__(str(error))
        self.error = error


def scratch(connection: Any) -> str:
    """`scratch server host:port/database`: the cause that all who met the same trouble share."""
    info = connection.info
    return f"scratch server {info.host or 'localhost'}:{info.port}/{info.dbname}"


def ours(error: Any, cause: str, doing: str) -> CouldNotLook | None:
    """The trouble, when the scratch server or the way to it is at fault; `error` is a psycopg.Error."""
    state = error.sqlstate or ""
    if state and state[:2] not in OURS:
        return None
    said = _message(error) if state else cut(str(error).strip().partition("\n")[0], 200)
    return CouldNotLook(
        f"{doing}: {f'SQL error {state}: ' if state else ''}{said}",
        cause=cause,
        hint=_HINTS.get(state[:2], "is the scratch server running?"),
    )


def told(error: Any, statement: str, line: int) -> SqlError:
    """The error of a statement; for a COPY the line of the data is found in what the server says beside it."""
    within = _LINE_OF_COPY.match(error.diag.context or "") if statement.startswith("COPY ") else None
    return SqlError(
        statement=statement, sqlstate=error.sqlstate or "", message=_message(error), line=line + int(within[1]) if within else line
    )


def _message(error: Any) -> str:
    """The server's sentence where it can hold names only, else the name of the error; and the names that belong to it."""
    state, diag = error.sqlstate, error.diag
    said = diag.message_primary or ""
    # A function may raise any text under any code; a syntax error quotes what it stumbles over.
    told = state[:2] in (*_TOLD, *OURS) and state != "42601" and diag.source_function != "exec_stmt_raise"
    if not told:
        said = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    named = (("table", diag.table_name), ("column", diag.column_name), ("constraint", diag.constraint_name), ("type", diag.datatype_name))
    beside = [f"{what} {name}" for what, name in named if name and name not in said]
    return cut(said + (f" ({', '.join(beside)})" if beside else ""), 300)
