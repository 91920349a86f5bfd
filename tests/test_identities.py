"""Who we are behind a connection: an entity of each cluster and database that is looked through, without being written down."""

import json
from pathlib import Path
from typing import Any

import pytest

from muster.environment import Environment, load_environment
from muster.kinds.identities import OwnIdentity
from muster.yamlfile import ConfigError

CONNECTIONS = {
    "cluster": {"kubernetes": {"context": "prod", "namespace": "shop"}},
    "other": {"kubernetes": {"context": "other"}},
    "database": {"postgresql": {"host": "db", "dbname": "shop", "user": "muster"}},
    "application": {"postgresql": {"host": "db", "dbname": "shop", "user": "shop"}},
    "api": {"http": {"url": "https://shop"}},
}
WEB = {"name": "web", "connection": "cluster", "deployment": "web", "namespace": "front"}


def loaded(folder: Path, **sections: Any) -> Environment:
    """An environment with these sections."""
    file = folder / "shop" / "production.yaml"
    file.parent.mkdir()
    file.write_text(json.dumps({"system": "shop", "owner": "team-shop", "connections": CONNECTIONS, **sections}))
    return load_environment(file.parent, "production", Path("shop"))


def identities(environment: Environment) -> dict[str, OwnIdentity]:
    """Connection -> identity."""
    return {each.connection_name: each for each in environment.entities if isinstance(each, OwnIdentity)}


def test_each_cluster_and_database_that_is_looked_through_has_one(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, workloads=[WEB], databases=[{"name": "shop", "connection": "database"}], endpoints=[{"name": "health", "url": "${api}/"}]
    )

    assert set(identities(found)) == {"cluster", "database"}
    assert identities(found)["cluster"].asked_in == ("front", "default", "kube-system")
    assert {each.id for each in identities(found).values()} == {"cluster", "database"}
    mark = found.origin(identities(found)["cluster"])
    assert mark is not None
    assert found.origin(identities(found)["cluster"], "surplus_rights") is None


def test_a_login_that_is_judged_itself_has_none_and_a_claim_looks_through_its_cluster(tmp_path: Path) -> None:
    logins = [{"name": "shop", "connection": "application"}]
    volume = {"connection": "other", "claim": "data"}
    databases = [{"name": "shop", "connection": "database", "volume": volume, "expect": {"volume_used": "80%"}}]

    assert set(identities(loaded(tmp_path, logins=logins, databases=databases))) == {"other", "database"}


def test_one_login_for_both_is_judged(tmp_path: Path) -> None:
    found = loaded(tmp_path, logins=[{"name": "shop", "connection": "database"}], databases=[{"name": "shop", "connection": "database"}])

    assert set(identities(found)) == {"database"}


def test_what_is_written_down_replaces_what_is_implied(tmp_path: Path) -> None:
    own = {"name": "watcher", "connection": "cluster", "owner": "team-security", "namespaces": ["back"]}

    (found,) = identities(loaded(tmp_path, workloads=[WEB], identities=[own])).values()

    assert (found.id, found.owner) == ("watcher", "team-security")
    assert found.asked_in == ("back", "front", "default", "kube-system")


def test_one_that_is_absent_is_not_implied_again_and_is_counted(tmp_path: Path) -> None:
    found = loaded(tmp_path, workloads=[WEB], identities=[{"name": "cluster", "connection": "cluster", "absent": "an account of our own"}])

    assert identities(found) == {}
    assert [(each.entity, each.state) for each in found.switched] == [("cluster", "absent")]


def test_several_connections_have_one_each(tmp_path: Path) -> None:
    found = loaded(tmp_path, workloads=[{**WEB, "connection": ["cluster", "other"]}])

    assert set(identities(found)) == {"cluster", "other"}


def test_an_http_connection_has_no_identity(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a kubernetes or postgresql connection is needed"):
        loaded(tmp_path, workloads=[WEB], identities=[{"name": "api", "connection": "api"}])
