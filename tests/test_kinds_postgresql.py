"""What a file may say about databases and logins."""

import pytest
from pydantic import ValidationError

from muster.kinds.base import bind
from muster.kinds.postgresql import Database, Login
from muster.probes import CouldNotLook
from muster.units import Duration

VOLUME = {"connection": "cluster", "claim": "data-postgres-0"}


def made(**fields):
    return Database.model_validate({"name": "db", "connection": "database", **fields})


def test_a_database_without_a_word_has_expectations():
    expect = made().expect

    assert expect.connections[0].value == 0.8
    assert expect.idle_in_transaction[0].longer_than == Duration(300)
    assert expect.invalid_indexes[0].value == 0
    assert expect.replication_lag is None


def test_a_login_is_expected_to_succeed_quickly():
    expect = Login.model_validate({"name": "app", "connection": "database"}).expect

    assert expect.succeeds[0].value is True
    assert expect.faster_than[0].value == 1


def test_a_bare_number_is_how_many_may_last():
    (terms,) = made(expect={"long_queries": 2}).expect.long_queries

    assert (terms.value, terms.longer_than) == (2, 300)


@pytest.mark.parametrize(
    ("expect", "rule"),
    [
        ({"connections": 0.8}, "per cent"),
        ({"long_queries": {"longer_than": 5}}, "needs a unit"),
        ({"extensions": {"names": []}}, "at least 1"),
        ({"extensions": 0}, "Field required"),
        ({"slow_statements": {"slower": "1s"}}, "Extra inputs"),
        ({"volume_used": "80%"}, "belong together"),
    ],
)
def test_what_makes_no_sense_is_refused(expect, rule):
    with pytest.raises(ValidationError, match=rule):
        made(expect=expect)


def test_a_volume_needs_a_limit_and_names_its_cluster():
    with pytest.raises(ValidationError, match="belong together"):
        made(volume=VOLUME)

    assert made(volume=VOLUME, expect={"volume_used": "80%"}).also_named() == (("cluster", "kubernetes"),)


def test_a_database_without_volume_reaches_one_connection_and_no_cluster():
    database = bind(made(), "s/e", {})

    assert database.all_named() == ("database",)
    with pytest.raises(CouldNotLook, match="no volume"):
        database.cluster()
