"""The logins of applications, tried with their own credentials."""

import pytest

from fixtures.postgresql.logins import LoginSession
from muster.units import Duration


@pytest.mark.gate
@pytest.mark.expects("succeeds")
def test_application_opens_a_database_session(login_session: LoginSession, limit: bool) -> None:
    """The application's credentials open a database session.

    Next: psql "host=... user=... dbname=..." with the application's password; was it rotated on one side only?
    """
    assert login_session.succeeded == limit


@pytest.mark.gate
@pytest.mark.expects("faster_than")
def test_application_session_opens_quickly(login_session: LoginSession, limit: Duration) -> None:
    """A database session of the application opens and answers quickly.

    Next: select state, wait_event_type, count(*) from pg_stat_activity group by 1, 2; load and DNS of the database host
    """
    assert login_session.took <= limit
