"""Whom an environment's file may make us talk to: what stands in it is judged before a socket opens."""

from pathlib import Path

import pytest

from muster import fence
from muster.environment import load_environment
from muster.probes import CouldNotLook
from muster.yamlfile import ConfigError

METADATA = [
    "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "0xA9.254.0xa9.254", "169.254.43518",
    "::ffff:169.254.169.254", "[::ffff:a9fe:a9fe]", "::169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::",
    "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16",
]  # fmt: skip


@pytest.mark.parametrize("host", METADATA)
def test_no_spelling_of_a_metadata_address_is_talked_to(host: str) -> None:
    assert "metadata" in fence.refusal(host, ())
    assert "metadata" in fence.refusal(host, ("0.0.0.0/0", "::/0"))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "8.8.8.8", "api.example", "169.253.1.1", "1.2.3"])
def test_without_reach_anything_else_is(host: str) -> None:
    assert fence.refusal(host, ()) == ""


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("db.internal", True), ("DB.Internal.", True), ("a.b.internal", True), ("internal", False), ("evilinternal", False),
        ("db.internal.evil.example", False), ("10.0.0.7", True), ("167772167", True), ("::ffff:10.0.0.7", True), ("11.0.0.1", False),
        ("api.example", True), ("www.api.example", False),
    ],
)  # fmt: skip
def test_reach_lists_hosts_domains_and_networks(host: str, allowed: bool) -> None:
    rules = ("*.internal", "api.example", "10.0.0.0/8")

    address = fence.literal(host)
    assert (fence._why(address, host, rules) == "" if address else fence._named(host, rules)) is allowed


def test_a_name_that_no_rule_names_is_left_to_resolution_where_a_network_may_hold_it() -> None:
    assert fence.refusal("db.example", ("10.0.0.0/8",)) == ""
    assert fence.refusal("db.example", ("*.internal",)) == "outside what `reach` allows"


def test_what_a_name_turns_out_to_be_is_judged() -> None:
    fence.enter(("10.0.0.0/8",))
    try:
        fence.check("db.example", ["10.0.0.1", "::ffff:10.0.0.2"])
        with pytest.raises(CouldNotLook, match=r"db.example is 11.0.0.1, outside what `reach` allows"):
            fence.check("db.example", ["10.0.0.1", "11.0.0.1"])
        with pytest.raises(CouldNotLook, match="never talked to"):
            fence.check("metadata.google.internal", ["169.254.169.254"])
    finally:
        fence.enter(())


FILE = """
system: shop
owner: team-shop
{more}
connections:
  api: {{http: {{url: {url}}}}}
  database: {{postgresql: {{host: {host}, dbname: app, user: muster}}}}
endpoints:
  - {{name: health, url: "${{api}}/health"}}
  - {{name: other, url: "{literal}"}}
logins:
  - {{name: app, connection: database}}
"""


def problems(tmp_path: Path, **parts: str) -> list[str]:
    folder = tmp_path / "shop"
    folder.mkdir()
    told = {"more": "", "url": "https://api.internal", "host": "db.internal", "literal": "https://www.internal/", **parts}
    (folder / "production.yaml").write_text(FILE.format(**told))
    try:
        load_environment(folder, "production", Path("shop"))
    except ConfigError as error:
        return [str(each) for each in error.problems]
    return []


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"url": "http://169.254.169.254/latest"}, "connections.api.http.url"),
        ({"url": "http://0xa9fea9fe"}, "connections.api.http.url"),
        ({"host": '"2852039166"'}, "connections.database.postgresql.host"),
        ({"literal": "http://[::ffff:169.254.169.254]/"}, "endpoints[other].url"),
        ({"more": 'reach: ["*.internal"]', "literal": "https://www.example/"}, "endpoints[other].url"),
        ({"more": 'reach: ["*.internal"]', "host": "10.0.0.1"}, "connections.database.postgresql.host"),
        ({"more": 'reach: ["*"]'}, "reach"),
        ({"more": "reach: [a b]"}, "reach"),
    ],
)
def test_a_file_that_leads_outside_is_an_error_with_its_place(tmp_path: Path, parts: dict[str, str], place: str) -> None:
    found = problems(tmp_path, **parts)

    assert len(found) == 1
    assert found[0].startswith("shop/production.yaml:")
    assert place in found[0]


def test_a_file_within_its_reach_is_none(tmp_path: Path) -> None:
    assert problems(tmp_path, more='reach: ["*.internal", 10.0.0.0/8]', literal="https://www.example/") == []
