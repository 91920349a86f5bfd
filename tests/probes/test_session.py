"""requests over our own connections: nothing of the environment, one origin, reads only, bounded answers."""

import json

import pytest
import requests

from fixtures.web.net import NoAnswer
from fixtures.web.session import session
from muster.connections import Http
from tests.probes.web_servers import answer, answering, json_answer


def http(url: str, **more: str) -> Http:
    return Http.model_validate({"url": url, **more})


def test_a_question_carries_its_parameters_and_the_connections_credentials(monkeypatch) -> None:
    monkeypatch.setenv("CANARY", "s3cret-token")
    with answering(json_answer(json.dumps({"a": [1]}))) as server:
        found = session(http(server.url, bearer="env:CANARY")).get(f"{server.url}/query", params={"q": "a b+c"})

    assert (found.status_code, found.json(), found.headers["Content-Type"]) == (200, {"a": [1]}, "application/json")
    assert server.requests[0].startswith("GET /query?q=a+b%2Bc HTTP/1.1")
    assert "Authorization: Bearer s3cret-token" in server.requests[0]


def test_proxies_and_password_files_of_the_environment_take_no_part(monkeypatch, tmp_path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with answering(json_answer("{}")) as server:
        assert session(http(server.url)).get(server.url).status_code == 200

    assert "Authorization" not in server.requests[0]


def test_a_redirect_is_an_answer_and_cookies_are_not_kept() -> None:
    moved = answer("302 x", b"", "Location: http://127.0.0.1:1/", "Set-Cookie: a=canary")
    with answering(moved) as server:
        asking = session(http(server.url))
        assert [asking.get(server.url, allow_redirects=False).status_code for _ in range(2)] == [302, 302]

    assert "canary" not in "".join(server.requests)


def test_another_origin_has_no_way_out_of_a_session() -> None:
    with answering(json_answer("{}")) as server, pytest.raises(requests.exceptions.InvalidSchema):
        session(http("http://127.0.0.1:1")).get(server.url)

    assert server.requests == []


def test_a_longer_answer_than_allowed_is_none() -> None:
    with answering(answer(body=b"x" * 1001)) as server, pytest.raises(NoAnswer, match="longer than 1000B"):
        session(http(server.url), largest=1000).get(server.url)
