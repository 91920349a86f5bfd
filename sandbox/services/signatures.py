"""Whether a request is signed with a key that is known: AWS Signature Version 4, as S3 and the token service take it."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote


@dataclass(frozen=True)
class Signed:
    """What the header of a signed request says."""

    access_key: str
    scope: tuple[str, str, str]
    """Day, region, service."""
    headers: tuple[str, ...]
    signature: str


def read(header: str) -> Signed | None:
    """What an Authorization header says; None when it is no signature of this kind."""
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})",
        header,
    )
    return Signed(found[1], (found[2], found[3], found[4]), tuple(found[5].split(";")), found[6]) if found else None


def fits(signed: Signed, secret: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the signature is the one that `secret` makes of this request; `target` is path and query as they were sent.

    S3 signs what its header says of the body, the token service the body itself.
    """
    path, _, query = target.partition("?")
    told = {name: " ".join(headers.get(name, "").split()) for name in signed.headers}
    lines = [method, path or "/", _sorted(query), *(f"{name}:{told[name]}" for name in signed.headers), "", ";".join(signed.headers)]
    lines.append(headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest())
    scope = "/".join((*signed.scope, "aws4_request"))
    whole = "\n".join(lines).encode()
    text = "\n".join(["AWS4-HMAC-SHA256", headers.get("x-amz-date", ""), scope, hashlib.sha256(whole).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (*signed.scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signed.signature)


def _sorted(query: str) -> str:
    pairs = [each.partition("=") for each in query.split("&") if each]
    again = [(quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(again))
