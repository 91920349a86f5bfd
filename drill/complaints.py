"""What pg_restore complains of: whose fault it is, without a value of any row."""

import re
from collections.abc import Iterable

from drill.errors import Damaged
from drill.results import SqlError
from drill.statements import head
from muster.probes import CouldNotLook
from muster.text import cut

_ERROR = re.compile(r"(?:pg_restore: [^\n]*?)?error: (.*)", re.DOTALL)
"""Several jobs write into one another's lines, so that something may stand between."""
_SAID_BY_SERVER = re.compile(
    r"(?:could not execute query|COPY failed for table \"(?P<table>.*?)\"|error returned by PQputCopyEnd"
    r"|could not \w+ (?:to )?large object[^:]*|could not set \w+(?: \w+)*(?: to \S+)?)"
    r": (?:\w+: +)?(?P<said>[^\n]*)(?P<more>.*)",
    re.DOTALL,
)
_OURS = re.compile(
    r"connection to server|could not connect|closed the connection|terminating connection|shutting down|in recovery mode|starting up"
    r"|No space left|Disk quota|out of memory|out of shared memory|canceling statement|too many (?:clients|connections)"
    r"|remaining connection slots|worker process|communication channel|could not (?:write to|open) (?:temporary|output) file"
    r"|Connection (?:refused|reset)|SSL error|no password|could not read block|Input/output error|connection option"
)
_COMMAND = re.compile(r"^Command was: (.*)", re.DOTALL | re.MULTILINE)
_UNSUPPORTED = "unsupported version"
_CONSEQUENCE = "a worker process died"
_LONGEST = 65536
_MOST = 50


class TooOld(Exception):
    """pg_restore does not know the version of the archive."""


def records(lines: Iterable[str]) -> list[str]:
    """What belongs together: a line that begins with the program's name, and those that follow it without."""
    found: list[str] = []
    for line in lines:
        if line.startswith(("pg_restore: ", "error: ")):
            if len(found) == _MOST:
                break
            found.append(line)
        elif found and len(found[-1]) < _LONGEST:
            found[-1] += line
    return found


def judged(complaints: list[str], names: frozenset[str], cause: str) -> SqlError:
    """The SQL error among the complaints of a pg_restore that failed, the first of them.

    `names` are those of the archive's contents, which may be told. Raises TooOld, Damaged when the archive is at fault,
    CouldNotLook when the scratch server or this machine is.
    """
    errors = [found[1].strip() for each in complaints if (found := _ERROR.match(each))]
    errors.sort(key=lambda error: error.startswith(_CONSEQUENCE))
    if any(error.startswith(_UNSUPPORTED) for error in errors):
        raise TooOld
    for error in errors:
        said = _SAID_BY_SERVER.match(error)
        if _OURS.search(said["said"] if said else error):
            raise CouldNotLook(
                f"pg_restore: {_masked(error.partition(chr(10))[0], names)}", cause=cause, hint="the log of the scratch server"
            )
        if said:
            return _sql_error(said, names)
        raise Damaged(f"pg_restore cannot read the archive: {_masked(error.partition(chr(10))[0], names)}")
    raise CouldNotLook("pg_restore failed and did not say why", cause=cause, hint="run pg_restore -l on the archive by hand")


def _sql_error(found: "re.Match[str]", names: frozenset[str]) -> SqlError:
    command = _COMMAND.search(found["more"])
    statement = f"COPY {cut(found['table'], 100)}" if found["table"] else head(command[1].encode()) if command else "a statement"
    known = names | set(re.findall(r"[\w$]+", statement))
    said = "an exception that a function of the dump raises" if "at RAISE" in found["more"] else _masked(found["said"], known)
    return SqlError(statement=statement, sqlstate="", message=said)


def _masked(said: str, names: frozenset[str] | set[str]) -> str:
    """From the first word in quotes that is no known name, to the last quote, it may be data."""
    at = 0
    while found := re.compile(r'"([^"]*)"?').search(said, at):
        if not all(word in names for word in found[1].split(".")):
            return cut(f'{said[: found.start()]}"..."{said[said.rindex(chr(34)) + 1 :] if said.count(chr(34)) > 1 else ""}', 300)
        at = found.end()
    return cut(said, 300)
