"""platform-service: its web servers, and faults of what they answer and of the certificate they present."""

from dataclasses import replace

from sandbox.world import Fault, Route, Served, Site, Trouble, World
from sandbox.worlds.platform_service.site_faults import fault, page_checks

DAY = 86400.0
TOKEN = "sandbox-audit-reader"
"""Of the caller who may read the audit log."""
HERE = ["localhost", "127.0.0.1"]
LOGIN = "<!DOCTYPE html>\n<html><body><h1>Sign in</h1></body></html>\n"
"""What a proxy in front answers when it has lost its way, with status 200."""
EXPORT = """timestamp,actor,event,resource
2026-11-19T08:00:00Z,alice,login,session
2026-11-19T08:05:12Z,alice,update,"order 17, item 2"
2026-11-19T09:41:30Z,batch,export,report
"""


def build(world: World, now: float) -> None:
    """Add this part to the healthy world at Unix time `now` (seconds)."""
    world.sites["api"] = Site(_api(), Served(names=["platform-service", *HERE], secret="platform/tls-cert"))
    world.sites["web"] = Site(_web(), Served(names=HERE))


def _api() -> dict[str, Route]:
    return {
        "/health": Route(json={"status": "healthy", "version": "1.1.0", "checks": {"database": "up", "redis": "up"}}),
        "/audit/export": Route(text=EXPORT, headers={"Content-Type": "text/csv; charset=utf-8"}, token=TOKEN),
        "/audit/retention": Route(json={"retentionDays": 365}, token=TOKEN),
        "/audit/stats": Route(json={"count": 18250}, token=TOKEN),
        "/maintenance": Route(text="<html><body><h1>Scheduled maintenance</h1></body></html>", headers={"Content-Type": "text/html"}),
    }


def _web() -> dict[str, Route]:
    return {
        "/platform": Route(text="<html><title>platform</title></html>", headers={"Content-Type": "text/html"}),
        "/api/traces": Route(json={"data": [{"traceID": "4bf92f3577b34da6", "spans": [{"operationName": "GET /orders"}]}]}),
    }
