"""Web servers that render a `Site` each, and one that renders the scrape targets of `Metrics`."""

import asyncio
import base64
import hmac
import json
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus

from aiohttp.web import BaseRequest, StreamResponse

from sandbox.services.answers import Answer, send, suffer
from sandbox.services.certificates import Authority
from sandbox.services.listener import Listener
from sandbox.services.recording import Recording
from sandbox.services.series import exposition
from sandbox.services.troubles import Troubles
from sandbox.world import Metrics, Route, Served, Site, Trouble

TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Secured:
    """A listener whose certificate follows the world; it is opened anew only when that has changed."""

    def __init__(self, name: str, listener: Listener, authority: Authority) -> None:
        self.name = name
        self.listener = listener
        self._authority = authority
        self._state: str | None = None

    async def apply(self, certificate: Served | None, others: dict[str, Served], stopped: bool) -> None:
        """Listen as wished, or not at all. ValueError for a certificate that cannot be made."""
        state = "stopped" if stopped else f"{certificate} {others}"
        if state == self._state:
            return
        context = None if certificate is None else self._context(certificate, others)
        self._state = None
        if stopped:
            self.listener.secure = context is not None
            await self.listener.close()
        else:
            await self.listener.open(context)
        self._state = state

    def _context(self, certificate: Served, others: dict[str, Served]) -> ssl.SSLContext:
        context = self._authority.context(self.name, certificate)
        by_name = {name: self._authority.context(f"{self.name}-{name}", served) for name, served in others.items()}

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            connection.context = by_name.get(name or "", context)

        context.sni_callback = choose
        return context


class SiteServer:
    """One site; `load` replaces what it renders, the port stays."""

    def __init__(self, name: str, recording: Recording, authority: Authority, urls: Callable[[], dict[str, str]]) -> None:
        """`urls`: the URL of every site by name, for redirects."""
        self.name = name
        self._recording = recording
        self._urls = urls
        self._site = Site()
        self._troubles = Troubles([])
        self.secured = Secured(f"site-{name}", Listener(self.handle), authority)

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self.secured.listener.url

    async def load(self, site: Site) -> None:
        """Render this site from now on."""
        self._site = site
        self._troubles = Troubles(site.trouble)
        await self.secured.apply(site.certificate, site.certificates, site.stopped)

    async def handle(self, request: BaseRequest) -> StreamResponse:
        """Answer one request, and record it."""
        entry = self._recording.begin(f"site:{self.name}", request)
        trouble = self._troubles.meet(request.path) or Trouble()
        await suffer(request, trouble)
        route = self._site.routes.get(request.path)
        if trouble.status is not None:
            after = {} if trouble.retry_after is None else {"Retry-After": str(trouble.retry_after)}
            answer = _plain(trouble.status, trouble.message, after)
        elif request.method not in ("GET", "HEAD"):
            answer = _plain(405, "", {"Allow": "GET, HEAD"})
        elif route is None:
            answer = _plain(404)
        else:
            await asyncio.sleep(route.delay)
            answer = _refused(route, request.headers.get("Authorization", "")) or self._rendered(route)
        entry["status"] = answer.status
        return await send(request, answer, drip=trouble.drip)

    def _rendered(self, route: Route) -> Answer:
        body, kind = (route.text, TEXT) if route.json is None else (json.dumps(route.json), "application/json")
        headers = {name: self._resolved(text) for name, text in route.headers.items()}
        kind = next((headers.pop(name) for name in list(headers) if name.lower() == "content-type"), kind)
        status = route.status
        if route.redirect is not None:
            headers["Location"] = self._resolved(route.redirect)
            status = status if 300 <= status < 400 else 302
        return Answer(status, body.encode(), kind, headers)

    def _resolved(self, text: str) -> str:
        if "${" in text:
            for name, url in self._urls().items():
                text = text.replace(f"${{{name}}}", url)
        return text


def _plain(status: int, message: str = "", headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, (message or HTTPStatus(status).phrase).encode(), TEXT, headers or {})


def _refused(route: Route, authorization: str) -> Answer | None:
    """A 401 if the route wants credentials and these are not they."""
    wanted = []
    if route.token is not None:
        wanted.append((f"Bearer {route.token}", "Bearer"))
    if route.basic is not None:
        wanted.append((f"Basic {base64.b64encode(route.basic.encode()).decode()}", 'Basic realm="sandbox"'))
    if not wanted or any(hmac.compare_digest(authorization.encode(), text.encode()) for text, _ in wanted):
        return None
    return _plain(401, "", {"WWW-Authenticate": wanted[0][1]})


class MetricsSite:
    """The scrape targets: /metrics/TARGET in the Prometheus text format."""

    def __init__(self, epoch: float) -> None:
        """`epoch`: the world's now, in Unix seconds."""
        self._epoch = epoch
        self._metrics = Metrics()
        self.listener = Listener(self.handle)

    def _before(self) -> float:
        return self._epoch - time.time()

    def load(self, metrics: Metrics) -> None:
        """Render these targets from now on."""
        self._metrics = metrics

    async def handle(self, request: BaseRequest) -> StreamResponse:
        """Answer one scrape. Scrapes are not recorded: there is one every second."""
        target = request.path.removeprefix("/metrics/")
        if target not in self._metrics.targets:
            return await send(request, _plain(404))
        if target in self._metrics.silent:
            return await send(request, _plain(503))
        labels = self._metrics.targets[target]
        text = exposition(target, labels, self._metrics.series, self._before())
        return await send(request, Answer(200, text.encode(), PROMETHEUS))
