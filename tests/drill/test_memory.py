"""A plain dump is loaded in memory that does not grow with it, and touches no disk of ours."""

import gzip
import os
import sys

import pytest

from tests.bench.processes import told

HEAD = b"CREATE TABLE public.t (\n    a integer,\n    b text\n);\n"
COPY = b"COPY public.t (a, b) FROM stdin;\n"
END = b"\n--\n-- PostgreSQL database dump complete\n--\n\n"
MIB = 2**20
LIMIT = 64.0


def write(path, size, how):
    row = b"%d\tsome text that is neither short nor long\n" if how == "copy" else b"INSERT INTO public.t VALUES (%d, 'some text');\n"
    rows = b"".join(row % n for n in range(20_000))
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEAD + (COPY if how == "copy" else b""))
        for _ in range(size * MIB // len(rows)):
            file.write(rows)
        file.write((b"\\.\n" if how == "copy" else b"") + END)


@pytest.mark.parametrize(("how", "sizes"), [("copy", (10, 60)), ("inserts", (3, 12))])
def test_memory_does_not_grow_with_the_dump(server, tmp_path, how, sizes):
    grown = []
    for size in sizes:
        path = tmp_path / f"{size}.sql.gz"
        write(path, size, how)
        with server.scratch() as scratch:
            admin = {"host": str(server.real._home.sockets), "port": server.port, "user": "postgres", "dbname": scratch.name}
            given = {"parameters": scratch.parameters(), "admin": admin, "file": str(path), "binaries": str(server.binaries)}
            figures = told("tests.bench.restores", way="load_plain", **given)["figures"]
        grown.append(figures["peak"] - figures["idle"])

    assert max(grown) <= LIMIT
    assert grown[1] <= grown[0] + 8


def test_no_file_is_written(scratch, monkeypatch):
    watching, written = [], []

    def hook(event, arguments):
        if watching and event == "open":
            path, mode, flags = arguments
            if any(letter in (mode or "") for letter in "wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                written.append(path)

    sys.addaudithook(hook)
    watching.append(True)
    loaded = scratch.load(HEAD + COPY + b"1\ta\n" * 500_000 + b"\\.\n" + END)
    watching.clear()

    assert loaded.whole
    assert loaded.rows == 500_000
    assert written == []
