"""Behind a connection pooler: no startup options, and logins that succeed although no server is there."""

from collections.abc import Iterator

import pytest

from fixtures.postgresql.client import session
from fixtures.postgresql.logins import NoSession
from muster.probes import begin
from tests.probes.database_servers import Server, login, look, passwords
from tests.probes.poolers import Pooler


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("postgres"))
    made.become()
    with passwords():
        yield made
    made.real.stop()


@pytest.fixture(autouse=True)
def unhurried():
    """A deadline of its own for each test."""
    begin(60)


def test_a_pooler_that_takes_no_options_is_fenced_in_by_transaction(server):
    with Pooler(server.real.port) as pooler, session(server.connection(port=pooler.port, sslmode="disable")) as (opened, _):
        query = "select name, setting from pg_settings where name in ('search_path', 'lock_timeout', 'transaction_read_only')"

        assert dict(opened.rows(query)) == {"search_path": "", "lock_timeout": "1000", "transaction_read_only": "on"}
    assert pooler.refused == 1


def test_a_pooler_that_fails_at_the_first_statement_is_a_fact_about_the_application(server):
    with Pooler(server.real.port, cut=b"select 1") as pooler:
        seen = look("login_session", login(server.connection("platform", port=pooler.port, sslmode="disable")))

    assert isinstance(seen, NoSession)
    assert "logged in, but SELECT 1 failed" in seen.note
