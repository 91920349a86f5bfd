"""A schema with everything that an application may have, and rows that are hard to carry."""

import re

OWNERS = ("shop_owner", "shop_reader", "shop_writer", "maker")
ROLES = tuple(f"CREATE ROLE {name} NOLOGIN" for name in OWNERS)
EXTENSIONS = frozenset({"hstore", "pg_trgm"})
STATEMENTS = (
    "CREATE EXTENSION hstore",
    "CREATE EXTENSION pg_trgm",
    "COMMENT ON EXTENSION hstore IS 'a comment; with a semicolon'",
    "CREATE SCHEMA shop",
    "CREATE TYPE shop.state AS ENUM ('new', 'it''s; paid', 'back\\slash')",
    "CREATE TYPE shop.address AS (street text, city text)",
    "CREATE DOMAIN shop.email AS text CHECK (VALUE ~ '^[^;@]+@[^@]+$')",
    "CREATE TYPE shop.span AS RANGE (subtype = float8)",
    "CREATE COLLATION shop.german (provider = libc, locale = 'C')",
    "CREATE SEQUENCE shop.numbers START 7 INCREMENT 3",
    (
        "CREATE TABLE shop.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail shop.email NOT NULL UNIQUE,"
        " home shop.address,"
        " tags hstore, notes text[], document jsonb, raw bytea, bits bit(3), active boolean DEFAULT true, born date)"
    ),
    (
        "CREATE TABLE shop.orders (id integer DEFAULT nextval('shop.numbers') PRIMARY KEY,"
        " customer bigint NOT NULL REFERENCES shop.customers,"
        " state shop.state DEFAULT 'new', net numeric(10,2), gross numeric(10,2) GENERATED ALWAYS AS (net * 1.19) STORED,"
        " CONSTRAINT positive CHECK (net >= 0))"
    ),
    'CREATE TABLE shop."odd; name\nin ""two"" lines" ("a;b" integer, "new\nline" text, "sel""ect" text)',
    "CREATE TABLE shop.nothing ()",
    "CREATE TABLE shop.events (at timestamptz NOT NULL, what text, PRIMARY KEY (at, what)) PARTITION BY RANGE (at)",
    "CREATE TABLE shop.events_1 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')",
    "CREATE TABLE shop.events_rest PARTITION OF shop.events DEFAULT",
    "CREATE INDEX ON shop.events (what)",
    "CREATE INDEX mails ON shop.customers USING gin (mail gin_trgm_ops)",
    "CREATE INDEX partial ON shop.orders (state) WHERE net > 0",
    (
        "CREATE FUNCTION shop.touched() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN\n-- \\! touch nothing\n/*\n\\! touch nothing\n*/\n"
        "NEW.what := $$;$$ || NEW.what; RETURN NEW; END; $body$"
    ),
    (
        "CREATE FUNCTION shop.total(of bigint) RETURNS numeric LANGUAGE sql STABLE BEGIN ATOMIC SELECT 1;"
        " SELECT CASE WHEN sum(net) IS NULL THEN 0 ELSE sum(net) END FROM shop.orders WHERE customer = of; END"
    ),
    "CREATE FUNCTION shop.begin() RETURNS integer LANGUAGE sql AS 'select 1;'",
    "CREATE PROCEDURE shop.clean(keep integer) LANGUAGE plpgsql AS $$BEGIN DELETE FROM shop.orders WHERE id < keep; END$$",
    "CREATE AGGREGATE shop.longest (text) (SFUNC = textcat, STYPE = text, INITCOND = '')",
    "CREATE OPERATOR shop.### (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4pl)",
    "CREATE CAST (shop.address AS text) WITH INOUT",
    "CREATE TRIGGER touch BEFORE INSERT ON shop.events FOR EACH ROW EXECUTE FUNCTION shop.touched()",
    "CREATE VIEW shop.paid AS SELECT id, CASE WHEN net > 1 THEN 'much; so' ELSE 'little' END AS size FROM shop.orders",
    "CREATE MATERIALIZED VIEW shop.sums AS SELECT customer, sum(net) AS net FROM shop.orders GROUP BY customer",
    "CREATE UNIQUE INDEX ON shop.sums (customer)",
    "CREATE RULE careful AS ON DELETE TO shop.paid DO INSTEAD (SELECT 1; SELECT 2)",
    "CREATE STATISTICS shop.related (dependencies) ON customer, state FROM shop.orders",
    "CREATE TEXT SEARCH CONFIGURATION shop.words (COPY = simple)",
    "ALTER TABLE shop.customers ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY own ON shop.customers FOR SELECT TO shop_reader USING (id < 100)",
    "COMMENT ON TABLE shop.orders IS 'two\nlines; \\! and \\connect it''s'",
    "COMMENT ON COLUMN shop.orders.net IS E'back\\\\slash'",
    "ALTER TABLE shop.orders OWNER TO shop_owner",
    "ALTER MATERIALIZED VIEW shop.sums OWNER TO shop_owner",
    "ALTER SCHEMA shop OWNER TO shop_owner",
    "GRANT USAGE ON SCHEMA shop TO shop_reader, shop_writer",
    "GRANT SELECT (id, net), UPDATE (net) ON shop.orders TO shop_reader",
    "GRANT SELECT ON shop.customers TO shop_writer WITH GRANT OPTION",
    "SET ROLE shop_writer",
    "GRANT SELECT ON shop.customers TO shop_reader",
    "RESET ROLE",
    "REVOKE ALL ON FUNCTION shop.total(bigint) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION shop.total(bigint) TO shop_reader",
    "ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA shop GRANT SELECT ON TABLES TO shop_reader",
    (
        "INSERT INTO shop.customers (mail, home, tags, notes, document, raw, bits, born) SELECT 'c' || n || '@example.org',"
        " ROW('a ''street''; ' || n, E'tab\\tnew\\nline'::text)::shop.address, hstore('k\"' || n, 'v;'),"
        " ARRAY['x', NULL, '\\.', E'\\n\\\\.\\n'],"
        " jsonb_build_object('a', n, 'b', 'it''s'), '\\x5c2e0a00ff', B'101', 'infinity' FROM generate_series(1, 500) n"
    ),
    "INSERT INTO shop.orders (customer, net, state) SELECT 1 + n % 500, n / 10.0, 'it''s; paid' FROM generate_series(1, 2000) n",
    (
        'INSERT INTO shop."odd; name\nin ""two"" lines" VALUES'
        " (1, E'\\\\.', E'a\\n\\\\.\\n\\\\! b'), (NULL, '', '\\N'), (3, E'\\r\\n', '--')"
    ),
    "INSERT INTO shop.nothing DEFAULT VALUES",
    "INSERT INTO shop.events SELECT timestamptz '2024-01-15' + n * interval '1 day', 'e' FROM generate_series(0, 40) n",
    "REFRESH MATERIALIZED VIEW shop.sums",
    "SELECT lo_from_bytea(0, '\\x00ff275c')",
    "SELECT lo_from_bytea(0, decode(repeat('5c27', 20000), 'hex'))",
    "SELECT setval('shop.numbers', 100000, false)",
)


def comparable(dump: bytes) -> bytes:
    """A dump without what differs from one to the next: the token, numbers of large objects, comments on extensions."""
    text = re.sub(rb"\\(un)?restrict \w+|COMMENT ON EXTENSION .*", b"", dump)
    return re.sub(rb"(lo_create|lo_open)\('\d+'|LARGE OBJECT \d+|^-- .*$", b"", text, flags=re.MULTILINE)
