"""What environment files may say about endpoints and certificates."""

from typing import Any

import pytest
from pydantic import ValidationError

from fixtures.web.json_paths import NotThere, at
from muster.connections import Connection, Reach
from muster.interpolation import filled, names
from muster.kinds.base import bind
from muster.kinds.web import Endpoint, ServedCertificate
from muster.probes import CouldNotLook


def endpoint(url: str = "${api}/health", **values: Any) -> Endpoint:
    return Endpoint.model_validate({"name": "health", "url": url, **values})


def http(url: str) -> Connection:
    return Reach.model_validate({"http": {"url": url}}).connection


def bound(made: Any, **connections: Connection) -> Any:
    return bind(made, "system/environment", connections)


def test_a_name_is_filled_and_two_dollars_are_one() -> None:
    assert filled("${api}/a?x=$$1", lambda name: f"<{name}>") == "<api>/a?x=$1"


def test_the_names_of_a_template_are_known_before_it_is_filled() -> None:
    assert names("${api}/$$/${api}/${web}") == ("api", "web")


@pytest.mark.parametrize("text", ["$", "a$b", "${", "${a", "${}", "$$$"])
def test_a_lonely_dollar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a dollar is written"):
        names(text)


def test_a_connection_stands_for_its_address() -> None:
    made = bound(endpoint("${api}/health"), api=http("https://platform-service/"))

    assert made.address() == "https://platform-service/health"
    assert made.target() == "platform-service:443"
    assert made.named() == ("api",)


def test_a_whole_address_needs_no_connection() -> None:
    made = bound(endpoint("https://wiki/platform"))

    assert (made.named(), made.address(), made.target()) == ((), "https://wiki/platform", "wiki:443")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("health", "begins with"), ("ftp://x/", "begins with"), ("https://u:p@x/", "credentials"), ("https://x/?token=abc", "credentials"),
        ("${api}/?api_key=abc", "credentials"), ("https://x/${api}", "at the start"), ("${api}${web}", "at the start"),
        ("${api}.evil.example/", "goes on with"),
        ("${api}/$", "a dollar is written"), ("", "at least 1 character"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_meant_is_refused(url: str, rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        endpoint(url)


@pytest.mark.parametrize("method", ["POST", "DELETE", "get"])
def test_only_reading_methods_exist(method: str) -> None:
    with pytest.raises(ValidationError):
        endpoint(method=method)


def test_a_header_that_looks_like_a_credential_is_a_reference() -> None:
    assert endpoint(headers={"X-Api-Key": "env:KEY", "Accept": "text/csv"}).headers["Accept"] == "text/csv"
    with pytest.raises(ValidationError, match="env:NAME"):
        endpoint(headers={"Authorization": "Bearer abc"})


@pytest.mark.parametrize("expect", [{"json": {"a": 1}}, {"body": "x"}, {"rows_at_least": 1}])
def test_head_brings_no_body_to_expect_anything_of(expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="HEAD brings no body"):
        endpoint(method="HEAD", expect=expect)


def test_a_promise_to_be_quick_lies_within_the_deadline() -> None:
    endpoint(expect={"faster_than": "9s"})
    endpoint(expect={"faster_than": "20s"}, timeout="30s")
    with pytest.raises(ValidationError, match="the look ends after 10s: give a timeout of at least 11"):
        endpoint(expect={"faster_than": "10s"})


def test_an_endpoint_is_expected_to_answer_and_to_be_trusted() -> None:
    made = bound(endpoint(), api=http("https://platform-service"))

    assert made.limits("status") == ((200,),)
    assert [str(limit) for limit in made.limits("certificate_valid_for")] == ["30d"]
    assert made.limits("certificate_trusted") == ("verified",)


@pytest.mark.parametrize("made", [lambda: bound(endpoint(), api=http("http://kibana")), lambda: bound(endpoint("http://kibana/"))])
def test_plain_http_that_is_written_down_has_no_certificate(made: Any) -> None:
    assert made().limits("certificate_valid_for") == made().limits("certificate_trusted") == ()


def test_plain_http_keeps_a_certificate_that_is_asked_for() -> None:
    made = bound(endpoint("http://kibana/", expect={"certificate_valid_for": "7d"}))

    assert [str(limit) for limit in made.limits("certificate_valid_for")] == ["7d"]


def test_an_address_from_a_variable_is_expected_to_be_protected() -> None:
    assert bound(endpoint(), api=http("env:API_URL")).limits("certificate_trusted") == ("verified",)


def test_a_default_is_switched_off_with_a_reason() -> None:
    made = bound(endpoint(expect={"certificate_valid_for": {"off": "terminated at the load balancer"}}), api=http("https://x"))

    assert made.limits("certificate_valid_for") == ()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (200, "200"),
        ([200, 204], "200 or 204"),
        ({"limit": 503, "severity": "P0"}, "503"),
        ({"limit": [401, 403], "on": "gate"}, "401 or 403"),
    ],
)
def test_a_status_is_written_in_four_ways(written: Any, shown: str) -> None:
    assert [str(limit) for limit in endpoint(expect={"status": written}).limits("status")] == [shown]


@pytest.mark.parametrize("written", [20, 2000, "200", True, [], {"limit": []}, "ok"])
def test_a_status_that_is_none_is_refused(written: Any) -> None:
    with pytest.raises(ValidationError):
        endpoint(expect={"status": written})


def test_json_values_are_written_bare_or_with_a_severity() -> None:
    bare = endpoint(expect={"json": {"status": "healthy"}}).limits("json_")
    told = endpoint(expect={"json": {"limit": {"status": "healthy"}, "severity": "P0"}}).limits("json_")

    assert bare == told
    assert str(bare[0]) == "status: healthy"


@pytest.mark.parametrize("written", [{}, {"a": {}}, {"a": {"at_leest": 1}}, {"a": ["list"]}, {"a": {"matches": "("}}, {"a": None}])
def test_json_values_that_cannot_be_meant_are_refused(written: Any) -> None:
    with pytest.raises(ValidationError):
        endpoint(expect={"json": written})


def test_the_limits_of_values_are_shown_in_words() -> None:
    wishes = endpoint(expect={"json": {"days": {"at_least": 365}, "state": {"one_of": ["a", "b"]}}}).limits("json_")[0]

    assert str(wishes) == "days at least 365, state one of a, b"


@pytest.mark.parametrize("written", [{}, {"contains": []}, {"has": "x"}])
def test_a_body_without_a_text_is_refused(written: Any) -> None:
    with pytest.raises(ValidationError):
        endpoint(expect={"body": written})


def test_a_certificate_is_served_at_a_connection_or_at_a_host_and_port() -> None:
    ServedCertificate.model_validate({"name": "mail", "host": "mail", "port": 25, "starttls": "smtp"})
    ServedCertificate.model_validate({"name": "db", "connection": "database"})
    for wrong in ({}, {"host": "mail"}, {"port": 25}, {"connection": "x", "host": "y", "port": 1}, {"connection": "x", "port": 1}):
        with pytest.raises(ValidationError, match="connection, or host and port"):
            ServedCertificate.model_validate({"name": "mail", **wrong})


def test_a_port_from_a_variable_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ServedCertificate.model_validate({"name": "mail", "host": "mail", "port": "env:MAIL_PORT"})
    monkeypatch.setenv("MAIL_PORT", "25")
    assert made.target() == "mail:25"
    monkeypatch.setenv("MAIL_PORT", "smtp")
    with pytest.raises(CouldNotLook, match="not a port"):
        made.target()


def test_a_secret_is_compared_only_where_one_is_named() -> None:
    without = bound(ServedCertificate.model_validate({"name": "mail", "host": "mail", "port": 25}))
    made = bound(
        ServedCertificate.model_validate({"name": "m", "host": "m", "port": 25, "secret": {"connection": "cluster", "name": "tls-cert"}})
    )

    assert without.expect.unlike_secret is None
    assert made.expect.unlike_secret is not None
    assert made.also_named() == (("cluster", "kubernetes"),)


DOCUMENT = {"a": [{"b": 1}, {"b": None}], "x.y": {"z": "deep"}, "n": 0}


@pytest.mark.parametrize(
    ("path", "value"),
    [("a[0].b", 1), ("a.0.b", 1), ("a[1].b", None), ("length(a)", 2), ('["x.y"].z', "deep"), ("n", 0), ("", DOCUMENT), ("length(a[0])", 1)],
)
def test_a_path_leads_to_a_value(path: str, value: object) -> None:
    assert at(DOCUMENT, path) == value


@pytest.mark.parametrize(
    ("path", "reason"),
    [("a[2].b", "a has no entry 2"), ("a[0].c", r"a\[0\] has no c"), ("q", "the document has no q"), ("n.b", "n has no b"),
     ("length(n)", "n has no length"), ("a[x]", "not a path"), ("a..b", "not a path")],
)  # fmt: skip
def test_a_path_that_leads_nowhere_says_how_far_it_came(path: str, reason: str) -> None:
    with pytest.raises(NotThere, match=reason):
        at(DOCUMENT, path)
