"""Damage on disk: PostgreSQL's own amcheck reads every B-tree index and every heap of the restored copy.

It runs as the administrator of the scratch server, in one transaction that is rolled back: the extension and its schema are gone
when it ends, also when we are killed. Each relation has a savepoint of its own, so that one that is damaged does not end the look
and no lock is kept. What is said about damage names relations, blocks and line numbers, never what a row holds.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from drill.names import shown, written
from muster.probes import CouldNotLook
from muster.text import cut

SCHEMA = "muster_amcheck"
OLDEST = 140003
"""Before 14.3 amcheck ran the functions of an index's expressions as the administrator (CVE-2022-1552)."""
LONGEST = 300
DAMAGE = ("XX000", "XX001", "XX002", "58P01")
"""SQLSTATEs of an internal error, a corrupt table, a corrupt index, a file that is not there."""

_RELATIONS = """
select c.oid, n.nspname, c.relname, c.relkind = 'i', pg_relation_size(c.oid), s.nspname, t.relname
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_am a on a.oid = c.relam
  left join pg_index i on i.indexrelid = c.oid
  left join pg_class t on t.reltoastrelid = coalesce(i.indrelid, c.oid) left join pg_namespace s on s.oid = t.relnamespace
 where c.relpersistence <> 't'
   and (c.relkind = 'i' and a.amname = 'btree' and i.indisvalid and i.indisready or c.relkind in ('r', 'm', 't') and a.amname = 'heap')
 order by 5 desc, 1
"""


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """What amcheck has read, and what it says about it."""

    relations: int
    bytes: int
    complaints: tuple[str, ...]
    """`public.orders_pkey: item order invariant violated`."""


@dataclass(frozen=True)
class _Relation:
    oid: int
    name: str
    is_index: bool
    bytes: int


def check(admin: Any, ends: float, on_progress: Callable[[int, int], None] | None = None, *, heap_all_indexed: bool = True) -> Corruption:
    """Look at every B-tree index and every heap, the catalogs' and those of long values too.

    `admin` is a psycopg connection to the copy, of a superuser of the scratch server, without an open transaction. `ends`
    (monotonic) is the end of all of it; `on_progress` is told bytes looked at, and of how many. With `heap_all_indexed` each row
    is looked for in its indexes too, which takes about as long again. Raises CouldNotLook.
    """
    import psycopg

    name = f"amcheck in {admin.info.dbname}"
    _allowed(admin, name)
    try:
        with admin.transaction(force_rollback=True):
            place = _install(admin)
            relations = _relations(admin)
            complaints: list[str] = []
            done, size = 0, sum(each.bytes for each in relations)
            for each in relations:
                complaints += _complaints(admin, each, place, ends, heap_all_indexed=heap_all_indexed)
                done += each.bytes
                if on_progress:
                    on_progress(done, size)
            return Corruption(relations=len(relations), bytes=size, complaints=tuple(complaints))
    except psycopg.Error as error:
        raise _could_not(error, name) from error


def _allowed(admin: Any, name: str) -> None:
    """Raises CouldNotLook where amcheck is missing, or would do more than look."""
    if admin.info.server_version < OLDEST:
        raise CouldNotLook(
            f"the scratch server has version {admin.info.server_version}; amcheck is safe with a stranger's dump from {OLDEST} (14.3) on",
            cause=name, hint="update the scratch server",
        )  # fmt: skip
    with admin.transaction():
        known = admin.execute("select from pg_catalog.pg_available_extensions where name = 'amcheck'").fetchall()
    if not known:
        raise CouldNotLook("the scratch server does not have the extension amcheck", cause=name, hint="install postgresql-contrib there")


def _install(admin: Any) -> str:
    """The schema of amcheck's functions: where the dump has put it, else one of our own."""
    admin.execute("set local search_path to ''")
    admin.execute("set local lock_timeout to '30s'")
    there = admin.execute(
        "select n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace where extname = 'amcheck'"
    ).fetchone()
    if there:
        return str(there[0])
    admin.execute(f"create schema {SCHEMA}")
    admin.execute(f"create extension amcheck with schema {SCHEMA}")
    return SCHEMA


def _relations(admin: Any) -> list[_Relation]:
    """All that is looked at, the largest first. What holds a table's long values is named after the table."""
    found = []
    for oid, schema, name, is_index, size, owner_schema, owner in admin.execute(_RELATIONS):
        known = written(schema, name) if owner is None else f"long values of {written(owner_schema, owner)}{' (index)' if is_index else ''}"
        found.append(_Relation(oid, shown(known), is_index, size))
    return found


def _complaints(admin: Any, relation: _Relation, place: str, ends: float, *, heap_all_indexed: bool) -> Iterator[str]:
    """What amcheck says about one relation; nothing, when it is whole."""
    import psycopg
    from psycopg import sql

    functions = sql.Identifier(place)
    if relation.is_index:
        statement = sql.SQL("select {}.bt_index_check(index => %s::oid::regclass, heapallindexed => %s)").format(functions)
        values: tuple[Any, ...] = (relation.oid, heap_all_indexed)
    else:
        statement = sql.SQL(
            "select blkno, msg from {}.verify_heapam(relation => %s::oid::regclass, on_error_stop => true, check_toast => true)"
        ).format(functions)
        values = (relation.oid,)
    try:
        with admin.transaction(force_rollback=True):
            _limit(admin, ends)
            rows = admin.execute(statement, values).fetchall()
    except psycopg.Error as error:
        if error.sqlstate not in DAMAGE:
            raise
        yield f"{relation.name}: {cut(error.diag.message_primary or 'damaged', LONGEST)}"
    else:
        if rows and not relation.is_index:
            block, said = rows[0]
            yield f"{relation.name}: block {block}: {cut(said, LONGEST)}" + (f" (and {len(rows) - 1} more)" if rows[1:] else "")


def _limit(admin: Any, ends: float) -> None:
    """Give the next statement what is left of the time."""
    left = max(1, int((ends - time.monotonic()) * 1000))
    admin.execute("select pg_catalog.set_config('statement_timeout', %s, true)", (f"{left}ms",))


def _could_not(error: Any, name: str) -> CouldNotLook:
    """Why amcheck could not look; `error` is a psycopg.Error."""
    state = error.sqlstate or ""
    if state == "57014":
        return CouldNotLook(
            "not every relation could be read in time", cause=name, hint="give the drill more time, or leave heapallindexed out"
        )
    if state == "42501":
        return CouldNotLook("the administrator may not create the extension amcheck", cause=name, hint="it takes a superuser")
    said = cut(error.diag.message_primary or "", LONGEST) if state[:2] not in ("22", "23", "P0") else type(error).__name__
    return CouldNotLook(f"SQL error {state}: {said}" if state else f"the connection broke: {type(error).__name__}", cause=name)
