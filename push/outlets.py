"""Telling one server: in batches, with its own credentials, over verified TLS, within the deadline that `muster.probes.begin` has set."""

import json
import time
from typing import Any
from urllib.parse import urlencode

from fixtures.web import http
from fixtures.web.bounds import LARGEST
from fixtures.web.net import NoAnswer
from muster import transport
from muster.push import Outlet
from muster.scrubber import dumps, head
from muster.text import plain
from push.alerts import REPORTER, Alert

BATCH = 100
"""Alerts in one request."""
MOST = 2000
"""Alerts that fire at once in one environment: the worst are told, and how many are not."""
JSON, TEXT = {"Content-Type": "application/json"}, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
PATIENCE = 0.5
"""Seconds before a server that was busy for a moment is asked once more."""
BUSY = (429, 500, 502, 503, 504)


class NotPushed(Exception):
    """A server was not told, or not all; the text says why."""


def active(outlet: Outlet, environment: str) -> list[Alert]:
    """Alerts of ours about an environment that a server knows and that have not ended, silenced ones too. Raises NotPushed."""
    system, _, name = environment.partition("/")
    matchers = [f'{label}="{value}"' for label, value in (("reporter", REPORTER), ("system", system), ("environment", name))]
    url = f"{outlet.address()}/api/v2/alerts?{urlencode([('filter', each) for each in matchers])}"
    try:
        answer = http.get(outlet, url, follow=False, largest=LARGEST)
        if answer.status != 200:
            raise _refused(url, answer)
        found = answer.json()
    except (NoAnswer, ValueError) as error:
        raise NotPushed(f"{http.shown(url)}: {error}") from error
    if not isinstance(found, list) or not all(
        isinstance(each, dict) and {"labels", "annotations", "startsAt"} <= each.keys() for each in found
    ):
        raise NotPushed(f"{http.shown(url)} answers no list of alerts: is this an Alertmanager?")
    return found


def tell(outlet: Outlet, alerts: list[Alert]) -> None:
    """Send alerts, a batch at a time, the first ones first. Raises NotPushed; what was sent before stays sent."""
    transport.permit("Alertmanager alerts", outlet.address())
    for start in range(0, len(alerts), BATCH):
        body = dumps(alerts[start : start + BATCH]).encode()
        try:
            _sent(outlet, f"{outlet.address()}/api/v2/alerts", body, "POST", JSON)
        except NotPushed as error:
            raise NotPushed(f"{error} ({start} of {len(alerts)} alerts were sent)") from error


def put(outlet: Outlet, path: str, metrics: str) -> None:
    """Replace a group of metrics. Raises NotPushed."""
    url = f"{outlet.address()}{path}"
    transport.permit("Pushgateway metrics", url)
    _sent(outlet, url, metrics.encode(), "PUT", TEXT)


def _sent(outlet: Outlet, url: str, body: bytes, method: str, headers: dict[str, str]) -> None:
    for last in (False, True):
        try:
            answer = http.send(outlet, url, body, method=method, headers=headers)
        except NoAnswer as error:
            raise NotPushed(f"{http.shown(url)}: {error.reason}") from error
        if 200 <= answer.status < 300:
            return
        if last or answer.status not in BUSY:
            raise _refused(url, answer)
        time.sleep(PATIENCE)


def _refused(url: str, answer: http.Response) -> NotPushed:
    said = _words(answer)
    return NotPushed(f"{http.shown(url)} answered {answer.status}" + (f": {said}" if said else ""))


def _words(answer: http.Response) -> str:
    """The beginning of what a refusal says."""
    try:
        told: Any = json.loads(answer.body)
    except ValueError:
        told = answer.text
    text = told.get("message", "") if isinstance(told, dict) else told
    return plain(" ".join(head(str(text), 200).split()))
