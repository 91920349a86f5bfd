"""Why a drill does not begin: seen against real servers, and nothing has been created then."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drill import fences
from muster.environment import load_environment
from muster.probes import CouldNotLook, begin
from muster.scratch import ScratchServer
from muster.verdicts import Verdict
from tests.drill.runs.harness import Drills, Ran, await_file
from tests.drill.runs.proxy import proxy

SPELLINGS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "::1",
    "0.0.0.0",
    "::",
    "::ffff:127.0.0.1",
    "2130706433",
    "0x7f.1",
    "127.1",
    "/run/postgresql",
]


def environment(folder: Path, name: str, **document: object) -> object:
    """An environment of a system of its own, written and loaded."""
    (folder / name).mkdir(parents=True)
    (folder / name / "production.yaml").write_text(json.dumps({"system": name, "owner": "team", **document}))
    return load_environment(folder / name, "production", folder / name)


def at(host: str, **more: object) -> dict[str, object]:
    return {"postgresql": {"host": host, "port": 6432, "dbname": "app", "user": "muster", **more}}


def scratch(host: str) -> ScratchServer:
    return ScratchServer.model_validate({"host": host, "port": 5432, "dbname": "drills", "user": "muster_drill"})


@pytest.fixture(autouse=True)
def _patient() -> None:
    begin(20.0)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("other", ["127.0.0.1", "localhost"])
def test_an_address_is_the_same_in_every_spelling_and_at_every_port(tmp_path: Path, spelling: str, other: str) -> None:
    one = environment(tmp_path, "one", connections={"database": at(other)})
    two = environment(tmp_path, "two", connections={"database": at(spelling)})
    (said,) = fences.named_alike(scratch(spelling), [one])
    assert said == f"the scratch server has the address of one/production's connection database ({other})"
    assert fences.named_alike(scratch(other), [two]) == [
        f"the scratch server has the address of two/production's connection database ({spelling})"
    ]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_another_address_of_this_machine_may_have_a_server_of_its_own(tmp_path: Path, spelling: str) -> None:
    one = environment(tmp_path, "one", connections={"database": at(spelling)})
    assert fences.named_alike(scratch("127.0.0.2"), [one]) == []


def test_a_name_is_the_same_also_where_it_does_not_resolve_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTION", "DB.localhost.")
    one = environment(
        tmp_path, "one", connections={"database": at("env:PRODUCTION"), "cache": at("env:NOT_SET"), "gone": at("no.such.invalid")}
    )
    monkeypatch.setattr(fences.net, "resolve", lambda host, _: [(0, (f"192.0.2.{len(host)}", 0))])  # a name with many addresses, one a time
    assert fences.named_alike(scratch("db.localhost"), [one]) == [
        "the scratch server has the address of one/production's connection database (DB.localhost.)"
    ]


def test_what_is_declared_to_be_somewhere_is_never_a_scratch_server_whatever_it_is(tmp_path: Path) -> None:
    document = {
        "connections": {
            "api": {"http": {"url": "http://192.0.2.1:8080"}},
            "cache": {"redis": {"host": "192.0.2.2", "user": "muster", "password": "env:P"}},
        },
        "endpoints": [{"name": "health", "url": "https://192.0.2.3/health", "expect": {"status": 200}}],
    }
    one = environment(tmp_path, "one", **document)
    said = [fences.named_alike(scratch(f"192.0.2.{number}"), [one]) for number in (1, 2, 3, 4)]
    assert [each[0].partition("'s ")[2] if each else "" for each in said] == [
        "connection api (192.0.2.1)", "connection cache (192.0.2.2)", "endpoints health (192.0.2.3)", "",
    ]  # fmt: skip


def test_an_alias_of_an_ssh_configuration_is_the_host_that_it_stands_for(tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("Host backups\n  HostName 192.0.2.7\n")
    ssh = {"ssh": {"host": "backups", "config": str(config)}}
    one = environment(tmp_path, "one", connections={"backup-host": ssh, "gone": {"ssh": {"host": "backups", "config": "env:NOT_SET"}}})

    assert fences.named_alike(scratch("192.0.2.7"), [one]) == [
        "the scratch server has the address of one/production's connection backup-host (192.0.2.7)"
    ]
    assert fences.named_alike(scratch("192.0.2.8"), [one]) == []


def test_a_scratch_server_without_an_address_is_no_refusal_but_unknown() -> None:
    with pytest.raises(CouldNotLook, match=r"no\.such\.invalid"):
        fences.named_alike(scratch("no.such.invalid"), [])


def refused(ran: Ran) -> str:
    """What a run said that did not begin."""
    assert ran.code == 4, ran.output
    assert ran.events() == []
    assert not (ran.reports / "drills.jsonl").exists()
    return " ".join(ran.output.split())


def test_the_production_server_behind_another_address_is_recognised_by_its_identifier(drills: Drills) -> None:
    with drills.production.connect() as admin, proxy("127.0.0.1", drills.production.port) as other:
        admin.execute("create role muster_drill superuser login password 'sandbox-muster-drill'")
        admin.execute("create database drills")
        try:
            ran = drills.run("proxied", TEST_PROXY_PORT=other.port)
        finally:
            admin.execute("drop database drills")
            admin.execute("drop role muster_drill")
    assert "plain: the scratch server is the server of connection database: both have the system identifier" in refused(ran).replace(
        "proxied:", "plain:"
    )


def test_the_production_server_under_another_name_is_not_even_logged_in_to(drills: Drills) -> None:
    assert "the scratch server has the address of shop/test's connection database (127.0.0.1)" in refused(drills.run("alias"))


def test_a_backup_that_needs_more_room_than_there_is_is_refused_and_the_estimate_told_first(drills: Drills) -> None:
    said = refused(drills.run("small"))
    estimate, refusal = said.index("restored (as large as live)"), said.index("the backup restores to about")
    assert estimate < refusal
    assert "and scratch small has room for 1MiB" in said[refusal:]


@contextmanager
def beside(drills: Drills, name: str, text: str) -> Iterator[None]:
    """Another system's environment, for a moment."""
    folder = drills.environments / name
    folder.mkdir()
    (folder / "production.yaml").write_text(text)
    try:
        yield
    finally:
        (folder / "production.yaml").unlink()
        folder.rmdir()


def test_an_environment_that_cannot_be_read_could_be_production(drills: Drills) -> None:
    with beside(drills, "blog", "system: blog\nowner: [\n"):
        said = refused(drills.run("plain"))
    assert "not every environment can be read, so nobody knows what is production" in said
    assert "production.yaml" in said


def test_what_another_system_declares_is_not_a_scratch_server_either(drills: Drills) -> None:
    mine = drills.admin("select system_identifier from pg_control_system()")[0][0]
    other = {"system": "blog", "owner": "team", "connections": {"main": at("db.blog.invalid", system_identifier=str(mine))}}
    with beside(drills, "blog", json.dumps(other)):
        assert f"the scratch server is declared as blog/production's connection main: system identifier {mine}" in refused(
            drills.run("plain")
        )
    other["connections"] = {"main": at("127.0.0.2")}
    with beside(drills, "blog", json.dumps(other)):
        assert "the scratch server has the address of blog/production's connection main (127.0.0.2)" in refused(drills.run("plain"))


def test_a_production_server_that_does_not_say_who_it_is_could_be_any(drills: Drills) -> None:
    with drills.production.connect("platform_db") as admin:
        rights = admin.execute("select proacl::text from pg_proc where proname = 'pg_control_system'").fetchone()
        admin.execute("revoke execute on function pg_control_system() from public, muster, pg_monitor")
        try:
            said = refused(drills.run("plain"))
        finally:
            admin.execute(
                "grant execute on function pg_control_system() to pg_monitor, muster" + (", public" if not rights or not rights[0] else "")
            )
    assert "nobody knows whether the scratch server is that of connection database, which does not say who it is: declare its" in said


def test_a_scratch_server_that_does_not_say_who_it_is_makes_all_unknown_and_nothing(drills: Drills) -> None:
    drills.admin(
        "create role muster_drill_small login createdb createrole password 'small'",
        "revoke execute on function pg_control_system() from public",
        dbname="drills",
    )
    drills.admin("alter role muster_drill nosuperuser", "revoke pg_monitor from muster_drill")
    try:
        ran = drills.run("plain")
    finally:
        drills.admin("alter role muster_drill superuser", "drop role muster_drill_small")
    assert set(ran.not_holding().values()) == {Verdict.UNKNOWN}
    assert len(ran.not_holding()) == len(ran.results)
    assert {event["phase"] for event in ran.events()} == {"find"}


def test_two_drills_at_once_on_one_server_one_drills_and_the_other_refuses(drills: Drills, tmp_path: Path) -> None:
    begun, goes_on = tmp_path / "begun", tmp_path / "goes-on"
    with drills.another() as second:
        out = drills.begin("plain", do=(("wait_at", "drill.progress:Progress.__call__", 5, str(begun), str(goes_on)),))
        await_file(begun)
        for name in ("plain", "other"):  # the other logs in to another database of the same server
            assert "another drill is under way on postgresql 127.0.0.2:" in refused(second.run(name))
        goes_on.touch()
        assert drills.end(out).code == 0


def test_two_drills_of_one_run_share_their_scratch_server(drills: Drills) -> None:
    ran = drills.run("plain", "asked")
    names = [event["name"] for event in ran.events() if event["phase"] == "create" and event["state"] == "ended"]
    assert len(set(names)) == 2, ran.output
