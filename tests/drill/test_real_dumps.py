"""Dumps of a rich schema come back as they were: a pg_dump of the copy equals a pg_dump of the original."""

import re

import pytest

from drill.results import Terms
from tests.drill.rich import EXTENSIONS, ROLES, STATEMENTS

TERMS = Terms(extensions=EXTENSIONS)
OWNERS = ("shop_owner", "shop_reader", "shop_writer", "maker")


@pytest.fixture(scope="module")
def roles(server):
    with server.admin() as admin:
        for statement in (*ROLES, "CREATE ROLE maker SUPERUSER"):
            admin.execute(statement)


@pytest.fixture(scope="module")
def source(server, roles):
    with server.database("SET SESSION AUTHORIZATION maker", *STATEMENTS) as name:
        with server.admin() as admin:
            admin.execute("ALTER ROLE maker NOSUPERUSER")
        yield name


@pytest.fixture
def target(server, source):
    with server.scratch(*OWNERS) as made:
        yield made


def comparable(dump):
    """A dump without what differs from one to the next: the token, numbers of large objects, comments on extensions."""
    text = re.sub(rb"\\(un)?restrict \w+|COMMENT ON EXTENSION .*", b"", dump)
    return re.sub(rb"(lo_create|lo_open)\('\d+'|LARGE OBJECT \d+|^-- .*$", b"", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--inserts",),
        ("--column-inserts",),
        ("--inserts", "--rows-per-insert=100", "--on-conflict-do-nothing"),
        ("--disable-dollar-quoting",),
        ("--encoding=LATIN1",),
        ("--quote-all-identifiers",),
        ("--clean", "--if-exists"),
    ],
)
def test_a_copy_equals_its_original(server, source, target, options):
    loaded = target.load(server.dump(source, *options), terms=TERMS)

    assert loaded.whole, (loaded.errors, loaded.refused)
    assert loaded.rows == 500 + 2000 + 3 + 1 + 41
    assert comparable(server.dump(target.name)) == comparable(server.dump(source))
    assert loaded.dumped_from == loaded.dumped_by
