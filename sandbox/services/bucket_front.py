"""What stands before moto: records, misbehaves as the world says, lets in whom the world knows, and answers as the real S3 does."""

import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from typing import Any
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


class Front:
    """One server with all buckets of a world. A WSGI application."""

    def __init__(self, epoch: float) -> None:
        """`epoch`: the world's now, in Unix seconds."""
        self._epoch = epoch
        self._stored = Stored()
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
        target = environ.get("RAW_URI") or environ["REQUEST_URI"]
        signed = signatures.read(environ.get("HTTP_AUTHORIZATION", ""))
        name = self._named(environ, signed)
        entry = {
            "server": "buckets", "time": time.time(), "method": environ["REQUEST_METHOD"], "path": environ["PATH_INFO"],
            "query": environ["QUERY_STRING"], "agent": environ.get("HTTP_USER_AGENT", ""), "action": _action(environ, signed),
            "status": None, "mutating": environ["REQUEST_METHOD"] not in ("GET", "HEAD"),
        }  # fmt: skip
        self.requests.append(entry)

        def noted(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            entry["status"] = int(status.partition(" ")[0])
            bucket = self._buckets.get(name)
            if bucket is not None and bucket.clock_skew:
                headers.append(("Date", formatdate(time.time() + bucket.clock_skew, usegmt=True)))
            return start(status, headers, *rest)

        trouble = self._troubles[name].meet(environ["PATH_INFO"]) if name in self._troubles else None
        if trouble is not None:
            FORGET.wait(trouble.delay) if trouble.delay else None
            if trouble.hang:
                FORGET.wait()
            if trouble.reset:
                _cut(environ)
                return []
            if trouble.status is not None:
                headers = [] if trouble.retry_after is None else [("Retry-After", str(trouble.retry_after))]
                return _refuse(environ, noted, trouble.status, trouble.message or CODES.get(trouble.status, "Trouble"), headers)
        refused = self._refusal(name, signed, environ, target, str(entry["action"]))
        if refused:
            return _refuse(environ, noted, *refused)
        body = self._stored.answer(environ, noted, self._buckets[name])
        return body if trouble is None else _badly(environ, body, trouble)

    def _named(self, environ: Environ, signed: signatures.Signed | None) -> str:
        """The bucket that a request is about; of one to the token service, that whose keys it is signed with."""
        if signed is not None and signed.scope[2] == "sts":
            mine = (name for name, bucket in self._buckets.items() if signed.access_key in {**bucket.keys, **(bucket.known or {})})
            return next(mine, "")
        return str(environ["PATH_INFO"]).split("/")[1]

    def _refusal(self, name: str, signed: signatures.Signed | None, environ: Environ, target: str, action: str) -> tuple[int, str] | None:
        bucket = self._buckets.get(name)
        if signed is None:
            return 403, "AccessDenied"
        known = {
            key: secret for each in self._buckets.values() for key, secret in (each.keys if each.known is None else each.known).items()
        }
        secret = known.get(signed.access_key)
        if secret is None:
            return 403, "InvalidClientTokenId" if signed.scope[2] == "sts" else "InvalidAccessKeyId"
        if not signatures.fits(signed, secret, environ["REQUEST_METHOD"], target, _headers(environ)):
            return 403, "SignatureDoesNotMatch"
        if action == "sts:GetCallerIdentity":
            return None
        if bucket is None or bucket.deleted:
            return 404, "NoSuchBucket"
        if signed.access_key not in (bucket.keys if bucket.known is None else bucket.known):
            return 403, "AccessDenied"
        if bucket.allowed is not None and action not in bucket.allowed:
            return 403, "AccessDenied"
        return None


def _action(environ: Environ, signed: signatures.Signed | None) -> str:
    """What the request is called in a policy."""
    method, query = environ["REQUEST_METHOD"], environ["QUERY_STRING"]
    if signed is not None and signed.scope[2] == "sts":
        return f"sts:{(re.search('Action=([A-Za-z]+)', query) or ['', '?'])[1]}"
    if environ["PATH_INFO"].count("/") > 1 and not environ["PATH_INFO"].endswith("/"):
        return "s3:GetObjectVersion" if "versionId=" in query else "s3:GetObject"
    return ACTIONS.get((method, re.split("[=&]", query)[0]), f"unknown: {method} {query}")


def _headers(environ: Environ) -> dict[str, str]:
    """The headers of a request, names in lower case."""
    found = {name[5:].lower().replace("_", "-"): str(value) for name, value in environ.items() if name.startswith("HTTP_")}
    return found | {"content-type": environ.get("CONTENT_TYPE", "")}


def _refuse(environ: Environ, start: Any, status: int, code: str, headers: Iterable[tuple[str, str]] = ()) -> list[bytes]:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape(code)}</Code><Message>{escape(code)}</Message></Error>'
    start(f"{status} Refused", [("Content-Type", "application/xml"), *headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [text.encode()]


def _cut(environ: Environ) -> None:
    """Close the connection with a TCP reset."""
    connection = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _badly(environ: Environ, body: Iterable[bytes], trouble: Trouble) -> Iterator[bytes]:
    """A good answer, slowly, or half of it."""
    whole = b"".join(body)
    step = 1 if trouble.drip else 2**16
    for start in range(0, len(whole), step):
        yield whole[start : start + step]
        FORGET.wait(trouble.drip) if trouble.drip else None
        if trouble.torn and start >= len(whole) // 2:
            _cut(environ)
            return
