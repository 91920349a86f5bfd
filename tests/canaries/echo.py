"""A server that tells everybody's credentials: an endpoint, a Kubernetes API and a Prometheus that know no discretion."""

import base64
import json
import re
import socket
import ssl
import time
from contextlib import AbstractContextManager
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from tests.canaries.canary import shapes
from tests.hostile import secured
from tests.probes.web_servers import Listening, answer, answering, head, json_answer, serving

ENVIRONMENT = {
    "system": "canaries",
    "owner": "team-canaries",
    "samples": {"log_lines": 3, "values": True, "events": True},  # what may be shown, shows secrets where nobody scrubs them
    "workloads": [{"name": "web", "connection": "cluster", "selector": "app=web", "namespace": "shop", "expect": {"ready": 3}}],
    "logs": [
        {"name": "errors", "connection": "cluster", "selector": "app=web", "namespace": "shop", "window": "1h", "level": "ERROR",
         "expect": {"records": {"at_most": 0}, "alike": {"at_most": 0}}}
    ],
    "endpoints": [
        {"name": "echo", "url": "${api}/echo", "headers": {"X-Api-Key": "env:CANARY_HEADER"},
         "expect": {"status": 200, "headers": {"x-echo": "fine"}, "json": {"status": "healthy"}, "content_type": "text/csv"}},
        {"name": "holds", "url": "${api}/echo", "expect": {"status": 200}},
        {"name": "redirect", "url": "${basic}/redirect", "follow_redirects": False,
         "expect": {"status": 200, "headers": {"location": "no"}}},
        {"name": "nonsense", "url": "${basic}/nonsense", "expect": {"status": 200}},
        {"name": "hangs", "url": "${api}/hang", "timeout": "2s", "expect": {"status": 200}},
    ],
    "bucket_backups": [{"name": "dump", "connection": "bucket", "prefix": "pg/", "name_matches": "*.gz"}],
    "buckets": [{"name": "place", "connection": "bucket"}],
    "readings": [
        {"name": "refused", "connection": "metrics", "promql": "up", "expect": {"at_most": 0}},
        {"name": "page", "connection": "metrics-basic", "promql": "up", "expect": {"at_most": 0}},
        {"name": "document", "json": {"url": "${api}/echo", "path": "status"}, "expect": {"equals": "healthy"}},
        {"name": "no-number", "json": {"url": "${api}/echo", "path": "status"}, "expect": {"at_most": 1}},
        {"name": "row", "connection": "database", "sql": "select word from public.leak", "expect": {"equals": "fine"}},
        {"name": "error", "connection": "database", "sql": "select (select word from public.leak)::regclass::text",
         "expect": {"equals": "fine"}},
    ],
}  # fmt: skip
"""What is declared: each entity makes another part of the server speak."""


def echo(secrets: "list[str]") -> AbstractContextManager[Listening]:
    """The server; `secrets` are told in log lines too, where no request brings them."""
    return answering(lambda head: _answer(head, secrets))


def bucket(context: ssl.SSLContext) -> AbstractContextManager[Listening]:
    """A server of buckets that refuses everything and says who asked, over TLS."""

    def speak(_: Listening, connection: socket.socket) -> None:
        asked = head(connection)
        brought = re.findall(r"(?im)^x-amz-security-token: (.*?)\r$", asked) + re.findall(r"Credential=([^/]+)/", asked)
        told = escape(" | ".join(brought))
        text = f"<Error><Code>Refused</Code><Message>{told}</Message><Resource>{told}</Resource></Error>"
        connection.sendall(answer("400 Bad Request", text.encode(), "Content-Type: application/xml"))

    return serving(secured(context, speak))


def _credentials(head: str) -> str:
    """What a request brought, in every shape."""
    found = re.findall(r"(?im)^(?:authorization: bearer|x-api-key:) (.*?)\r$", head)
    for code in re.findall(r"(?im)^authorization: basic (\S+)", head):
        found += [code, base64.b64decode(code).decode().partition(":")[2]]
    return " | ".join(shape for each in found for shape in shapes(each).values())


def _answer(head: str, secrets: "list[str]") -> bytes:
    path, told = unquote(head.split(" ")[1]), _credentials(head)
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": told, "message": f"{told} is not welcome", "code": 500}
    document = json.dumps({"status": told, told: {told: 1}}).encode()
    page = f"<html>{told}</html>".encode()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    lines = "".join(f"{now} ERROR {each}\n" for each in [*secrets, told]).encode()
    pods = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [_pod(told)]})
    refused = json.dumps({"status": "error", "errorType": "bad_data", "error": told})
    answers = {
        r"/echo": answer("200 OK", document, "Content-Type: application/json", f"X-Echo: {quote(told)}"),
        r"/redirect": answer("302 Found", page, f"Location: http://127.0.0.1:9/{quote(told)}?token={quote(told)}"),
        r"/nonsense": f"{told.replace(chr(10), ' ')} is not HTTP\r\n\r\n".encode(),
        r"/hang": b"",
        r"/metrics/api": json_answer(refused, "400 Bad Request"),
        r"/api/v1/query": answer("503 Unavailable", page, "Content-Type: text/html"),
        r".*/log\b": answer("200 OK", lines, "Content-Type: text/plain"),
        r"[^?]*/pods(\?|$)": json_answer(pods),
        r"": json_answer(json.dumps(status), "500 Internal Server Error"),
    }
    return next(said for pattern, said in answers.items() if re.match(pattern, path))


def _pod(told: str) -> "dict[str, object]":
    started = {"running": {"startedAt": "2026-11-20T10:00:00Z"}}
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": told, "finishedAt": "2026-11-20T09:59:00Z"}}
    container = {"name": "web", "ready": False, "restartCount": 9, "state": started, "lastState": ended, "image": "web:1", "imageID": told}
    conditions = [{"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": told}]
    return {
        "metadata": {"name": f"web-{told}", "namespace": "shop", "uid": "u1", "labels": {"app": "web"},
                     "creationTimestamp": "2026-11-20T09:00:00Z"},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        "status": {"phase": "Running", "startTime": "2026-11-20T10:00:00Z", "conditions": conditions, "containerStatuses": [container]},
    }  # fmt: skip
