"""Unlisted faults of the web servers, of Prometheus and of the database."""

from collections.abc import Callable

from sandbox.world import Database, Metrics, Series, Served, Session, Trouble, World
from tests.proof.unlisted import POD, UNKNOWN, VIOLATED, Unlisted

HEALTHY, ANSWERS = "test_endpoint_says_what_is_expected[health]", "test_endpoint_answers_with_its_status[health]"
EXPORT, FETCHED = "test_export_has_rows[audit-export]", "test_endpoint_answers_with_its_status[audit-export]"
ERRORS, RATE, P95 = (
    "test_reading_is_at_most[error-share]",
    "test_reading_is_above[request-rate]",
    "test_reading_is_at_most[latency-p95]",
)
CONNECTIONS = "test_reading_is_below[active-connections]"
OPENS, IDLE = "test_application_opens_a_database_session[application]", "test_no_session_idles_in_a_transaction[platform-db]"
TAKEN = "test_connections_stay_under_the_servers_limit[platform-db]"
OLDEST = "test_reading_is_between[oldest-audit-event]"
NAN = float("nan")
LOGIN = "<html><body>Sign in</body></html>"


def _metrics(world: World) -> Metrics:
    assert world.metrics is not None
    return world.metrics


def _database(world: World) -> Database:
    return world.databases["database"]


def _served(world: World) -> Served:
    served = world.sites["api"].certificate
    assert served is not None
    return served


def _route(path: str, site: str = "api", **values: object) -> Callable[[World], None]:
    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(world.sites[site].routes[path], name, value)

    return edit


def _each(name: str, change: Callable[[Series], None], pod: str = "") -> Callable[[World], None]:
    """Change every series of that name, or that of one pod."""

    def edit(world: World) -> None:
        for series in _metrics(world).series:
            if series.name == name and pod in (series.target or ""):
                change(series)

    return edit


def _sql(*statements: str) -> Callable[[World], None]:
    return lambda world: _database(world).sql.extend(statements)


def _hold(session: Session) -> Callable[[World], None]:
    return lambda world: _database(world).sessions.append(session)


def _role_limited(world: World) -> None:
    _database(world).sql.append("ALTER ROLE platform CONNECTION LIMIT 10")
    _database(world).sessions.append(Session("", user="platform", count=9))


def _renamed_database(world: World) -> None:
    _database(world).name = "another_db"


def _second_alert(world: World) -> None:
    """Another group has an alert of the same name, and that one fires."""
    labels, notes = {"severity": "warning"}, {"runbook_url": "https://wiki/platform/runbook"}
    rule = {"alert": "HighLatency", "expr": "vector(1)", "labels": labels, "annotations": notes}
    _metrics(world).rules.append({"name": "another", "rules": [rule]})


LINES = "CREATE TABLE shop.lines (n int) WITH (autovacuum_enabled = false)"
FAMILIES = (
    Unlisted("an alert of the same name fires", _second_alert, VIOLATED, ("test_alert_is_not_firing[high-latency]",), "HighLatency"),
    Unlisted(
        "a table of another schema was never analysed",
        _sql("CREATE SCHEMA shop", LINES, "INSERT INTO shop.lines SELECT generate_series(1, 20000)"),
        VIOLATED,
        ("test_planner_statistics_are_fresh[platform-db]",),
        "shop.lines",
    ),
    Unlisted(
        "we may not read a sequence that nears its end",
        _sql("CREATE TABLE invoices (id serial PRIMARY KEY)", "SELECT setval('invoices_id_seq', 1932735282)"),
        UNKNOWN,
        ("test_no_sequence_nears_its_end[platform-db]",),
        "invoices_id_seq",
    ),
    Unlisted("health is a login page with status 200", _route("/health", json=None, text=LOGIN), VIOLATED, (HEALTHY,), "JSON"),
    Unlisted("health answers an empty object", _route("/health", json={}), VIOLATED, (HEALTHY,), "status"),
    Unlisted("health is cut off", _route("/health", json=None, text='{"status": "healthy"'), VIOLATED, (HEALTHY,), "JSON"),
    Unlisted("health redirects to itself", _route("/health", redirect="/health"), VIOLATED, (ANSWERS, HEALTHY), "redirect"),
    Unlisted("our token for the audit log was revoked", _route("/audit/export", token="another"), VIOLATED, (EXPORT, FETCHED), "| 401 |"),
    Unlisted("the export has a header and nothing else", _route("/audit/export", text="timestamp,actor\n"), VIOLATED, (EXPORT,), "0"),
    Unlisted(
        "another retention is a text",
        _route("/audit/retention", json={"retentionDays": "365 days"}),
        VIOLATED,
        ("test_endpoint_says_what_is_expected[audit-retention]",),
        "365 days",
    ),
    Unlisted(
        "the wiki drips its page",
        lambda world: world.sites["wiki"].trouble.append(Trouble("/", drip=1.0)),
        UNKNOWN,
        ("test_endpoint_answers_with_its_status[wiki]",),
        "no complete answer within",
    ),
    Unlisted(
        "the certificate is not yet valid",
        lambda world: setattr(_served(world), "valid_since", -86400.0),
        VIOLATED,
        ("test_endpoint_certificate_is_trusted[health]",),
        "not yet valid",
    ),
    Unlisted(
        "a weak key was certified",
        lambda world: setattr(_served(world), "key", "rsa1024"),
        VIOLATED,
        ("test_endpoint_certificate_is_trusted[health]",),
        "too",
    ),
    Unlisted(
        "one pod's gauge is not a number",
        _each("active_connections", lambda series: series.value.update({900: NAN}), POD),
        VIOLATED,
        (CONNECTIONS,),
        "nan",
    ),
    Unlisted(
        "the limit of a gauge is zero",
        _each("active_connections_max", lambda series: series.value.update({900: 0.0}), POD),
        VIOLATED,
        (CONNECTIONS,),
        POD,
    ),
    Unlisted(
        "nobody asks for anything",
        _each("http_requests_total", lambda series: series.value.update({900: 0.0})),
        VIOLATED,
        (RATE, ERRORS),
        "0",
    ),
    Unlisted(
        "the histogram lost its buckets",
        _each("http_request_duration_seconds_bucket", lambda series: setattr(series, "until", 900)),
        VIOLATED,
        (P95,),
        "http_request_duration_seconds_bucket",
    ),
    Unlisted(
        "no rule is loaded at all",
        lambda world: _metrics(world).rules.clear(),
        VIOLATED,
        ("test_alert_rule_evaluates[high-latency]", "test_prometheus_evaluates_its_rules[prometheus]"),
        "0 rules",
    ),
    Unlisted(
        "a transaction was aborted and left open",
        _hold(Session("SELECT 1/0", transaction=True, user="platform", waits=True)),
        VIOLATED,
        (IDLE,),
        "idle in transaction",
    ),
    Unlisted("a role nears its own connection limit", _role_limited, VIOLATED, (TAKEN,), "role platform"),
    Unlisted("the application may not log in any more", _sql("ALTER ROLE platform NOLOGIN"), VIOLATED, (OPENS,), "not permitted to log in"),
    Unlisted(
        "the application's password has expired", _sql("ALTER ROLE platform VALID UNTIL '2001-01-01'"), VIOLATED, (OPENS,), "password"
    ),
    Unlisted("a table is locked", _hold(Session("LOCK TABLE audit_events", transaction=True)), UNKNOWN, (OLDEST,), "lock", (OPENS,)),
    Unlisted("no connection is left", _hold(Session("", user="platform", count=47)), VIOLATED, (OPENS,), "connection"),
    Unlisted("the database is gone", _renamed_database, VIOLATED, (OPENS,), "does not exist"),
    Unlisted(
        "our own role's password was rotated", _sql("ALTER ROLE muster PASSWORD 'rotated'"), UNKNOWN, (TAKEN, IDLE), "muster", (OPENS,)
    ),
    Unlisted(
        "our own role lost its rights", _sql("REVOKE pg_read_all_stats FROM muster"), UNKNOWN, (TAKEN,), "pg_read_all_stats", (OPENS,)
    ),
)
