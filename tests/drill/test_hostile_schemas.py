"""Whatever the names of a database are: it differs in nothing from itself nor from its dump, and everything in it is counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from drill import contents, names, references, schema, sequences
from drill.canonical import canonical
from tests.drill.databases import Databases, databases

HOSTILE = ('"', "'", ".", "%s", "%", "\n", "a.b", '";', "$1", "select", "Upper", "naïve", "{}", "\\", "--", "/*", " ", "é☃", "\u202e")
TEXT = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4).map("".join),
).filter(lambda name: not name.startswith("pg_"))
NUMBER = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases(tmp_path_factory.mktemp("databases")) as made:
        yield made


@dataclass(frozen=True)
class Hostile:
    """Names and a text of a small schema."""

    schema: str
    parent: str
    child: str
    columns: tuple[str, str, str]
    index: str
    constraint: str
    kind: str
    label: str
    default: str

    def statements(self) -> Iterator[str]:
        first, second, third = map(sql.Identifier, self.columns)
        parent, child, kind = (sql.Identifier(self.schema, each) for each in (self.parent, self.child, self.kind))
        default = sql.Literal(self.default)
        for text, values in (
            ("CREATE SCHEMA {}", (sql.Identifier(self.schema),)),
            ("CREATE TYPE {} AS ENUM ({}, 'other')", (kind, sql.Literal(self.label))),
            (
                "CREATE TABLE {} ({} serial PRIMARY KEY, {} text DEFAULT {} NOT NULL, {} {})",
                (parent, first, second, default, third, kind),
            ),
            (
                "CREATE TABLE {} ({} int CONSTRAINT {} REFERENCES {}, {} varchar(9) CHECK ({} IN ({}, 'x')), {} timestamptz)",
                (child, first, sql.Identifier(self.constraint), parent, second, second, sql.Literal(self.default[:9]), third),
            ),
            (
                "CREATE INDEX {} ON {} ({}) WHERE {} BETWEEN 1 AND 9 AND {} <> {}",
                (sql.Identifier(self.index), child, third, first, second, default),
            ),
            ("INSERT INTO {} ({}) VALUES ('one'), ('two')", (parent, second)),
            ("INSERT INTO {} ({}, {}) VALUES (1, now()), (2, now()), (NULL, NULL)", (child, first, third)),
        ):  # fmt: skip
            yield sql.SQL(text).format(*values).as_string()


def distinct(amount):
    return st.lists(TEXT, min_size=amount, max_size=amount, unique=True)


def made(relations, columns, others):
    return Hostile(others[0], *relations[:2], tuple(columns), relations[2], others[1], relations[3], others[2], others[3])


SCHEMAS = st.builds(made, distinct(4), distinct(3), st.lists(TEXT, min_size=4, max_size=4))
WORST = Hostile('"', ".", 'a"."b', ("%s", "'", "\n"), "%", '";drop', "select", "la.bel", "') AND ('")


@given(hostile=SCHEMAS)
@example(hostile=WORST)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_database_differs_in_nothing_from_itself_nor_from_its_dump(server, hostile):
    name = f"hostile_{next(NUMBER)}"
    server.create(name, *hostile.statements())

    with server.copy(name) as here, server.copy(server.restored(name)) as there:
        inventories = [schema.inventory(each) for each in (here, there)]
        counted = [contents.counts(each) for each in (here, there)]
        wanted = references.keys(here)
        newest = contents.newest(there, {names.written(hostile.schema, hostile.child): names.written(hostile.columns[2])})

        assert schema.differences(inventories[0], inventories[0]) == ()
        assert schema.differences(*inventories) == ()
        assert counted == [{names.written(hostile.schema, hostile.parent): 2, names.written(hostile.schema, hostile.child): 3}] * 2
        assert [each.rows for each in references.orphans(there, wanted)] == [0]
        assert references.unproven(wanted, references.keys(there)) == 0
        assert sequences.behind(there) == 0
        assert all(each.moment is not None for each in newest.values())
        assert all("\n" not in line for line in schema.differences(inventories[0], schema.Inventory(150000, ())))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_a_written_name_is_read_as_it_was(given_parts):
    assert names.parts(names.written(*given_parts), len(given_parts)) == tuple(given_parts)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("public.Orders", ("public", "orders")),
        ('public."Orders"', ("public", "Orders")),
        ('"a.b"."c""d"', ("a.b", 'c"d')),
        ("s.naïve", ("s", "naïve")),
    ],
)
def test_names_are_read_as_sql_reads_them(text, wanted):
    assert names.parts(text, 2) == wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CHECK ((((a > 1) AND (b > 2)) AND (c > 3)))", "CHECK (((a > 1) AND (b > 2) AND (c > 3)))"),
        ("CHECK (((a > 1) OR ((b > 2) OR (c > 3))))", "CHECK (((a > 1) OR (b > 2) OR (c > 3)))"),
        (
            "((x)::text = ANY ((ARRAY['a'::character varying, 'b''), ('::character varying])::text[]))",
            "((x)::text = ANY (ARRAY[('a'::character varying)::text, ('b''), ('::character varying)::text]))",
        ),
    ],
)
def test_what_means_the_same_is_the_same(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("((a) AND ((b) OR (c)))", "(((a) AND (b)) OR (c))"),
        ("((a) AND (NOT ((b) AND (c))))", "((a) AND (NOT (b)) AND (c))"),
        ("((a) AND (f((b) AND (c))))", "((a) AND (b) AND (c))"),
        ("(x = 'a AND b')", "(x = 'a  AND b')"),
        ("(x = ')(')", "(x = '()')"),
        ("((a) AND (b))", "((b) AND (a))"),
        ("(a = ANY (ARRAY['a'::text]))", "(a = ANY (ARRAY['b'::text]))"),
    ],
)
def test_what_means_something_else_stays_something_else(one, other):
    assert canonical(one) != canonical(other)


@given(st.text(st.sampled_from("()'\"aAND OR"), max_size=40))
def test_any_text_has_a_canonical_form(text):
    assert canonical(canonical(text)) == canonical(text)
