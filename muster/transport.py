"""One guard below all HTTP of the process: reads pass, a POST or PUT that was granted to its origin passes, everything else raises.

requests, urllib3, the Kubernetes client and botocore all end in `http.client.HTTPConnection.putrequest`, which buffers: what
raises there has not sent a byte. WebSockets and aiohttp do not pass there and are refused altogether, because nothing here
needs them. The guard is a second fence: the first is what the target lets our identity do.
"""

import http.client
import importlib.abc
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit


class WriteRefused(Exception):
    """A request that may change something was stopped before it left. Names method and path, never the query."""


OPERATIONS: dict[str, str] = {
    "Prometheus query": r"/api/v1/(query|query_range|query_exemplars|series|labels)",
    "Kubernetes access review": (
        r"/apis/(authorization\.k8s\.io/v1/selfsubject(access|rules)reviews|authentication\.k8s\.io/v1/selfsubjectreviews)"
    ),
    "Alertmanager alerts": r"/api/v2/alerts",
    "Pushgateway metrics": "",
    "history object": "",
}
"""What may be sent although it is not GET, below an address. Of the first two the answer depends on a body too long for a URL; the
others write: what a run has found, with --push, and what runs remember, with --state in a bucket. Nothing else of muster asks for them."""
PUTS = frozenset({"Pushgateway metrics", "history object"})
"""Operations that are sent with PUT, the others with POST."""


@dataclass(frozen=True)
class Grant:
    """One operation at one server: `path` must match the whole path, as sent, and `origin` is host:port."""

    operation: str
    origin: str
    path: re.Pattern[str]
    method: str = "POST"

    @classmethod
    def of(cls, operation: str, address: str) -> "Grant":
        """The grant of one of OPERATIONS at an http or https address. KeyError for another operation."""
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        path = re.escape(parts.path.rstrip("/")) + OPERATIONS[operation]
        return cls(operation, f"{parts.hostname}:{port}", re.compile(path), "PUT" if operation in PUTS else "POST")


# GET on these runs commands or reaches whatever listens inside the cluster, so it counts as a write. A namespace may be named pods.
_REACHES_INSIDE = re.compile(r"(?<!/namespaces)/(pods|services|nodes)/[^/]+/(exec|attach|portforward|proxy|run)(?![\w-])|/api/v1/proxy/")
_OVERRIDES = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})
# Clients that do not end in http.client: module, class, method through which every connection goes.
_ELSEWHERE = {"websocket._core": ("WebSocket", "connect"), "aiohttp.client": ("ClientSession", "_request")}

_plain_putrequest = http.client.HTTPConnection.putrequest
_plain_putheader = http.client.HTTPConnection.putheader
_grants: set[Grant] = set()
_replaced: dict[str, Any] = {}


def _path(url: str) -> str:
    """The path of a request target as sent, without scheme, host, query and fragment."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
        url = "/" + url.split("://", 1)[1].partition("/")[2]
    return re.split(r"[?#]", url, maxsplit=1)[0]


def normalised(path: str) -> str:
    """The path as the most lenient server would read it: decoded, one slash at a time, without dots, in lower case."""
    for _ in range(5):
        decoded = unquote(path)
        if decoded == path:
            break
        path = decoded
    kept: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        part = re.split(r"[;\x00]", segment, maxsplit=1)[0].strip()
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return "/" + "/".join(kept).lower()


def refusal(method: str, url: str, origin: str, grants: Iterable[Grant]) -> str | None:
    """Why this request may not leave, or None when it may."""
    path = _path(url)
    plain = normalised(path)
    if _REACHES_INSIDE.search(plain):
        return "it reaches inside a pod, a service or a node"
    if method in ("GET", "HEAD"):
        return None
    if method not in ("POST", "PUT"):
        return "only GET and HEAD are sent"
    # A granted path is compared as sent: whoever needs encodings or dots to spell it has no grant.
    if plain == path.lower() and any(_granted(grant, method, path, origin) for grant in grants):
        return None
    return f"this {method} was not granted to this server"


def _granted(grant: Grant, method: str, path: str, origin: str) -> bool:
    return grant.method == method and grant.origin == origin.lower() and grant.path.fullmatch(path) is not None


def _refuse(method: str, url: str, reason: str) -> NoReturn:
    raise WriteRefused(f"refused {method} {_path(url)}: {reason}")


def _putrequest(self: http.client.HTTPConnection, method: str, url: str, *args: Any, **options: Any) -> None:
    reason = refusal(method, url, f"{self.host}:{self.port}", tuple(_grants))
    if reason is not None:
        _refuse(method, url, reason)
    self._muster_asked = (method, url)  # type: ignore[attr-defined]
    _plain_putrequest(self, method, url, *args, **options)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _putheader(self: http.client.HTTPConnection, header: Any, *values: Any) -> None:
    name = _text(header).strip().lower()
    method, url = getattr(self, "_muster_asked", ("?", ""))
    if name in _OVERRIDES:
        _refuse(method, url, f"the header {name} asks for another method")
    if name == "upgrade" and any(word in _text(value).lower() for value in values for word in ("websocket", "spdy")):
        _refuse(method, url, "it asks for a two-way stream")
    _plain_putheader(self, header, *values)


def _refuse_elsewhere(self: object, *args: Any, **_: Any) -> NoReturn:
    url = next((each for each in args if isinstance(each, str) and "/" in each), "")
    _refuse("connection", url, f"{type(self).__name__} does not pass the guard")


def _close(module: ModuleType, name: str) -> None:
    owner, method = _ELSEWHERE[name]
    _replaced[name] = (getattr(module, owner), method, getattr(getattr(module, owner), method))
    setattr(getattr(module, owner), method, _refuse_elsewhere)


class _OnImport(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Closes the other clients when somebody imports them, so that installing the guard imports nothing."""

    def __init__(self) -> None:
        self._loaders: dict[str, importlib.abc.Loader] = {}

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname not in _ELSEWHERE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        self._loaders[fullname], spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loaders[spec.name].create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loaders[module.__name__].exec_module(module)
        if installed():
            _close(module, module.__name__)


_on_import = _OnImport()


def installed() -> bool:
    """Whether the guard stands."""
    return http.client.HTTPConnection.putrequest is _putrequest


def permit(operation: str, address: str) -> None:
    """Let one of OPERATIONS through to one server, an http or https address; while no guard stands, it is nothing."""
    if installed():
        _grants.add(Grant.of(operation, address))


def install() -> None:
    """Put up the guard for the whole process, without any grant; a second call takes the grants away."""
    _grants.clear()
    if installed():
        return
    http.client.HTTPConnection.putrequest = _putrequest  # type: ignore[method-assign]
    http.client.HTTPConnection.putheader = _putheader  # type: ignore[method-assign]
    sys.meta_path.insert(0, _on_import)
    for name in _ELSEWHERE:
        if name in sys.modules:
            _close(sys.modules[name], name)


def uninstall() -> None:
    """Take the guard down; nothing happens when none stands."""
    if not installed():
        return
    _grants.clear()
    http.client.HTTPConnection.putrequest = _plain_putrequest  # type: ignore[method-assign]
    http.client.HTTPConnection.putheader = _plain_putheader  # type: ignore[method-assign]
    sys.meta_path.remove(_on_import)
    while _replaced:
        owner, method, plain = _replaced.popitem()[1]
        setattr(owner, method, plain)
