"""Logging in to PostgreSQL: what is a fact about the application, what is trouble of ours, and what never leaks."""

import socket
import traceback

import pytest

from fixtures.postgresql.client import NoSuchName, session
from fixtures.postgresql.logins import LoginSession, NoSession
from fixtures.postgresql.values import plain
from muster.probes import CouldNotLook, begin
from sandbox.world import Served
from tests.probes.database_servers import database, login, look

pytestmark = pytest.mark.usefixtures("unhurried")


def test_an_application_logs_in_over_verified_tls(server):
    seen = look("login_session", login(server.connection("platform")))

    assert isinstance(seen, LoginSession)
    assert seen.succeeded
    assert seen.took > 0
    assert "platform_db, primary, system" in seen.seen
    assert seen.seen.endswith("as platform")


def test_a_wrong_password_is_a_fact_about_the_application(server, monkeypatch):
    monkeypatch.setenv("TEST_PASSWORD_PLATFORM", "not-the-password")

    seen = look("login_session", login(server.connection("platform")))

    assert isinstance(seen, NoSession)
    assert seen.looked_at == 0
    assert "password authentication failed" in seen.note
    assert "not-the-password" not in repr(seen)


def test_a_wrong_password_of_the_monitoring_login_is_trouble_of_ours(server, monkeypatch):
    monkeypatch.setenv("TEST_PASSWORD_MUSTER", "not-the-password")

    with pytest.raises(CouldNotLook, match="password authentication failed") as failure:
        look("database_sessions", database(server.connection()))

    assert failure.value.cause == f"postgresql 127.0.0.1:{server.real.port}/platform_db"
    assert "rotated" in failure.value.hint


def test_no_frame_of_a_failed_login_knows_the_password(server, monkeypatch):
    monkeypatch.setenv("TEST_PASSWORD_MUSTER", "p@ss'w\\ord://x@y")
    with pytest.raises(CouldNotLook) as failure:
        look("database_sessions", database(server.connection()))

    shown = traceback.TracebackException.from_exception(failure.value, capture_locals=True)

    assert "p@ss" not in "".join(shown.format())
    assert "p@ss" not in repr(vars(failure.value))


def test_a_password_with_every_special_character_arrives(server, monkeypatch):
    password = 'p@ss\'w\\or d://%41="x" '
    with server.superuser() as administrator:
        administrator.execute("CREATE ROLE special LOGIN")
        from psycopg import sql

        administrator.execute(sql.SQL("ALTER ROLE special PASSWORD {}").format(sql.Literal(password)))
    monkeypatch.setenv("TEST_PASSWORD_SPECIAL", password)

    assert look("login_session", login(server.connection("special"))).succeeded


def test_a_closed_port_is_a_fact_about_the_application(server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        seen = look("login_session", login(server.connection("platform", port=unused.getsockname()[1])))

    assert isinstance(seen, NoSession)
    assert "Connection refused" in seen.note


def test_a_name_that_does_not_resolve_is_trouble_of_ours(server):
    with pytest.raises(CouldNotLook, match="cannot resolve"):
        look("login_session", login(server.connection("platform", host="nowhere.invalid")))


@pytest.mark.parametrize(("probe", "entity"), [("login_session", login), ("database_sessions", database)])
def test_a_server_that_accepts_and_never_answers_is_unknown_in_time(server, probe, entity):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin(2.5)
        with pytest.raises(CouldNotLook, match="no answer to the login in time"):
            look(probe, entity(server.connection(port=silent.getsockname()[1])))


def test_a_certificate_of_an_unknown_authority_is_refused(healthy):
    healthy.become(certificate=Served(issuer="foreign"))

    seen = look("login_session", login(healthy.connection("platform")))

    assert isinstance(seen, NoSession)
    assert "certificate" in seen.note


def test_a_certificate_for_another_name_is_refused(healthy):
    healthy.become(certificate=Served(names=["other.example"]))

    assert "does not match" in look("login_session", login(healthy.connection("platform"))).note


def test_a_server_without_tls_is_refused(healthy):
    healthy.become(certificate=None)

    assert "does not support SSL" in look("login_session", login(healthy.connection("platform"))).note


def test_a_server_that_demands_tls_refuses_a_plain_login(healthy):
    healthy.become(access=["hostnossl all all all reject"])

    seen = look("login_session", login(healthy.connection("platform", sslmode="disable")))

    assert isinstance(seen, NoSession)
    assert "no encryption" in seen.note


def test_a_bundle_that_cannot_be_read_is_trouble_of_ours(server):
    with pytest.raises(CouldNotLook, match="cannot read the certificate authorities"):
        look("login_session", login(server.connection("platform", sslrootcert="/nonexistent/ca.pem")))


def test_a_database_that_does_not_exist_is_a_fact_about_the_application(server):
    assert "does not exist" in look("login_session", login(server.connection("platform", dbname="other"))).note


def test_variables_and_files_of_the_client_library_change_nothing(server, monkeypatch, tmp_path):
    (tmp_path / ".pgpass").write_text("*:*:*:*:other\n")
    (tmp_path / ".pgpass").chmod(0o600)
    (tmp_path / ".pg_service.conf").write_text("[here]\nhost=nowhere.invalid\nuser=other\n")
    misleading = {
        "HOME": str(tmp_path), "PGSERVICE": "unknown", "PGHOST": "nowhere.invalid", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1",
        "PGUSER": "other", "PGDATABASE": "other", "PGPASSWORD": "other", "PGPASSFILE": str(tmp_path / ".pgpass"),
        "PGOPTIONS": "-c search_path=public", "PGSSLMODE": "disable", "PGSSLROOTCERT": "/nonexistent",
        "PGSSLCERT": "/etc/hostname", "PGREQUIREAUTH": "none",
        "PGTARGETSESSIONATTRS": "standby", "PGCONNECT_TIMEOUT": "x", "PGCLIENTENCODING": "LATIN1", "PGAPPNAME": "other",
        "PGMINPROTOCOLVERSION": "3.2", "PGSSLCRL": "/etc/hostname", "PGCHANNELBINDING": "disable", "PGSSLMAXPROTOCOLVERSION": "TLSv1",
    }  # fmt: skip
    for name, text in misleading.items():
        monkeypatch.setenv(name, text)

    with session(server.connection()) as (opened, _):
        row = opened.row(
            "select current_user::text, current_database()::text, current_setting('application_name'), current_setting('client_encoding'),"
            " current_setting('search_path'), (select ssl from pg_stat_ssl where pid = pg_backend_pid())"
        )

    assert row == ("muster", "platform_db", "muster", "UTF8", "", True)


def test_no_password_means_none_not_the_one_of_a_file(server, monkeypatch, tmp_path):
    (tmp_path / ".pgpass").write_text("*:*:*:*:sandbox-muster\n")
    (tmp_path / ".pgpass").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))

    with pytest.raises(CouldNotLook, match="no password supplied"):
        look("database_sessions", database(server.connection(password=None)))


def test_a_session_is_fenced_in(server):
    begin(20)
    with session(server.connection()) as (opened, _):
        settings = dict(opened.rows("select name, setting from pg_settings"))

    assert settings["default_transaction_read_only"] == "on"
    assert settings["transaction_read_only"] == "on"
    assert settings["lock_timeout"] == "1000"
    assert 0 < int(settings["statement_timeout"]) < 20_000
    assert 0 < int(settings["idle_in_transaction_session_timeout"]) < 20_000


@pytest.mark.parametrize("statement", ["select 1; select 2", "commit; drop table orders", "begin; select 1"])
def test_two_statements_in_one_call_are_refused(server, statement):
    with session(server.connection("platform")) as (opened, _), pytest.raises(CouldNotLook, match="42601"):
        opened.rows(statement)


def test_even_the_owner_changes_nothing_through_a_session(server):
    with session(server.connection("platform")) as (opened, _):
        for statement in ("delete from public.orders", "commit", "set default_transaction_read_only = off", "delete from public.orders"):
            with pytest.raises(CouldNotLook):
                opened.rows(statement)

    with server.superuser() as administrator:
        assert administrator.execute("select count(*) from orders").fetchone() == (12000,)


def test_a_statement_that_runs_too_long_is_unknown_before_the_deadline(server):
    begin(2)
    with session(server.connection()) as (opened, _), pytest.raises(CouldNotLook, match="within our time-out"):
        opened.rows("select pg_sleep(60)")


@pytest.mark.parametrize(
    "statement", ["select * from public.nothing", "select nothing from public.audit_events", "select * from nowhere.x"]
)
def test_a_name_that_matches_nothing_is_told_apart(server, statement):
    with session(server.connection("platform")) as (opened, _), pytest.raises(NoSuchName, match="does not exist"):
        opened.rows(statement)


def test_a_missing_privilege_is_trouble_of_ours_and_names_the_cure(server):
    with session(server.connection()) as (opened, _), pytest.raises(CouldNotLook, match="permission denied for table orders") as failure:
        opened.rows("select count(*) from public.orders")

    assert "postgresql-readonly.sql" in failure.value.hint


def test_errors_about_data_do_not_quote_the_data(server):
    with session(server.connection("platform")) as (opened, _), pytest.raises(CouldNotLook, match="22P02") as failure:
        opened.rows("select max(actor)::int from public.audit_events")

    assert "user-" not in str(failure.value)


def test_more_rows_than_asked_for_are_not_fetched(server):
    with session(server.connection()) as (opened, _):
        with pytest.raises(CouldNotLook, match="more than 1 row"):
            opened.rows("select generate_series(1, 5000000)", at_most=1)
        assert opened.row("select 1") == (1,)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"role": "standby"}, "is a primary, declared is a standby"), ({"system_identifier": "1234"}, "declared is 1234")],
)
def test_another_server_than_declared_is_unknown(server, changes, reason):
    with pytest.raises(CouldNotLook, match=reason):
        look("database_sessions", database(server.connection(**changes)))


def test_the_declared_server_is_looked_at(server):
    with server.superuser() as administrator:
        (identifier,) = administrator.execute("select system_identifier from pg_control_system()").fetchone()

    seen = look("database_sessions", database(server.connection(role="primary", system_identifier=str(identifier))))

    assert f"system {identifier}" in seen.seen


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1", 1),
        ("1.5::numeric", 1.5),
        ("2::numeric", 2),
        ("'a %s b'", "a %s b"),
        ("interval '2 days'", 172800.0),
        ("timestamptz '2026-01-01 00:00Z'", 1767225600.0),
        ("true", True),
        ("null::int", None),
    ],
)
def test_values_arrive_as_plain_numbers_and_texts(server, expression, value):
    with session(server.connection()) as (opened, _):
        assert plain(opened.row(f"select {expression}")[0], "here") == value


@pytest.mark.parametrize("expression", ["now()::timestamp", "array[1]", "'{}'::jsonb"])
def test_values_that_are_no_single_moment_number_or_text_are_unknown(server, expression):
    with session(server.connection()) as (opened, _), pytest.raises(CouldNotLook):
        plain(opened.row(f"select {expression}")[0], "here")
