"""The statements that read what a database holds: PostgreSQL 13 and later, no privilege beyond logging in.

Each returns rows of (kind, parts of the name, kind of what it belongs to, parts of that name, facts). What belongs to an
extension is left out: the extension stands for it.
"""

STYLE = """
style as materialized (select set_config('TimeZone', 'UTC', true) || set_config('DateStyle', 'ISO', true)
  || set_config('IntervalStyle', 'postgres', true) || set_config('extra_float_digits', '1', true) || set_config('bytea_output', 'hex', true)
  || set_config('quote_all_identifiers', 'off', true) || set_config('lc_monetary', 'C', true) as set)
"""
"""How constants are printed in definitions: for one transaction, and before the first row that is joined with it."""

MINE = """
member as materialized (select classid, objid from pg_depend where deptype = 'e'),
mine as materialized (
  select oid, nspname, nspowner, nspacl from pg_namespace
   where nspname !~ '^pg_' and nspname <> 'information_schema'),
rel as materialized (
  select c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.relpersistence, c.relowner, c.relispopulated, c.relrowsecurity,
         c.relforcerowsecurity, c.reloptions, c.reltuples, c.reloftype,
         case c.relkind when 'f' then 'foreign table' when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind,
         array[n.nspname, c.relname]::text[] as name
    from pg_class c join mine n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')
     and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = c.oid))
"""
"""Schemas and relations of the user's: no system's, none of an extension."""

WITH = f"with {STYLE.strip()}, {MINE.strip()}\n"

SCHEMAS = """
select 'schema', array[nspname]::text[], null, null::text[], '{}'::json from mine
 where not exists (select from member m where m.classid = 'pg_namespace'::regclass and m.objid = mine.oid)
"""
RELATIONS = """
select r.kind, r.name, 'schema', array[r.nspname]::text[], json_strip_nulls(json_build_object(
    'partitioned by', case r.relkind when 'p' then pg_get_partkeydef(r.oid) end,
    'inherits', (select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) from pg_inherits i where i.inhrelid = r.oid),
    'partition', case when r.relispartition then pg_get_expr(c.relpartbound, r.oid) end,
    'unlogged', case r.relpersistence when 'u' then 'yes' end,
    'row security', case when r.relrowsecurity then case when r.relforcerowsecurity then 'forced' else 'on' end end,
    'options', case when r.relkind = 'v' then array_to_string(r.reloptions, ', ') end,
    'of type', case when r.reloftype <> 0 then format_type(r.reloftype, null) end,
    'populated', case when r.relkind = 'm' and not r.relispopulated then 'no' end,
    'definition', case when r.relkind in ('v', 'm') then pg_get_viewdef(r.oid) end))
  from style, rel r join pg_class c on c.oid = r.oid
 where style.set is not null and r.relkind <> 'S'
"""
COLUMNS = """
select 'column', r.name || a.attname::text, r.kind, r.name, json_strip_nulls(json_build_object(
    'type', format_type(a.atttypid, a.atttypmod),
    'not null', case when a.attnotnull then 'yes' end,
    'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
    'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
    'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end,
    'collation', case when a.attcollation <> t.typcollation then (
        select format('%I.%I', n.nspname, o.collname) from pg_collation o join pg_namespace n on n.oid = o.collnamespace
         where o.oid = a.attcollation) end))
  from style, rel r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where style.set is not null and r.relkind in ('r', 'p', 'f')
"""
CONSTRAINTS = """
select 'constraint', array[c.conname]::text[], coalesce(r.kind, 'type'), coalesce(r.name, array[n.nspname, t.typname]::text[]),
       json_strip_nulls(json_build_object(
    'definition', regexp_replace(pg_get_constraintdef(c.oid), ' NOT VALID$', ''),
    'valid', case when not c.convalidated then 'no' end))
  from style, pg_constraint c left join rel r on r.oid = c.conrelid
  left join pg_type t on t.oid = c.contypid left join mine n on n.oid = t.typnamespace
 where style.set is not null and c.contype in ('c', 'f', 'p', 'u', 'x') and not (c.contype = 'f' and c.conparentid <> 0)
   and (r.oid is not null or n.oid is not null
        and not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid))
"""
"""The copies of a foreign key that its partitions have get names that a restore makes anew."""

INDEXES = """
select 'index', array[r.nspname, x.relname]::text[],
       case when c.oid is null then r.kind else 'constraint' end,
       case when c.oid is null then r.name else array[c.conname]::text[] || r.name end,
       json_strip_nulls(json_build_object(
    'definition', case when c.oid is null then pg_get_indexdef(i.indexrelid) end,
    'valid', case when not (i.indisvalid and i.indisready) then 'no' end))
  from style, pg_index i join rel r on r.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
  left join pg_constraint c on c.conindid = i.indexrelid and c.conrelid = i.indrelid and c.contype in ('p', 'u', 'x')
 where style.set is not null
"""
SEQUENCES = """
select 'sequence', r.name, coalesce(o.kind, 'schema'), coalesce(o.name, array[r.nspname]::text[]), json_strip_nulls(json_build_object(
    'type', format_type(s.seqtypid, null), 'start', s.seqstart::text, 'increment', s.seqincrement::text,
    'minimum', s.seqmin::text, 'maximum', s.seqmax::text, 'cycles', case when s.seqcycle then 'yes' end,
    'owned by', quote_ident(o.name[1]) || '.' || quote_ident(o.name[2]) || '.' || quote_ident(a.attname)))
  from rel r join pg_sequence s on s.seqrelid = r.oid
  left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = r.oid and d.deptype in ('a', 'i')
       and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
  left join rel o on o.oid = d.refobjid
  left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
"""
FUNCTIONS = """
select case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
       array[n.nspname, p.proname, '(' || pg_get_function_identity_arguments(p.oid) || ')']::text[],
       'schema', array[n.nspname]::text[], json_build_object('digest', left(encode(sha256(convert_to(
         case when p.prokind = 'a' then (select concat_ws(' ', a.aggtransfn::regproc, format_type(a.aggtranstype, null), a.agginitval)
                                           from pg_aggregate a where a.aggfnoid = p.oid)
              else pg_get_functiondef(p.oid) end, 'UTF8')), 'hex'), 16))
  from style, pg_proc p join mine n on n.oid = p.pronamespace
 where style.set is not null
   and not exists (select from pg_depend m where m.classid = 'pg_proc'::regclass and m.objid = p.oid and m.deptype in ('e', 'i'))
"""
TRIGGERS = """
select 'trigger', array[t.tgname]::text[], r.kind, r.name, json_build_object(
    'definition', pg_get_triggerdef(t.oid),
    'fires', case t.tgenabled when 'O' then 'normally' when 'D' then 'never' when 'R' then 'on replicas only' else 'always' end)
  from style, rel r join pg_trigger t on t.tgrelid = r.oid
 where style.set is not null and not t.tgisinternal and t.tgparentid = 0
"""
POLICIES = """
select 'policy', array[p.polname]::text[], r.kind, r.name, json_strip_nulls(json_build_object(
    'command', p.polcmd::text, 'permissive', p.polpermissive::text,
    'roles', (select string_agg(coalesce(o.rolname, 'public'), ', ' order by o.rolname)
                from unnest(p.polroles) as x(oid) left join pg_roles o on o.oid = x.oid),
    'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)))
  from style, rel r join pg_policy p on p.polrelid = r.oid
 where style.set is not null
"""
TYPES = """
select 'type', array[n.nspname, t.typname]::text[], 'schema', array[n.nspname]::text[], json_strip_nulls(json_build_object(
    'is', case t.typtype when 'e' then 'an enumeration' when 'd' then 'a domain' when 'r' then 'a range' else 'a composite' end,
    'of', case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod)
                         when 'r' then (select format_type(g.rngsubtype, null) from pg_range g where g.rngtypid = t.oid) end,
    'not null', case when t.typtype = 'd' and t.typnotnull then 'yes' end,
    'default', case when t.typtype = 'd' then coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) end,
    'columns', (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
                  from pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)))
  from style, pg_type t join mine n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
 where style.set is not null and (t.typtype in ('e', 'd', 'r') or c.relkind = 'c')
   and not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid)
"""
LABELS = """
select 'enum label', array[e.enumlabel]::text[], 'type', array[n.nspname, t.typname]::text[], json_strip_nulls(json_build_object(
    'after', lag(e.enumlabel) over (partition by t.oid order by e.enumsortorder)))
  from pg_enum e join pg_type t on t.oid = e.enumtypid join mine n on n.oid = t.typnamespace
 where not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid)
"""
EXTENSIONS = """
select 'extension', array[e.extname]::text[], null, null::text[], json_build_object('schema', n.nspname, 'version', e.extversion)
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
"""
OTHERS = """
select o.type, array[o.identity], null, null::text[], '{}'::json
  from (select classid, objid from (
          select 'pg_rewrite'::regclass, oid from pg_rewrite where rulename <> '_RETURN'
          union all select 'pg_statistic_ext'::regclass, oid from pg_statistic_ext
          union all select 'pg_operator'::regclass, oid from pg_operator
          union all select 'pg_opclass'::regclass, oid from pg_opclass
          union all select 'pg_collation'::regclass, oid from pg_collation
          union all select 'pg_conversion'::regclass, oid from pg_conversion
          union all select 'pg_cast'::regclass, oid from pg_cast
          union all select 'pg_ts_config'::regclass, oid from pg_ts_config
          union all select 'pg_ts_dict'::regclass, oid from pg_ts_dict
          union all select 'pg_foreign_data_wrapper'::regclass, oid from pg_foreign_data_wrapper
          union all select 'pg_foreign_server'::regclass, oid from pg_foreign_server
          union all select 'pg_publication'::regclass, oid from pg_publication
          union all select 'pg_event_trigger'::regclass, oid from pg_event_trigger) as found (classid, objid)
         where objid >= 16384
           and not exists (select from pg_depend m where (m.classid, m.objid) = (found.classid, found.objid) and m.deptype in ('e', 'i'))
       ) as found, pg_identify_object(found.classid, found.objid, 0) as o
 where o.identity is not null and o.identity !~ '^pg_temp'
"""
"""Whatever else has a name: told by type and name, as the server writes it."""

ROLES = """
, granted as (
  select nspacl as acl from pg_namespace where nspacl is not null union all select relacl from pg_class where relacl is not null
  union all select attacl from pg_attribute where attacl is not null union all select proacl from pg_proc where proacl is not null
  union all select typacl from pg_type where typacl is not null union all select defaclacl from pg_default_acl)
select 'role', array[o.rolname]::text[], null, null::text[], '{}'::json
  from pg_roles o
 where o.rolname !~ '^pg_' and o.oid in (
        select relowner from rel union all select nspowner from mine
        union all select proowner from pg_proc p join mine n on n.oid = p.pronamespace
                   where not exists (select from member m where m.classid = 'pg_proc'::regclass and m.objid = p.oid)
        union all select typowner from pg_type t join mine n on n.oid = t.typnamespace
                   where not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid)
        union all select defaclrole from pg_default_acl
        union all select unnest(polroles) from pg_policy
        union all select a.grantee from granted g, aclexplode(g.acl) a)
"""
"""Who owns something or was granted something: a restore fails without these roles."""

VERSION = "select current_setting('server_version_num')::int"
PARTS = (
    *(SCHEMAS, RELATIONS, COLUMNS, CONSTRAINTS, INDEXES, SEQUENCES, FUNCTIONS, TRIGGERS, POLICIES),
    *(TYPES, LABELS, EXTENSIONS, OTHERS, ROLES),
)
STATEMENTS = tuple(f"{WITH}{part.strip()}" for part in PARTS)


def of_users(statement: str) -> str:
    """The statement with `mine`, `rel` and `member` before it; it may begin with further tables after a comma."""
    return f"with {MINE.strip()}{statement}"
