"""Secrets open only when asked to, and a file never holds one."""

import copy
import json
import pickle
import traceback
from dataclasses import asdict, dataclass

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from muster.probes import CouldNotLook
from muster.secrets import Secret, SecretRef, Setting

CANARY = "canary-8f3a"


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "{!r:>40}".format, lambda secret: f"{[secret]}", lambda secret: f"{secret.__class__}"]
)
def test_no_way_of_printing_shows_the_secret(show):
    assert CANARY not in show(Secret(CANARY))


def test_a_secret_is_not_pickled_nor_written_as_json():
    for write in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            write(Secret(CANARY))


@dataclass
class Login:
    password: Secret


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    password: Secret


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda secret: asdict(Login(secret))])
def test_a_secret_is_not_copied(duplicate):
    with pytest.raises(TypeError):
        duplicate(Secret(CANARY))


def test_neither_a_dataclass_nor_a_model_shows_its_secret():
    login, model = Login(Secret(CANARY)), Model(password=Secret(CANARY))

    assert CANARY not in f"{login!r} {model!r} {model} {model.model_dump()}"
    with pytest.raises(Exception) as caught:  # noqa: PT011 - pydantic's own: it knows no way to write a secret
        model.model_dump_json()
    assert CANARY not in str(caught.value)


def test_a_traceback_with_locals_shows_no_secret():
    held = Secret(CANARY)
    try:
        raise ValueError(held)
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())

    assert "held = Secret(...)" in shown
    assert CANARY not in shown.replace("CANARY", "")


def test_a_failed_comparison_of_secrets_shows_neither():
    left, right = Secret(CANARY), Secret("other")

    with pytest.raises(AssertionError) as caught:
        assert left == right

    assert CANARY not in str(caught.value)


def test_a_literal_secret_is_refused_without_repeating_it():
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(SecretRef).validate_python(CANARY)

    assert "a literal secret" in caught.value.errors()[0]["msg"]
    assert CANARY not in caught.value.errors()[0]["msg"]


def test_references_are_read_when_asked(monkeypatch, tmp_path):
    (tmp_path / "password").write_text(CANARY + "\n")
    monkeypatch.setenv("MUSTER_TEST_SECRET", CANARY)

    assert SecretRef("env:MUSTER_TEST_SECRET").resolve().reveal() == CANARY
    assert SecretRef(f"file:{tmp_path}/password").resolve().reveal() == CANARY
    assert Setting("env:MUSTER_TEST_SECRET").resolve() == CANARY
    assert Setting("db.internal").resolve() == "db.internal"


@pytest.mark.parametrize("reference", ["env:MUSTER_TEST_ABSENT", "file:/nowhere/at/all"])
def test_a_missing_reference_means_that_we_could_not_look(reference):
    with pytest.raises(CouldNotLook) as caught:
        SecretRef(reference).resolve()

    assert reference.partition(":")[2] in caught.value.reason
