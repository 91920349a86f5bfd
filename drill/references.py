"""Foreign keys: rows that refer to nothing, whether or not the copy has the constraint that would forbid it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from drill.asks import Asks, ask
from drill.catalog import of_users
from drill.names import parts, shown, written
from muster.units import Counted

_KEYS = of_users("""
select c.conname, array[t.nspname, t.relname]::text[], array[p.nspname, p.relname]::text[],
       array_agg(a.attname::text order by k.place), array_agg(b.attname::text order by k.place),
       array_agg(o.nspname::text order by k.place), array_agg(o.oprname::text order by k.place),
       c.confmatchtype = 'f', c.convalidated
  from pg_constraint c join rel t on t.oid = c.conrelid join rel p on p.oid = c.confrelid
  cross join unnest(c.conkey, c.confkey, c.conpfeqop) with ordinality as k(mine, theirs, operator, place)
  join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.mine
  join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.theirs
  join (select q.oid, q.oprname, n.nspname from pg_operator q join pg_namespace n on n.oid = q.oprnamespace) o on o.oid = k.operator
 where c.contype = 'f' and c.conparentid = 0
   and coalesce(to_jsonb(c) ->> 'conperiod', 'false') = 'false' and coalesce(to_jsonb(c) ->> 'conenforced', 'true') = 'true'
 group by c.oid, c.conname, t.nspname, t.relname, p.nspname, p.relname, c.confmatchtype, c.convalidated
 order by 2, 1
""")
"""Keys over periods, and keys that are not enforced (PostgreSQL 18), promise something else and are left out."""

_COLUMNS = """
select array[n.nspname, c.relname, a.attname]::text[], c.relkind = 'p',
       coalesce((select o.nspname from pg_opclass x join pg_am m on m.oid = x.opcmethod and m.amname = 'btree'
                   join pg_amop e on e.amopfamily = x.opcfamily and e.amoplefttype = x.opcintype and e.amoprighttype = x.opcintype
                        and e.amopstrategy = 3
                   join (select q.oid, y.nspname from pg_operator q join pg_namespace y on y.oid = q.oprnamespace) o on o.oid = e.amopopr
                  where x.opcdefault and x.opcintype = coalesce(nullif(t.typbasetype, 0), t.oid)), 'pg_catalog')
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
  join pg_type t on t.oid = a.atttypid
 where c.relkind in ('r', 'p') and not a.attisdropped and (n.nspname, c.relname) in (select * from unnest(%s::text[], %s::text[]))
"""
"""Columns of some tables, and the schema of the operator that calls their values equal."""

_SIDE = re.compile(r"\s*(?P<table>.+?)\s*\((?P<columns>.+)\)\s*")
_OPERATOR = re.compile(r"(?!.*(--|/\*))[-+*/<>=~!@#%^&|`?]{1,63}")
_LIST = re.compile(r'\s*((?:"(?:[^"]|"")+"|[^\s",]+))\s*(?:,|$)')


@dataclass(frozen=True)
class Key:
    """A foreign key: of production, of the last good drill, or declared."""

    table: tuple[str, str]
    columns: tuple[str, ...]
    to: tuple[str, str]
    to_columns: tuple[str, ...]
    operators: tuple[tuple[str, str], ...] = ()
    """What calls two values equal, by schema and name; empty: what the copy's columns go by."""
    full: bool = False
    """MATCH FULL: a row refers with all columns or with none."""
    valid: bool = True
    """False: production itself does not promise it for all rows."""
    name: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for an operator that is none: it stands in a statement as it is."""
        for _, operator in self.operators:
            if not _OPERATOR.fullmatch(operator):
                raise ValueError(f"{shown(operator)} is no operator")

    def __str__(self) -> str:
        """`public.chat_messages (vod_id) -> public.vods (id)`."""
        sides = ((self.table, self.columns), (self.to, self.to_columns))
        return shown(" -> ".join(f"{written(*table)} ({', '.join(map(written, columns))})" for table, columns in sides))


@dataclass(frozen=True)
class Orphans:
    """The rows of one key that refer to nothing."""

    key: Key
    rows: int | None
    """None: the copy has no such table or column."""
    note: str = ""

    def __str__(self) -> str:
        """`public.chat_messages (vod_id) -> public.vods (id): 3 orphan rows`."""
        said = f"{self.rows:,} orphan {'row' if self.rows == 1 else 'rows'}" if self.rows is not None else "not counted"
        return f"{self.key}: {said}" + (f"; {self.note}" if self.note else "")


def keys(database: Asks) -> tuple[Key, ...]:
    """The foreign keys of a database. Raises CouldNotLook."""
    return tuple(
        Key(tuple(table), tuple(mine), tuple(to), tuple(theirs), tuple(zip(schemas, operators, strict=True)), full, valid, name)
        for name, table, to, mine, theirs, schemas, operators, full, valid in ask(database, _KEYS)
    )


def to_plain(known: Iterable[Key]) -> list[Any]:
    """Keys as JSON takes them."""
    from pydantic import TypeAdapter

    plain: list[Any] = TypeAdapter(list[Key]).dump_python(list(known), mode="json")
    return plain


def from_plain(plain: Any) -> tuple[Key, ...]:
    """What `to_plain` gave. Raises ValueError for anything else."""
    from pydantic import TypeAdapter

    return tuple(TypeAdapter(list[Key]).validate_python(plain))


def declared(text: str) -> Key:
    """`public.chat_messages.vod_id -> public.vods.id`, or with several columns `public.a (x, y) -> public.b (x, y)`.

    Raises ValueError.
    """
    left, arrow, right = text.partition("->")
    if not arrow:
        raise ValueError(f"{shown(text)} is no reference: write public.chat_messages.vod_id -> public.vods.id")
    (table, columns), (to, to_columns) = _side(left), _side(right)
    if len(columns) != len(to_columns):
        raise ValueError(f"{shown(text)}: {len(columns)} column(s) cannot refer to {len(to_columns)}")
    return Key(table, columns, to, to_columns, name="declared")


def _side(text: str) -> tuple[tuple[str, str], tuple[str, ...]]:
    listed = _SIDE.fullmatch(text)
    if listed is None:
        schema, table, column = parts(text.strip(), 3)
        return (schema, table), (column,)
    schema, table = parts(listed["table"], 2)
    columns: list[str] = []
    at = 0
    while found := _LIST.match(listed["columns"], at):
        columns += parts(found[1], 1)
        at = found.end()
        if at >= len(listed["columns"]):
            return (schema, table), tuple(columns)
    raise ValueError(f"{shown(text)}: write the columns as (x, y)")


def orphans(copy: Asks, known: Iterable[Key]) -> tuple[Orphans, ...]:
    """For each key, how many rows of the copy refer to nothing. Raises CouldNotLook."""
    known = tuple(known)
    tables = sorted({table for key in known for table in (key.table, key.to)})
    schemas, names = [schema for schema, _ in tables], [name for _, name in tables]
    columns = {tuple(name): (partitioned, operator) for name, partitioned, operator in ask(copy, _COLUMNS, (schemas, names))}
    return tuple(_orphans(copy, key, columns) for key in known)


def _orphans(copy: Asks, key: Key, columns: dict[Any, tuple[bool, str]]) -> Orphans:
    mine = [(*key.table, column) for column in key.columns]
    theirs = [(*key.to, column) for column in key.to_columns]
    if lost := [name for name in mine if name not in columns]:
        return Orphans(key, None, f"there is no {shown(written(*lost[0]))}")
    if not key.operators:
        pairs = zip(mine, theirs, strict=True)
        ways = [columns[name][1] for name, other in pairs if other not in columns or columns[other][1] == columns[name][1]]
        schemas = ways if len(ways) == len(mine) else ["pg_catalog"] * len(mine)
        key = replace(key, operators=tuple((schema, "=") for schema in schemas))
    lost = [name for name in theirs if name not in columns]
    only = tuple(not columns[side[0]][0] if side[0] in columns else False for side in (mine, theirs))
    rows = ask(copy, _statement(key, (only[0], only[1]), is_lost=bool(lost)))[0][0]
    return Orphans(key, rows, f"there is no {shown(written(*lost[0]))}" if lost else "")


def _statement(key: Key, only: tuple[bool, bool], *, is_lost: bool) -> str:
    """Count the rows without a partner; when what they refer to `is_lost`, all that refer."""
    from psycopg import sql

    refers = sql.SQL(" or " if key.full else " and ").join(sql.SQL("c.{} is not null").format(sql.Identifier(each)) for each in key.columns)
    pairs = zip(key.columns, key.to_columns, key.operators, strict=True)
    equal = sql.SQL(" and ").join(
        sql.SQL("p.{} operator({}.{}) c.{}").format(sql.Identifier(theirs), sql.Identifier(schema), sql.SQL(operator), sql.Identifier(mine))
        for mine, theirs, (schema, operator) in pairs
    )
    partner = sql.SQL("not exists (select from {} {} p where {})").format(_only(only[1]), sql.Identifier(*key.to), equal)
    return (
        sql.SQL("select count(*) from {} {} c where ({}) and {}")
        .format(_only(only[0]), sql.Identifier(*key.table), refers, sql.SQL("true") if is_lost else partner)
        .as_string()
    )


def _only(plain: bool) -> Any:
    """A key of an ordinary table does not hold for what inherits from it; one of a partitioned table holds for its partitions."""
    from psycopg import sql

    return sql.SQL("only" if plain else "")


def found(counted: Iterable[Orphans]) -> Counted:
    """A line for each key with orphan rows, those aside that production itself does not promise to hold."""
    return Counted(str(each) for each in counted if each.rows and each.key.valid)


def unproven(expected: Iterable[Key], copy: Iterable[Key]) -> Counted:
    """A line for each key of production that the copy lacks, or has without having checked its rows; its name does not matter."""
    there = {(key.table, key.columns, key.to, key.to_columns): key for key in copy}
    lines: list[str] = []
    for key in expected:
        same = there.get((key.table, key.columns, key.to, key.to_columns))
        if same is None:
            lines.append(f"{key}: the copy has no such foreign key")
        elif key.valid and not same.valid:
            lines.append(f"{key}: not validated in the copy")
    return Counted(lines)
