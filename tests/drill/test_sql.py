"""The splitter of plain dumps: what is a statement, what is data, what is a command, wherever the chunks are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drill.errors import Damaged
from drill.sql import INSERT, Command, Copy, Dump, Statement

HEAD = """--
-- PostgreSQL database dump
--

\\restrict abc123

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 16.4

SET standard_conforming_strings = on;
"""
TAIL = """
--
-- PostgreSQL database dump complete
--

\\unrestrict abc123

"""


def split(text, sizes=()):
    """What the dump says of itself, and its pieces as plain values."""
    dump = Dump(chunked(text.encode() if isinstance(text, str) else text, sizes))
    pieces = []
    for piece in dump:
        if isinstance(piece, Copy):
            pieces.append(("copy", piece.line, piece.text.decode(), b"".join(piece.data)))
        else:
            pieces.append(("command" if isinstance(piece, Command) else "statement", piece.line, piece.text.decode()))
    return pieces, (dump.dumped_from, dump.dumped_by, dump.complete)


def chunked(content, sizes):
    at = 0
    for size in sizes:
        yield content[at : at + size]
        at += size
    yield content[at:]


def texts(text):
    return [piece[2] for piece in split(text)[0]]


HARD = [
    "SELECT ';';",
    "SELECT 'it''s; here';",
    "SELECT 'a backslash \\';",
    "SELECT E'escaped \\'; quote';",
    "SELECT e'doubled ''; and \\\\';",
    "SELECT E'one'\n  'goes on \\'; here';",
    "SELECT E'one' -- a comment ';\n\n 'goes on \\'; here';",
    "SELECT namE';';",
    "SELECT B'101', X'1F', U&'d\\0061t;', N';';",
    'CREATE TABLE "semi;colon" ("new\nline" int, "a""b;" int);',
    "SELECT $$;$$, $tag$; $$ ; $other$ $tag$, $é$;$é$;",
    "SELECT a$b$, 1 FROM t$1;",
    "SELECT $1, 1$a$;$a$;",
    "SELECT 1 /* ; /* nested ; */ ' */ ;",
    "SELECT 1 -- comment ; ' \"\n;",
    "SELECT 1 - 2 / 3 - -4;",
    "SELECT /**/1/*;*/;",
    "CREATE RULE r AS ON INSERT TO t DO INSTEAD (DELETE FROM a; DELETE FROM b; );",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 ELSE 2 END; END;",
    "CREATE FUNCTION public.begin() RETURNS int LANGUAGE sql AS 'select 1';",
    "CREATE OR REPLACE PROCEDURE p(IN x int DEFAULT (CASE WHEN true THEN 1 END))\n LANGUAGE sql\n BEGIN\n ATOMIC\n SELECT 1;\nEND;",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$;",
    "BEGIN;",
    "COMMIT;",
    "CREATE VIEW v AS SELECT CASE WHEN a THEN 1 END AS b FROM t;",
    "INSERT INTO public.t VALUES (1, 'it''s', NULL, true, -1.5e+10, B'101', '\\x00', 'a;b', 'box', DEFAULT);",
    "INSERT INTO t (a, \"b;\") OVERRIDING SYSTEM VALUE VALUES\n\t(1, ''),\n\t(2, 'x')\n ON CONFLICT DO NOTHING;",
    "INSERT INTO t DEFAULT VALUES;",
    "INSERT INTO t VALUES ('ends with a backslash \\');",
    "INSERT INTO t VALUES (E'x\\';');",
]


@pytest.mark.parametrize("statement", HARD)
def test_a_statement_ends_where_the_server_says(statement):
    assert texts(f"SET a = 1;\n{statement}\nSELECT 2;\n") == ["SET a = 1;", statement, "SELECT 2;"]


def test_backslashes_escape_when_the_dump_says_so():
    dump = "SET standard_conforming_strings = off;\nSELECT 'a\\';';\nINSERT INTO t VALUES ('a\\'; b', 'c\\\\');\nSELECT B'\\';\n"

    assert texts(dump)[1:] == ["SELECT 'a\\';';", "INSERT INTO t VALUES ('a\\'; b', 'c\\\\');", "SELECT B'\\';"]


def test_data_ends_at_the_line_that_says_so():
    dump = "COPY public.t (a, b) FROM stdin;\n1\t\\\\.\n\\.x\n\\\\.\na\\.\n\\.\n\\! after\n"

    assert split(dump)[0] == [
        ("copy", 1, "COPY public.t (a, b) FROM stdin;", b"1\t\\\\.\n\\.x\n\\\\.\na\\.\n"),
        ("command", 7, "\\! after"),
    ]


def test_data_may_be_empty():
    assert split("COPY t  FROM stdin;\n\\.\nSELECT 1;")[0] == [("copy", 1, "COPY t  FROM stdin;", b""), ("statement", 3, "SELECT 1;")]


def test_line_ends_of_windows_are_line_ends():
    dump = (HEAD + "COPY t (a) FROM stdin;\n1\n2\n\\.\n\nSELECT 'a\nb';\n" + TAIL).replace("\n", "\r\n")

    pieces, said = split(dump)

    assert pieces[2:4] == [("copy", 11, "COPY t (a) FROM stdin;", b"1\r\n2\r\n"), ("statement", 16, "SELECT 'a\r\nb';")]
    assert pieces[-1] == ("command", 23, "\\unrestrict abc123")
    assert said == ("15.18 (Debian 15.18-0+deb12u1)", "16.4", True)


def test_the_end_mark_counts_at_the_end_only():
    assert split(HEAD + "SELECT 1;\n" + TAIL)[1][2]
    assert not split(HEAD + TAIL + "SELECT 1;\n")[1][2]
    assert not split(HEAD + "SELECT 1;\n")[1][2]
    assert not split(HEAD + "-- Name: PostgreSQL database dump complete\n")[1][2]


def test_versions_come_from_the_head_only():
    assert split("SET a = 1;\n-- Dumped by pg_dump version 99\n")[1] == ("", "", False)


@pytest.mark.parametrize(
    ("dump", "where"),
    [
        ("SELECT 1;\nSELECT 'abc", "line 2"),
        ("SELECT 1", "line 1"),
        ("SELECT $$ ;", "line 1"),
        ("SELECT E'abc'", "line 1"),
        ("SELECT 1 /* ;", "line 1"),
        ("COPY t (a) FROM stdin;\n1\n2", "data of COPY in line 1"),
        ("COPY t (a) FROM stdin;\n1\n\\.", "data of COPY in line 1"),
        ("COPY t (a) FROM stdin;", "data of COPY in line 1"),
        ("COPY t (a) FROM stdin; SELECT 1;\n1\n\\.\n", "line 1: something stands between"),
    ],
)
def test_a_dump_that_is_cut_off_is_damaged(dump, where):
    with pytest.raises(Damaged, match=where):
        split(dump)


def test_a_command_in_the_middle_of_a_statement_is_a_command():
    assert split("SELECT 1\n\\gexec\nSELECT 2;\n")[0] == [("command", 1, "SELECT 1\n\\gexec"), ("statement", 3, "SELECT 2;")]


def test_data_that_is_not_taken_is_passed_over():
    assert [piece.text for piece in Dump([b"COPY t (a) FROM stdin;\n1\n", b"2\n\\.\nSELECT 1;"])] == [
        b"COPY t (a) FROM stdin;",
        b"SELECT 1;",
    ]


def test_no_construct_of_a_thousand_parts_goes_deep():
    dump = "SELECT E'" + "''" * 5000 + "'" + "\n'a'" * 5000 + ";" + "SELECT " + "/*" * 5000 + "*/" * 5000 + ";"

    assert len(texts(dump)) == 2


ALL = (
    HEAD
    + "\n".join(HARD)
    + "\nCOPY public.t (a, b) FROM stdin;\n1\t\\N\n\\\\.\n\\.x\n2\t\\.\n\\.\nCOPY t  FROM stdin;\n\\.\n"
    + "SET standard_conforming_strings = off;\nSELECT 'a\\'; b', E'c'\n'd';\n\\! touch x\n"
    + TAIL
)
WHOLE = split(ALL)


@given(st.lists(st.integers(0, 40), max_size=400))
def test_any_cut_gives_the_same_pieces(sizes):
    assert split(ALL, sizes) == WHOLE


def test_single_bytes_give_the_same_pieces():
    assert split(ALL.replace("\n", "\r\n"), [1] * (len(ALL.encode()) * 2)) == split(ALL.replace("\n", "\r\n"))


VALUES = st.one_of(
    st.integers().map(str),
    st.sampled_from(["NULL", "true", "DEFAULT", "B'101'", "1.5e-7"]),
    st.text().map(lambda text: "'" + text.replace("\x00", "").replace("'", "''") + "'"),
)


@given(st.lists(st.lists(VALUES, min_size=1, max_size=4), min_size=1, max_size=5))
def test_an_insert_of_literals_takes_the_short_way(rows):
    wanted = [f"INSERT INTO public.t VALUES ({', '.join(row)});".encode() for row in rows]

    assert [piece.text for piece in Dump([b"\n".join(wanted)]) if isinstance(piece, Statement)] == wanted
    assert all(INSERT[True].fullmatch(each) for each in wanted)


@pytest.mark.parametrize("value", ["lo_import('/etc/passwd')", '"x"', "(select 1)", "E'a'", "$$a$$", "1 -- x\n", "1 /* */", "a'b'"])
def test_an_insert_of_anything_else_does_not(value):
    assert not INSERT[True].fullmatch(f"INSERT INTO t VALUES ({value});".encode())
