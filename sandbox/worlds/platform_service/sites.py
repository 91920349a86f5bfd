"""platform-service: its web servers, and faults of what they answer and of the certificates they present."""

from collections.abc import Callable

from sandbox.world import Fault, Route, Served, Site, Trouble, World

DAY = 86400.0
TOKEN = "sandbox-audit-reader"  # noqa: S105 - of a server on loopback
"""Of the caller who may read the audit log."""
EVENTS, A_DAY, COUNTED = 18250, 50, "audit-events"
"""Audit events so far, those of a day, and the reading that counts them."""
HERE = ["localhost", "127.0.0.1"]
HTML = {"Content-Type": "text/html; charset=utf-8"}
LOGIN = "<!DOCTYPE html>\n<html><body><h1>Sign in</h1></body></html>\n"
"""What a proxy in front answers when it has lost its way, with status 200."""
EXPORT = """timestamp,actor,event,resource
2026-11-19T08:00:00Z,alice,login,session
2026-11-19T08:05:12Z,alice,update,"order 17, item 2"
2026-11-19T09:41:30Z,batch,export,report
"""


def build(world: World, now: float) -> None:
    """Add this part to the healthy world at Unix time `now` (seconds)."""
    trace = {"traceID": "4bf92f3577b34da6", "spans": [{"operationName": "GET /orders"}]}
    world.sites["api"] = Site(_api(), Served(names=["platform-service", *HERE], secret="platform/tls-cert"))  # noqa: S106 - a name
    world.sites["kibana"] = Site({"/platform": _page()}, Served(names=HERE))
    world.sites["wiki"] = Site({"/platform": _page()}, Served(names=HERE))
    world.earlier[f"value/readings/{COUNTED}"] = {int(days * DAY): EVENTS - days * A_DAY for days in (2, 1)}
    world.sites["jaeger"] = Site({"/api/traces": Route(json={"data": [trace]})}, Served(names=HERE))


def _page() -> Route:
    return Route(text="<html><title>platform</title></html>", headers=HTML)


def _api() -> dict[str, Route]:
    return {
        "/health": Route(json={"status": "healthy", "version": "1.1.0", "checks": {"database": "up", "redis": "up"}}),
        "/audit/export": Route(text=EXPORT, headers={"Content-Type": "text/csv; charset=utf-8"}, token=TOKEN),
        "/audit/retention": Route(json={"retentionDays": 365}, token=TOKEN),
        "/audit/stats": Route(json={"count": EVENTS}, token=TOKEN),
        "/audit/cleanup": Route(status=405, token=TOKEN),
        "/maintenance": Route(text="<html><body><h1>Scheduled maintenance</h1></body></html>", headers=HTML),
    }


def route(world: World, path: str, site: str = "api") -> Route:
    """A route of a site. KeyError when there is none."""
    return world.sites[site].routes[path]


def certificate(world: World) -> Served:
    """What the service's own address presents."""
    served = world.sites["api"].certificate
    assert served is not None, "the healthy service speaks TLS"
    return served


def _changed(path: str, site: str = "api", **values: object) -> Callable[[World], None]:
    """An edit that sets fields of a route."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(route(world, path, site), name, value)

    return edit


def _presents(**values: object) -> Callable[[World], None]:
    """An edit that sets fields of the certificate that the service presents."""

    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(certificate(world), name, value)

    return edit


def _hangs(world: World) -> None:
    world.sites["api"].trouble.append(Trouble(path="/health", hang=True))


def _stopped(world: World) -> None:
    world.sites["api"].stopped = True


def _let_in(world: World) -> None:
    for name in AUDIT:
        route(world, f"/{name.replace('-', '/')}").token = None


def _no_maintenance_page(world: World) -> None:
    del world.sites["api"].routes["/maintenance"]


def _moved(world: World) -> None:
    world.sites["wiki"].routes = {"/platform": Route(redirect="/spaces/platform", status=301)}


def _not_reloaded(world: World) -> None:
    """The secret holds the certificate of a server that nobody sees; the one that is seen went on with the old one."""
    certificate(world).secret = None
    world.sites["api-renewed"] = Site(certificate=Served(names=["platform-service", *HERE], secret="platform/tls-cert"))  # noqa: S106 - a name


def _database_certificate(world: World) -> None:
    served = world.databases["database"].certificate
    assert served is not None, "the healthy database speaks TLS"
    served.valid_for = 5 * DAY


STATUS, SAYS, QUICK = "test_endpoint_answers_with_its_status", "test_endpoint_says_what_is_expected", "test_endpoint_is_quick"
TEXT, TYPE, ROWS = "test_endpoint_shows_the_expected_text", "test_endpoint_answers_with_the_expected_type", "test_export_has_rows"
REFUSES = "test_endpoint_refuses_anonymous_callers"
OUTLIVES = "test_endpoint_certificate_outlives_its_renewal_window[health]"
TRUSTED = "test_endpoint_certificate_is_trusted[health]"
COMPARED = "test_served_certificate_is_the_one_in_the_secret[ingress]"
HEALTH = tuple(f"{check}[health]" for check in (STATUS, SAYS, QUICK))
RISES = f"test_reading_increases[{COUNTED}]"
AUDIT = ("audit-export", "audit-retention", "audit-stats")
ANONYMOUS = tuple(f"{REFUSES}[{name}]" for name in AUDIT)
PAGES = (
    *HEALTH,
    *(f"{STATUS}[{name}]" for name in (*AUDIT, "maintenance-page")),
    f"{SAYS}[audit-retention]",
    f"{SAYS}[audit-stats]",
    f"{TEXT}[maintenance-page]",
    f"{TYPE}[audit-export]",
    f"{ROWS}[audit-export]",
    *ANONYMOUS,
)
"""Every check for which a client must get through to the service."""
UNTRUSTED = (TRUSTED, *PAGES)

FAULTS: list[Fault] = [
    Fault(
        "health-degraded",
        "the health endpoint answers 200 and says degraded",
        _changed("/health", json={"status": "degraded"}),
        HEALTH[1:2],
    ),
    Fault("health-503", "the health endpoint answers 503 with JSON", _changed("/health", status=503, json={"status": "down"}), HEALTH[:2]),
    Fault("health-slow", "the health endpoint takes two seconds", _changed("/health", delay=2.0), HEALTH[2:]),
    Fault("health-hangs", "the health endpoint accepts and never answers", _hangs, HEALTH),
    Fault("service-refuses", "nothing listens at the address of the service", _stopped, (OUTLIVES, COMPARED, *UNTRUSTED), hides=(RISES,)),
    Fault("certificate-expires-tomorrow", "the service's certificate ends tomorrow", _presents(valid_for=DAY), (OUTLIVES,)),
    Fault(
        "certificate-expired",
        "the service's certificate ended yesterday",
        _presents(valid_for=-DAY),
        (OUTLIVES, *UNTRUSTED),
        hides=(RISES,),
    ),
    Fault(
        "intermediate-expires-soon", "the intermediate certificate ends in a week", _presents(intermediate_valid_for=7 * DAY), (OUTLIVES,)
    ),
    Fault(
        "certificate-wrong-host",
        "the service presents the certificate of another host",
        _presents(names=["other.example"]),
        UNTRUSTED,
        hides=(RISES,),
    ),
    Fault(
        "certificate-missing-intermediate",
        "the service does not send its intermediate",
        _presents(intermediate="missing"),
        UNTRUSTED,
        hides=(RISES,),
    ),
    Fault("certificate-self-signed", "the service presents a self-signed certificate", _presents(issuer="self"), UNTRUSTED, hides=(RISES,)),
    Fault("certificate-not-reloaded", "the secret was renewed and the old certificate is still served", _not_reloaded, (COMPARED,)),
    Fault(
        "database-certificate-expires-soon",
        "the database's certificate ends in five days",
        _database_certificate,
        ("test_served_certificate_outlives_its_renewal_window[database]",),
    ),
    Fault(
        "audit-export-html",
        "the audit export answers 200 with a login page",
        _changed("/audit/export", text=LOGIN, headers=HTML),
        (f"{TYPE}[audit-export]", f"{ROWS}[audit-export]"),
    ),
    Fault(
        "audit-export-empty",
        "the audit export has a header and no rows",
        _changed("/audit/export", text=EXPORT.partition("\n")[0]),
        (f"{ROWS}[audit-export]",),
    ),
    Fault(
        "audit-retention-short",
        "audit events are kept for seven days",
        _changed("/audit/retention", json={"retentionDays": 7}),
        (f"{SAYS}[audit-retention]",),
    ),
    Fault("audit-anonymous", "the audit routes answer everybody", _let_in, ANONYMOUS),
    Fault(
        "maintenance-page-missing",
        "the maintenance page is not there",
        _no_maintenance_page,
        (f"{STATUS}[maintenance-page]", f"{TEXT}[maintenance-page]"),
    ),
    Fault("kibana-down", "the log dashboard answers 503", _changed("/platform", "kibana", status=503), (f"{STATUS}[log-dashboard]",)),
    Fault("no-traces", "no trace arrived in the last hour", _changed("/api/traces", "jaeger", json={"data": []}), (f"{SAYS}[traces]",)),
    Fault("wiki-moved", "the wiki redirects to a page that is not there", _moved, (f"{STATUS}[wiki]",)),
    Fault(
        "audit-events-stuck",
        "audit events are no longer written: there are as many as yesterday",
        _changed("/audit/stats", json={"count": EVENTS - A_DAY}),
        (RISES,),
    ),
]
