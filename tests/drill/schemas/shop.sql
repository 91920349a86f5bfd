-- A shop with one of everything that a database may hold, and names that nobody should choose.
CREATE EXTENSION citext;
CREATE SCHEMA "Odd.Names";
CREATE TYPE order_state AS ENUM ('open', 'shipped', 'returned');
CREATE TYPE size AS ENUM ('small', 'medium', 'large');
CREATE TYPE address AS (street text, town text);
CREATE TYPE price_range AS RANGE (subtype = numeric);
CREATE DOMAIN percentage AS integer DEFAULT 0 CONSTRAINT a_share CHECK (VALUE BETWEEN 0 AND 100 AND VALUE <> 99);

CREATE TABLE customers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email citext NOT NULL UNIQUE,
    lives address,
    rebate percentage
);
CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    customer_id integer CONSTRAINT orders_customer REFERENCES customers (id),
    customer_email citext CONSTRAINT orders_email REFERENCES customers (email),
    state order_state DEFAULT 'open' NOT NULL,
    amount numeric(10, 2) NOT NULL CONSTRAINT orders_amount CHECK (amount >= 0),
    tags varchar(10)[] DEFAULT '{}' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL
);
CREATE INDEX orders_created_at ON orders (created_at);
CREATE STATISTICS orders_related ON state, amount FROM orders;
CREATE TABLE order_lines (
    order_id bigint REFERENCES orders (id),
    line integer,
    parent_order bigint,
    parent_line integer,
    PRIMARY KEY (order_id, line),
    CONSTRAINT lines_parent FOREIGN KEY (parent_order, parent_line) REFERENCES order_lines (order_id, line)
);
CREATE TABLE "Odd.Names"."we""ird
table" (
    "Id" smallint PRIMARY KEY,
    "select" text DEFAULT 'it''s (odd' CHECK ("select" <> ') AND ('),
    "Ünï.cödé" bigint REFERENCES orders (id)
);
CREATE SEQUENCE countdown INCREMENT -1;
CREATE TABLE tickets (number integer DEFAULT nextval('countdown') PRIMARY KEY, sold_on date NOT NULL);
CREATE TABLE measured (at timestamp, "when" text, epoch bigint, price numeric(10, 2));

CREATE FUNCTION total(customer integer) RETURNS numeric LANGUAGE sql STABLE AS $$ SELECT sum(amount) FROM public.orders WHERE customer_id = $1 $$;
CREATE PROCEDURE forget(customer integer) LANGUAGE sql AS $$ DELETE FROM public.orders WHERE customer_id = $1 $$;
CREATE AGGREGATE product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1');
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.created_at := now(); RETURN NEW; END $$;
CREATE TRIGGER orders_stamp BEFORE UPDATE ON orders FOR EACH ROW WHEN (NEW.amount > 0 AND NEW.amount < 10 AND OLD.state = 'open')
    EXECUTE FUNCTION stamp();
CREATE VIEW open_orders AS SELECT * FROM orders WHERE state = 'open' AND amount BETWEEN 1 AND 1000 AND created_at > '2020-01-01 00:00+00';
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(amount) AS total FROM orders GROUP BY customer_id;
CREATE RULE no_deletion AS ON DELETE TO tickets DO INSTEAD NOTHING;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_orders ON orders FOR SELECT TO reporting USING (customer_id = 1 AND state IN ('open', 'shipped'));
GRANT SELECT ON orders TO reporting;

INSERT INTO customers (email, rebate) SELECT 'Customer-' || n || '@example.org', n % 90 FROM generate_series(1, 100) n;
INSERT INTO orders (customer_id, customer_email, amount, created_at)
SELECT 1 + n % 100, 'customer-' || 1 + n % 100 || '@EXAMPLE.org', n % 97, now() - n * interval '1 minute' FROM generate_series(1, 8000) n;
INSERT INTO order_lines SELECT n, 1, CASE WHEN n > 1 THEN n - 1 END, CASE WHEN n % 2 = 0 THEN 1 END FROM generate_series(1, 2000) n;
INSERT INTO "Odd.Names"."we""ird
table" SELECT n, 'text', n FROM generate_series(1, 50) n;
INSERT INTO tickets (sold_on) SELECT date '2024-03-01' + n FROM generate_series(1, 30) n;
INSERT INTO measured SELECT timestamp '2024-03-01 12:00' + n * interval '1 second', 'text', n FROM generate_series(1, 10) n;
REFRESH MATERIALIZED VIEW totals;
