"""Behind a connection pooler: no startup options, and logins that succeed although no server is there."""

import pytest

from fixtures.postgresql.client import session
from fixtures.postgresql.logins import NoSession
from tests.probes.database_servers import login, look
from tests.probes.poolers import Pooler

pytestmark = pytest.mark.usefixtures("unhurried")


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
