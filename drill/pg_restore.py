"""pg_restore on one archive: what it lists, what it writes as SQL, what it sends to a server."""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from drill.complaints import judged, records
from drill.errors import Damaged, Refused
from drill.programs import running
from drill.results import DATA, INDEXES, PHASES, TABLES, OnProgress, Progress
from drill.sql_errors import SqlFailed

_ENTRY = re.compile(r"\d+; \d+ \d+ (.*)")
_STEP = re.compile(r"pg_restore: (?:creating ([A-Z ]+) |(processing data for table|executing|restoring large object))")
_OF_INDEXES = re.compile(
    r"INDEX(?: ATTACH)?|(?:FK |CHECK )?CONSTRAINT|(?:EVENT )?TRIGGER|RULE|POLICY|STATISTICS|PUBLICATION(?: TABLE)?"
    r"|MATERIALIZED VIEW DATA|ACL"
)
_CHUNK = 65536


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where to, and as whom."""

    parameters: Mapping[str, Any]
    """libpq's: host, port, dbname, user, sslmode ..., without the password."""
    password: str = field(repr=False)
    admin: Any
    """A psycopg connection to the same database in autocommit that may make extensions and grant on schemas."""


def described(entry: str) -> str:
    """An entry of the list without its numbers: `TABLE public users owner`."""
    found = _ENTRY.match(entry)
    return found[1] if found else ""


class PgRestore:
    """The program at `program`, for the archive at `path`; `folder` is private. `cause` names the scratch server."""

    def __init__(self, program: str, path: Path, folder: Path, ends: float, cause: str) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self.done = 0
        """Entries that were restored."""
        self._program = program
        self._path = str(path)
        self._folder = folder
        self._ends = ends
        self._cause = cause
        self._names: frozenset[str] = frozenset()

    def version(self) -> str:
        """The program's own."""
        with running([self._program, "--version"], self._ends) as program:
            said = program.process.communicate()[0].decode(errors="replace")
        return said.partition("PostgreSQL) ")[2].split(" ")[0].strip()

    def entries(self) -> list[str]:
        """The archive's contents, one a line. Raises TooOld for an archive of a newer version."""
        with running([self._program, "--list", self._path], self._ends) as program:
            said, complaints = program.process.communicate()
            self._judge(program.code(), complaints.decode(errors="replace").splitlines(keepends=True))
        found = [line for line in said.decode(errors="replace").splitlines() if _ENTRY.match(line)]
        if not found:
            raise Damaged("the archive has no contents")
        self._names = frozenset(word for entry in found for word in re.findall(r"[\w$]+", entry))
        return found

    @contextlib.contextmanager
    def script(self, *options: str) -> Iterator[Iterator[bytes]]:
        """SQL as it writes it instead of sending it. A script that was cut off because it failed is told as that failure."""
        complaints = self._folder / "complaints"
        damage: Damaged | None = None
        with complaints.open("wb") as file, running([self._program, *options, "--file=-", self._path], self._ends, file) as program:
            try:
                yield iter(partial(program.output().read, _CHUNK), b"")
            except Refused:
                raise
            except Damaged as cut_off:
                damage = cut_off
            code = program.code()
        self._judge(code, complaints.read_text(errors="replace").splitlines(keepends=True))
        if damage:
            raise damage

    def chosen(self, entries: list[str]) -> str:
        """The option that restores these entries only."""
        contents = self._folder / "contents"
        contents.write_text("".join(f"{entry}\n" for entry in entries))
        return f"--use-list={contents}"

    def restore(self, target: Target, options: list[str], on_progress: OnProgress, of: int) -> None:
        """Send what the options choose. `of`: how many entries there are in all. Raises SqlFailed, Damaged, CouldNotLook."""
        with self._login(target) as login, running([self._program, *login, *options, self._path], self._ends) as program:
            complaints = list(self._followed(program.complaints(), on_progress, of))
            self._judge(program.code(), complaints)

    def _judge(self, code: int, complaints: list[str]) -> None:
        if code:
            raise SqlFailed(judged(records(complaints), self._names, self._cause))

    @contextlib.contextmanager
    def _login(self, target: Target) -> Iterator[list[str]]:
        from psycopg.conninfo import make_conninfo

        secret = self._folder / "password"
        secret.touch(mode=0o600)
        try:
            secret.write_text("*:*:*:*:" + re.sub(r"([\\:])", r"\\\1", target.password) + "\n")
            where = make_conninfo(**target.parameters, passfile=str(secret))
            yield ["--exit-on-error", "--no-password", "--verbose", f"--dbname={where}"]
        finally:
            secret.unlink()

    def _followed(self, output: IO[bytes], on_progress: OnProgress, of: int) -> Iterator[str]:
        """What it complains of; its steps become progress. Jobs run side by side: the phase is that of what began last."""
        phase, since = TABLES, time.monotonic()
        error = False
        for raw in output:
            line = raw.decode(errors="replace")
            if line.startswith(("pg_restore: ", "error: ")):
                error = "error: " in line
            if error:
                yield line
            if step := _STEP.match(line):
                self.seconds[phase] += time.monotonic() - since
                since = time.monotonic()
                phase = DATA if step[2] else INDEXES if _OF_INDEXES.fullmatch(step[1]) else TABLES
                self.done += 1
                on_progress(Progress(phase=phase, read=0, produced=0, done=self.done, of=of))
        self.seconds[phase] += time.monotonic() - since
