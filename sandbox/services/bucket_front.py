"""What stands before moto: records, misbehaves as the world says, lets in whom the world knows, and answers as the real S3 does."""

import io
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, NoReturn
from xml.sax.saxutils import escape

from sandbox.services import signatures
from sandbox.services.bucket_moto import Stored
from sandbox.services.troubles import Troubles
from sandbox.world import Bucket, Trouble

Environ = dict[str, Any]
ACTIONS = {
    ("GET", "lifecycle"): "s3:GetLifecycleConfiguration",
    ("GET", "versioning"): "s3:GetBucketVersioning",
    ("GET", "publicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("GET", "encryption"): "s3:GetEncryptionConfiguration",
    ("GET", "list-type"): "s3:ListBucket",
    ("HEAD", ""): "s3:ListBucket",
}
"""What a request to a bucket itself is called in a policy, by its method and the first word of its query."""
CODES = {403: "AccessDenied", 429: "TooManyRequests", 500: "InternalError", 503: "SlowDown"}
FORGET = threading.Event()  # never set: whoever waits for it hangs until the process ends


@dataclass(frozen=True)
class Asked:
    """A request, read once."""

    environ: Environ
    signed: signatures.Signed | None
    body: bytes
    """Of one to the token service; others are answered by their head."""

    @classmethod
    def of(cls, environ: Environ) -> "Asked":
        """What a client sent."""
        signed = signatures.read(environ.get("HTTP_AUTHORIZATION", ""))
        body = b""
        if signed is not None and signed.scope[2] == "sts":
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
        return cls(environ, signed, body)

    @property
    def of_tokens(self) -> bool:
        """Whether it is one to the token service."""
        return self.signed is not None and self.signed.scope[2] == "sts"

    @property
    def method(self) -> str:
        """GET, HEAD, or what changes something."""
        return str(self.environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        """Bucket and key."""
        return str(self.environ["PATH_INFO"])

    @property
    def action(self) -> str:
        """What the request is called in a policy."""
        query = str(self.environ["QUERY_STRING"])
        if self.of_tokens:
            return f"sts:{(re.search('Action=([A-Za-z]+)', f'{query}&{self.body.decode()}') or ['', '?'])[1]}"
        if self.path.count("/") > 1 and not self.path.endswith("/") and self.method in ("GET", "HEAD"):
            return "s3:GetObjectVersion" if "versionId=" in query else "s3:GetObject"
        if self.path.count("/") > 1 and self.method == "PUT" and not query:
            return "s3:PutObject"
        return ACTIONS.get((self.method, re.split("[=&]", query)[0]), f"unknown: {self.method} {query}")

    def fits(self, secret: str) -> bool:
        """Whether it is signed with this secret key."""
        assert self.signed is not None
        target = self.environ.get("RAW_URI") or self.environ["REQUEST_URI"]
        return signatures.fits(self.signed, secret, self.method, target, _headers(self.environ), self.body)

    def entry(self) -> dict[str, Any]:
        """What is remembered of it."""
        return {
            "server": "buckets", "time": time.time(), "method": self.method, "path": self.path, "query": self.environ["QUERY_STRING"],
            "agent": self.environ.get("HTTP_USER_AGENT", ""), "action": self.action, "status": None,
            "mutating": not self.of_tokens and self.method not in ("GET", "HEAD"),
        }  # fmt: skip


class Front:
    """One server with all buckets of a world. A WSGI application."""

    def __init__(self, epoch: float) -> None:
        """`epoch`: the world's now, in Unix seconds."""
        self._epoch = epoch
        self._stored = Stored()
        self._writing = threading.Lock()
        self._buckets: dict[str, Bucket] = {}
        self._troubles: dict[str, Troubles] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=100_000)

    def apply(self, buckets: dict[str, Bucket]) -> None:
        """Become these buckets. ValueError for one that cannot be."""
        self._stored.become(buckets, self._epoch)
        self._buckets = buckets
        self._troubles = {name: Troubles(bucket.trouble) for name, bucket in buckets.items()}

    def __call__(self, environ: Environ, start: Any) -> Iterable[bytes]:
        """One request."""
        asked = Asked.of(environ)
        name = self._named(asked)
        entry = asked.entry()
        self.requests.append(entry)

        def noted(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            entry["status"] = int(status.partition(" ")[0])
            bucket = self._buckets.get(name)
            if bucket is not None and bucket.clock_skew:
                headers.append(("Date", formatdate(time.time() + bucket.clock_skew, usegmt=True)))
            return start(status, headers, *rest)

        trouble = self._troubles[name].meet(asked.path) if name in self._troubles else None
        if trouble is not None and (answer := _suffered(environ, trouble, noted)) is not None:
            return answer
        refused = self._refusal(name, asked)
        if refused:
            return _refuse(environ, noted, *refused)
        with self._writing if asked.method == "PUT" else nullcontext():  # moto compares first and replaces then
            body = self._stored.answer(environ, noted, self._buckets[name], of_tokens=asked.of_tokens)
        return body if trouble is None else _badly(environ, body, trouble)

    def _named(self, asked: Asked) -> str:
        """The bucket that a request is about; of one to the token service, that whose keys it is signed with."""
        if asked.signed is not None and asked.of_tokens:
            key = asked.signed.access_key
            return next((name for name, bucket in self._buckets.items() if key in {**bucket.keys, **(bucket.known or {})}), "")
        return asked.path.split("/")[1]

    def _refusal(self, name: str, asked: Asked) -> tuple[int, str] | None:
        """Status and code for whom is not let in; None for everybody else."""
        if asked.signed is None:
            return 403, "AccessDenied"
        key = asked.signed.access_key
        secret = next((known[key] for bucket in self._buckets.values() if key in (known := _known(bucket))), None)
        if secret is None:
            return 403, "InvalidClientTokenId" if asked.of_tokens else "InvalidAccessKeyId"
        if not asked.fits(secret):
            return 403, "SignatureDoesNotMatch"
        if asked.action == "sts:GetCallerIdentity":
            return None
        bucket = self._buckets.get(name)
        if bucket is None or bucket.deleted:
            return 404, "NoSuchBucket"
        granted = bucket.allowed is None or asked.action in bucket.allowed
        return None if key in _known(bucket) and granted else (403, "AccessDenied")


def _known(bucket: Bucket) -> dict[str, str]:
    return bucket.keys if bucket.known is None else bucket.known


def _suffered(environ: Environ, trouble: Trouble, start: Any) -> list[bytes] | None:
    """Wait, hang, cut or refuse as the trouble says; None when there is an answer all the same."""
    if trouble.delay:
        FORGET.wait(trouble.delay)
    if trouble.hang:
        FORGET.wait()
    if trouble.reset:
        _cut(environ)
    if trouble.status is None:
        return None
    headers = [] if trouble.retry_after is None else [("Retry-After", str(trouble.retry_after))]
    return _refuse(environ, start, trouble.status, trouble.message or CODES.get(trouble.status, "Trouble"), headers)


def _headers(environ: Environ) -> dict[str, str]:
    """The headers of a request, names in lower case."""
    found = {name[5:].lower().replace("_", "-"): str(value) for name, value in environ.items() if name.startswith("HTTP_")}
    return found | {"content-type": environ.get("CONTENT_TYPE", "")}


def _refuse(environ: Environ, start: Any, status: int, code: str, headers: Iterable[tuple[str, str]] = ()) -> list[bytes]:
    error = f"<Error><Code>{escape(code)}</Code><Message>{escape(code)}</Message></Error>"
    if "/sts/aws4_request" in environ.get("HTTP_AUTHORIZATION", ""):
        error = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{error}'
    start(f"{status} Refused", [("Content-Type", "application/xml"), *headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [text.encode()]


def _cut(environ: Environ) -> NoReturn:
    """Close the connection with a TCP reset. Raises what the server takes for a client that has gone: it says nothing more."""
    environ["werkzeug.socket"].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionAbortedError


def _badly(environ: Environ, body: Iterable[bytes], trouble: Trouble) -> Iterator[bytes]:
    """A good answer, slowly, or half of it."""
    whole = b"".join(body)
    step = 1 if trouble.drip else 2**16
    for start in range(0, len(whole), step):
        yield whole[start : start + step]
        if trouble.drip:
            FORGET.wait(trouble.drip)
        if trouble.torn and start >= len(whole) // 2:
            _cut(environ)
