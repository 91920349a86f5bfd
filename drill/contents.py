"""The rows of a database: how many each table has, against what is known of production; and how new the newest is.

Partitions are counted under the root of their tree, and the tables of inheritance each for itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drill.asks import Asks, ask
from drill.catalog import of_users
from drill.names import parts, shown, written
from muster.units import Counted, Instant

AT_ONCE = 100
"""Tables that one statement counts; each takes locks."""
SMALL = 1_000_000
"""Rows up to which a table of production is counted, if our login may."""
_LEAVES = of_users("""
select r.nspname, r.relname, l.nspname, l.relname from rel l
  join rel r on r.oid = case when l.relispartition then pg_partition_root(l.oid) else l.oid end
 where l.relkind in ('r', 'p') and (l.relkind = 'r' or l.oid = r.oid)
 order by pg_relation_size(l.oid) desc, 3, 4
""")
_KNOWN = of_users(""",
leaf as (
  select coalesce(case when relispartition then pg_partition_root(oid) end, oid) as root, * from rel where relkind in ('r', 'p', 'f'))
select r.nspname, r.relname, r.relkind = 'p', bool_or(l.relpersistence = 'u'),
       has_schema_privilege(r.nspname, 'USAGE') and has_any_column_privilege(r.oid, 'SELECT') and not row_security_active(r.oid)
         and not bool_or(l.relkind = 'f'),
       array_agg(pg_stat_get_live_tuples(l.oid)) filter (where l.relkind = 'r'),
       array_agg(l.reltuples::float8) filter (where l.relkind = 'r')
  from leaf l join rel r on r.oid = l.root
 where r.relkind in ('r', 'p')
 group by r.oid, r.nspname, r.relname, r.relkind
""")


@dataclass(frozen=True)
class Known:
    """How many rows a table has as far as is known: counted, or estimated by the statistics of its server."""

    rows: int | None
    """None: no estimate."""
    exact: bool
    other: int | None = None
    """A second estimate that says something else; the truth is taken to lie between the two."""
    unlogged: bool = False
    """A copy of the server's files has none of its rows."""


@dataclass(frozen=True)
class Line:
    """One table of the comparison."""

    table: str
    found: int | None
    """None: there is no such table."""
    known: Known
    judged: bool
    good: bool

    def __str__(self) -> str:
        """`public.vods: 1 row of 1,000,000 (0.0001%)`."""
        if self.found is None:
            return f"{shown(self.table)}: no table, was {_rows(self.known)}"
        said = f"{shown(self.table)}: {self.found:,} {'row' if self.found == 1 else 'rows'}"
        if self.known.rows is None:
            return f"{said}; nothing is known of production's"
        share = f" ({100 * self.found / self.known.rows:.3g}%)" if self.known.rows else ""
        return f"{said} of {_rows(self.known)}{share}"


def _rows(known: Known) -> str:
    if known.rows is None:
        return "an unknown number"
    between = "" if known.other is None else f" or {known.other:,}"
    return f"{'' if known.exact else 'about '}{known.rows:,}{between}"


@dataclass(frozen=True)
class Comparison:
    """Counts of the copy beside what is known; the lines outside the band come first."""

    lines: tuple[Line, ...]

    @property
    def outside(self) -> Counted:
        """What has too few rows or too many, or is no longer there."""
        return Counted(str(line) for line in self.lines if line.judged and not line.good)

    @property
    def untold(self) -> Counted:
        """What could not be judged, because nothing is known."""
        return Counted(str(line) for line in self.lines if not line.judged)


def counts(copy: Asks) -> dict[str, int]:
    """How many rows each table has, exactly. Raises CouldNotLook."""
    leaves = ask(copy, _LEAVES)
    found = dict.fromkeys(sorted(written(schema, root) for schema, root, _, _ in leaves), 0)
    for start in range(0, len(leaves), AT_ONCE):
        batch = leaves[start : start + AT_ONCE]
        for place, rows in ask(copy, _count([(leaf[2:], True) for leaf in batch])):
            found[written(*batch[place][:2])] += rows
    return found


def _count(tables: Iterable[tuple[Iterable[str], bool]]) -> str:
    """A statement that counts tables by their place; with True, not what inherits from them."""
    from psycopg import sql

    each = sql.SQL("select {place}, count(*) from {only} {table}")
    counted = [
        each.format(place=sql.Literal(place), only=sql.SQL("only" if only else ""), table=sql.Identifier(*names))
        for place, (names, only) in enumerate(tables)
    ]
    return sql.SQL(" union all ").join(counted).as_string()


def live_counts(live: Asks, small: int = SMALL) -> dict[str, Known]:
    """How many rows each table of production has: counted where our login may and an estimate says that there are at most `small`.

    Raises CouldNotLook.
    """
    known: dict[str, Known] = {}
    to_count: list[tuple[tuple[str, str], bool]] = []
    for schema, table, partitioned, unlogged, readable, live_tuples, planned in ask(live, _KNOWN):
        made = _estimate(live_tuples or [], planned or [], unlogged=unlogged)
        known[written(schema, table)] = made
        if readable and made.rows is not None and max(made.rows, made.other or 0) <= small:
            to_count.append(((schema, table), not partitioned))
    for start in range(0, len(to_count), AT_ONCE):
        batch = to_count[start : start + AT_ONCE]
        for place, rows in ask(live, _count(batch)):
            name = written(*batch[place][0])
            known[name] = Known(rows, exact=True, unlogged=known[name].unlogged)
    return dict(sorted(known.items()))


def _estimate(live_tuples: list[int], planned: list[float], *, unlogged: bool) -> Known:
    """What two statistics say of a table or of all its partitions.

    The counter of live rows is lost with a crash, and a standby has none; the planner's number is as old as the last ANALYZE,
    and -1 before the first.
    """
    if planned and all(rows == 0 and tuples < 0 for rows, tuples in zip(live_tuples, planned, strict=True)):
        return Known(None, exact=False, unlogged=unlogged)
    counted = sum(live_tuples)
    analysed = round(sum(rows if tuples < 0 else tuples for rows, tuples in zip(live_tuples, planned, strict=True)))
    other = analysed if counted and analysed not in (0, counted) else None
    return Known(counted or analysed, exact=False, other=other, unlogged=unlogged)


def as_known(earlier: Mapping[str, int]) -> dict[str, Known]:
    """The counts of the last good drill, to compare with."""
    return {table: Known(rows, exact=True) for table, rows in earlier.items()}


def compare(
    found: Mapping[str, int], known: Mapping[str, Known], lowest: float, highest: float, *, unlogged_lost: bool = False
) -> Comparison:
    """Each table's rows as a share of those known, which must lie between `lowest` and `highest` (1.0: as many).

    An estimate of nothing, no estimate and a table that production does not have are told and not judged; with
    `unlogged_lost` neither are unlogged tables, which a copy of the server's files does not bring along.
    """
    lines = [_judged(table, found.get(table), each, (lowest, highest), unlogged_lost=unlogged_lost) for table, each in known.items()]
    lines += [Line(table, rows, Known(None, exact=False), judged=False, good=False) for table, rows in found.items() if table not in known]
    return Comparison(tuple(sorted(lines, key=lambda line: (line.good or not line.judged, not line.judged, _share(line), line.table))))


def _judged(table: str, found: int | None, known: Known, band: tuple[float, float], *, unlogged_lost: bool) -> Line:
    if found is None:
        return Line(table, None, known, judged=True, good=False)
    if known.rows is None or (not known.exact and not known.rows) or (unlogged_lost and known.unlogged):
        return Line(table, found, known, judged=False, good=False)
    numbers = [known.rows] if known.other is None else [known.rows, known.other]
    good = band[0] * min(numbers) <= found <= band[1] * max(numbers)
    return Line(table, found, known, judged=True, good=good)


def _share(line: Line) -> float:
    return -1.0 if line.found is None else line.found / (line.known.rows or 1)


@dataclass(frozen=True)
class Newest:
    """The newest row of a table that is not in the future."""

    moment: Instant | None
    """None: there is none, and `note` says why."""
    note: str = ""


_TIMES = """
select format_type(a.atttypid, null) from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %s and c.relname = %s and a.attname = %s and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p')
"""
_NOW = {
    "timestamp with time zone": "now()",
    "timestamp without time zone": "now() at time zone 'UTC'",
    "date": "(now() at time zone 'UTC')::date",
}
"""What can be asked for its newest row, and the present in its terms."""


def newest(copy: Asks, columns: Mapping[str, str]) -> dict[str, Newest]:
    """The newest row of each table by the column that is named for it, up to the present of the copy's server.

    What has no time zone is read as UTC. Raises CouldNotLook, and ValueError for what is no name.
    """
    return {table: _newest(copy, parts(table, 2), parts(column, 1)[0]) for table, column in columns.items()}


def _newest(copy: Asks, table: tuple[str, ...], column: str) -> Newest:
    types = ask(copy, _TIMES, (*table, column))
    name = shown(written(*table, column))
    if not types:
        return Newest(None, f"{name}: there is no such column")
    if types[0][0] not in _NOW:
        return Newest(None, f"{name}: {types[0][0]} is no time; name a column of type timestamptz, timestamp or date")
    now, zone = _NOW[types[0][0]], "" if types[0][0] == "timestamp with time zone" else f"{name} has no time zone and is read as UTC"
    last, is_past = _last(copy, table, column, "'infinity'", now)
    if is_past or last is None:
        return Newest(last, zone if last is not None else f"{name}: no row has a time")
    past, _ = _last(copy, table, column, f"({now}) + interval '1 microsecond'", now)
    return Newest(past, "; ".join(filter(None, [f"{name}: a row lies in the future, at {last}", zone])))


def _last(copy: Asks, table: tuple[str, ...], column: str, before: str, now: str) -> tuple[Instant | None, bool]:
    """The greatest value before something, and whether it lies in the past."""
    from psycopg import sql

    statement = sql.SQL(
        "select extract(epoch from m.newest)::float8, m.newest <= {now} from (select max({column}) as newest from {table}"
        " where {column} < {before} and {column} > '-infinity') as m"
    ).format(now=sql.SQL(now), before=sql.SQL(before), column=sql.Identifier(column), table=sql.Identifier(*table))
    moment, past = ask(copy, statement.as_string())[0]
    return (None if moment is None else Instant(moment)), bool(past)
