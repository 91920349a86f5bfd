"""Dumps of a rich schema come back as they were: a pg_dump of the copy equals a pg_dump of the original."""

import pytest

from drill.results import Terms
from tests.drill.rich import EXTENSIONS, comparable

TERMS = Terms(extensions=EXTENSIONS)


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
