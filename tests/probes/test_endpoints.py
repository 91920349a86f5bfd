"""The probes of endpoints: what they keep of an answer, and what no answer means."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from fixtures.web.endpoints import AnonymousPage, Page
from muster.connections import Reach
from muster.kinds.base import bind
from muster.kinds.web import Endpoint
from muster.probes import PROBES, CouldNotLook, Nothing, begin
from muster.samples import NONE, Samples, enter
from tests.probes.web_servers import Listening, answer, answering, closed_port, hanging, json_answer

HTML = answer("200 OK", b"<!DOCTYPE html><html><body>Something went wrong</body></html>", "Content-Type: text/html")


pytestmark = pytest.mark.usefixtures("unhurried")


def endpoint(url: str, expect: dict[str, Any], **settings: Any) -> Endpoint:
    reach = {"url": url, **settings.pop("reach", {})}
    made = Endpoint.model_validate({"name": "health", "url": "${api}/health", "expect": expect, **settings})
    bound = bind(made, "system/environment", {"api": Reach.model_validate({"http": reach}).connection})
    assert isinstance(bound, Endpoint)
    return bound


def look(server: Listening | str, expect: dict[str, Any], **settings: Any) -> Any:
    url = server if isinstance(server, str) else server.url
    return PROBES["page"].function(endpoint(url, expect, **settings))


def page(data: bytes, expect: dict[str, Any], **settings: Any) -> Page:
    with answering(data) as server:
        got = look(server, expect, **settings)
    assert isinstance(got, Page)
    return got


def limit(expect: dict[str, Any], expectation: str) -> Any:
    return endpoint("http://x", expect).limits(expectation)[0]


HEALTHY = {"json": {"status": "healthy", "checks[0].ok": True, "length(checks)": {"at_least": 1}, "days": {"at_least": 365}}}


def test_a_healthy_answer_is_in_every_limit() -> None:
    got = page(json_answer('{"status": "healthy", "checks": [{"ok": true}], "days": 365, "password": "canary"}'), HEALTHY)

    assert got.status in limit({}, "status")
    assert got.json in limit(HEALTHY, "json_")
    assert "canary" not in repr(got)


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ('{"status": "degraded", "checks": [{"ok": true}], "days": 365}', ""),
        ('{"status": "healthy", "checks": [{"ok": 1}], "days": 365}', ""),
        ('{"status": "healthy", "checks": [], "days": 365}', "checks has no entry 0"),
        ('{"status": "healthy", "checks": [{"ok": true}], "days": 7}', ""),
        ('{"status": "healthy", "checks": [{"ok": true}], "days": "365"}', ""),
        ('{"status": "healthy", "checks": [{"ok": true}], "days": true}', ""),
        ('{"checks": [{"ok": true}], "days": 365}', "the document has no status"),
        ("[]", "the document has no status"),
        ('"healthy"', "the document has no status"),
        ("<html>healthy</html>", "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_an_answer_that_is_not_as_expected_is_outside_and_says_why(body: str, note: str) -> None:
    got = page(json_answer(body), HEALTHY)

    assert got.json not in limit(HEALTHY, "json_")
    assert note in got.note


def test_a_document_that_is_nested_beyond_reason_is_not_read() -> None:
    with pytest.raises(CouldNotLook, match="nested too deeply"):
        page(json_answer("[" * 50_000), HEALTHY)


def test_an_error_page_with_status_200_is_not_json() -> None:
    got = page(HTML, HEALTHY)

    assert got.status == 200
    assert got.json not in limit(HEALTHY, "json_")
    assert "text/html" in got.note


def test_503_with_json_is_an_observation() -> None:
    got = page(json_answer('{"status": "healthy"}', "503 Service Unavailable"), {})

    assert got.status == 503
    assert got.status not in limit({}, "status")


@pytest.mark.parametrize(("shows", "told"), [(False, "an object of 1 keys, withheld"), (True, '{"name": "Jane"}')])
def test_of_a_whole_document_the_texts_are_shown_only_where_that_is_allowed(shows: bool, told: str) -> None:
    expect = {"json": {"user": "nobody", "user.name": "Jane"}}
    enter(Samples(values=shows))
    got = page(json_answer('{"user": {"name": "Jane"}}'), expect)
    enter(NONE)
    assert got.json == {"user": told, "user.name": "Jane"}


def test_only_expected_headers_are_kept() -> None:
    expect = {"headers": {"Cache-Control": "no-store", "X-Version": {"matches": "^v2"}}}
    got = page(answer("200 OK", b"", "cache-control: no-store", "X-VERSION: v2.1", "Set-Cookie: session=canary"), expect)

    assert got.headers in limit(expect, "headers")
    assert "canary" not in repr(got)


def test_a_missing_header_is_outside_and_named() -> None:
    expect = {"headers": {"Strict-Transport-Security": {"contains": "max-age"}}}
    got = page(answer(), expect)

    assert got.headers not in limit(expect, "headers")
    assert got.note == "no header strict-transport-security"


@pytest.mark.parametrize(
    ("body", "holds"),
    [(b"We are back soon", True), (b"We are BACK soon", False), (b"We are back soon: fatal error", False), (b"soon", False)],
)
def test_texts_are_looked_for_in_the_body(body: bytes, holds: bool) -> None:
    expect = {"body": {"contains": "back", "matches": "soon$|soon:", "lacks": "fatal error"}}

    assert (page(answer(body=body), expect).body in limit(expect, "body")) is holds


def csv_page(body: bytes, kind: str = "text/csv; charset=utf-8", **settings: Any) -> Page:
    return page(answer("200 OK", body, f"Content-Type: {kind}"), {"rows_at_least": 1}, **settings)


def test_rows_of_a_csv_are_counted_below_its_header() -> None:
    assert csv_page(b'time,actor,event\n1,"a, b",login\n2,c,"two\nlines"\n').rows == 2


@pytest.mark.parametrize(
    ("body", "kind", "note"),
    [
        (b"time,actor\n", "text/csv", ""),
        (b"", "text/csv", "no header row"),
        (b"<html><body>error</body></html>\n<p>\n", "text/csv", "no header row"),
        (b"time,actor\n1,a\n2\n", "text/csv", "row 3 has 1 columns, the header 2"),
        (b"time,actor\n1,a\n", "text/html", "content type is text/html"),
        (b'time,actor\n"1,a\n', "text/csv", "not a CSV"),
    ],
)
def test_what_is_no_csv_has_no_rows(body: bytes, kind: str, note: str) -> None:
    got = csv_page(body, kind)

    assert got.rows == 0
    assert note in got.note


def test_of_a_long_export_the_rows_that_were_read_count() -> None:
    got = csv_page(b"time,actor\n" + b"1,somebody\n" * 10_000, body_limit="1kB")

    assert 1 <= got.rows < 10_000


def test_a_body_too_long_to_judge_is_unknown() -> None:
    with answering(json_answer('{"status": "' + "x" * 5000 + '"}')) as server, pytest.raises(CouldNotLook, match="longer than 1000B"):
        look(server, {"json": {"status": "healthy"}}, body_limit="1000B")


def test_no_answer_is_an_observation_about_the_endpoint() -> None:
    port = closed_port()

    got = look(f"http://127.0.0.1:{port}", {})

    assert isinstance(got, Nothing)
    assert got.note == f"no answer: 127.0.0.1:{port}: connection refused"


def test_silence_is_unknown_where_nobody_promised_to_be_quick() -> None:
    begin(1.0)
    with hanging() as server, pytest.raises(CouldNotLook, match="no complete answer within") as raised:
        look(server, {})

    assert raised.value.cause == f"http 127.0.0.1:{server.port}"


def test_silence_breaks_the_promise_to_be_quick() -> None:
    begin(1.0)
    with hanging() as server:
        got = look(server, {"faster_than": "1s"})

    assert isinstance(got, Nothing)
    assert "no complete answer within" in got.note


def test_a_missing_variable_is_unknown() -> None:
    with pytest.raises(CouldNotLook, match="NOT_SET_ANYWHERE"):
        look("env:NOT_SET_ANYWHERE", {})


def test_a_redirect_is_seen_without_its_query() -> None:
    with answering(lambda asked: answer() if "/login" in asked else answer("302 Found", b"", "Location: /login?next=canary")) as server:
        got = look(server, {"redirects_to": "https://x/"})

    assert got.redirect == f"{server.url}/login"
    assert "canary" not in repr(got)
    assert "302" in got.note


def test_an_anonymous_caller_brings_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "canary")
    guarded = {"reach": {"bearer": "env:API_TOKEN"}, "headers": {"X-Api-Key": "env:API_TOKEN"}}
    with answering(lambda asked: answer() if "canary" in asked else answer("401 Unauthorized")) as server:
        known = look(server, {}, **guarded)
        anonymous = PROBES["anonymous_page"].function(endpoint(server.url, {}, **guarded))

    assert known.status == 200
    assert anonymous == AnonymousPage(looked_at=1, of="answers", seen=anonymous.seen, status=401)


def test_an_anonymous_caller_who_is_let_in_is_noted() -> None:
    with answering(answer(body=b"all of it")) as server:
        got = PROBES["anonymous_page"].function(endpoint(server.url, {}))

    assert got.status == 200
    assert "without credentials it answers 200 and 9 bytes" in got.note


def test_a_saved_page_is_the_same_when_it_is_read_again() -> None:
    expect = HEALTHY | {"body": "healthy", "headers": {"Content-Type": {"contains": "json"}}}
    got = page(json_answer('{"status": "healthy", "checks": [{"ok": true}], "days": 365.5}'), expect)
    saved = TypeAdapter(Page)

    assert saved.validate_json(saved.dump_json(got), context="saved") == got
