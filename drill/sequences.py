"""Sequences that would hand out a number which their column already has: the first INSERT after the restore would fail."""

from drill.asks import Asks, ask
from drill.catalog import of_users
from drill.names import shown, written
from muster.units import Counted

AT_ONCE = 100
_USES = of_users(""",
used as (
  select d.objid as sequence, d.refobjid as relation, d.refobjsubid as place from pg_depend d
   where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
     and not exists (select from pg_attrdef f where f.adrelid = d.refobjid and f.adnum = d.refobjsubid)
  union
  select d.refobjid, f.adrelid, f.adnum from pg_depend d join pg_attrdef f on f.oid = d.objid
   where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass
     and pg_get_expr(f.adbin, f.adrelid) ~ '^nextval[(]''.*''::regclass[)](::[a-z ]+)?$')
select s.nspname, s.relname, t.nspname, t.relname, a.attname, q.seqincrement
  from used u join rel s on s.oid = u.sequence and s.relkind = 'S' join rel t on t.oid = u.relation and not t.relispartition
  join pg_sequence q on q.seqrelid = s.oid and not q.seqcycle
  join pg_attribute a on a.attrelid = t.oid and a.attnum = u.place
  join pg_type y on y.oid = a.atttypid and y.typcategory = 'N'
 where t.relkind in ('r', 'p')
 order by 1, 2, 3, 4, 5
""")
"""A column's sequence is the one that it owns and draws from, or the one that its default draws from and does nothing else with."""


def behind(copy: Asks) -> Counted:
    """A line for each sequence whose next value does not lie ahead of what its column holds already. Raises CouldNotLook.

    Sequences that begin anew at their end, and columns that make something else of the number, are not judged.
    """
    uses = ask(copy, _USES)
    lines: list[str] = []
    for start in range(0, len(uses), AT_ONCE):
        batch = uses[start : start + AT_ONCE]
        for place, following, furthest in ask(copy, _statement(batch)):
            schema, sequence, *column, increment = batch[place]
            if furthest is not None and (furthest >= following if increment > 0 else furthest <= following):
                lines.append(
                    f"{shown(written(schema, sequence))}: next is {following}, and {shown(written(*column))} has {furthest} already"
                )
    return Counted(lines)


def _statement(uses: list[tuple[str, str, str, str, str, int]]) -> str:
    """For each use: its place, the next value, the furthest value of the column."""
    from psycopg import sql

    one = sql.SQL(
        "select {place}, s.last_value::numeric + case when s.is_called then {step}::numeric else 0 end,"
        " (select {furthest}({column})::numeric from {table}) from {sequence} s"
    )
    return (
        sql.SQL(" union all ")
        .join(
            one.format(
                place=sql.Literal(place),
                step=sql.Literal(increment),
                furthest=sql.SQL("max" if increment > 0 else "min"),
                column=sql.Identifier(column),
                table=sql.Identifier(schema, table),
                sequence=sql.Identifier(sequence_schema, sequence),
            )
            for place, (sequence_schema, sequence, schema, table, column, increment) in enumerate(uses)
        )
        .as_string()
    )
