"""In a protected environment a dangerous identity refuses the run before anything is looked at; not being able to ask does not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from muster.verdicts import EXIT_CONFIGURATION, EXIT_HOLDS, EXIT_UNKNOWN, Verdict
from sandbox.faults import faults
from sandbox.world import Trouble, World
from sandbox.worlds.platform_service.rights import granted, ordered
from tests.rights.guarded import ENVIRONMENT, SYSTEM, Edit, Guarded

CLUSTER, DATABASE = (f"test_identity_may_only_look[{connection}]" for connection in ("cluster", "database"))


DANGEROUS: dict[str, tuple[Callable[[World], None], str]] = {
    **{each.fault.name: (each.fault.edit, "") for each in faults(SYSTEM) if each.fault.violates in ((CLUSTER,), (DATABASE,))},
    "may exec in one namespace": (granted(["create"], "pods/exec", namespaces=["kube-system"]), "create pods/exec"),
    "may do everything": (granted(["*"], "*", group="*"), "every verb on every resource"),
    "may write everywhere": (ordered("GRANT pg_write_all_data TO muster"), "member of pg_write_all_data"),
    "may become the owner": (ordered("GRANT platform TO muster"), "owner of table public.orders"),
}


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_dangerous_identity_refuses_the_run_before_anything_is_looked_at(guarded: Guarded, name: str) -> None:
    edit, right = DANGEROUS[name]

    guarded.become(edit)

    seen = guarded.run()

    assert seen.code == EXIT_CONFIGURATION, seen.output
    assert seen.results == []
    assert guarded.others() == []
    said = seen.output
    assert f"ERROR: {ENVIRONMENT} is protected, and nothing of it is looked at: connection " in said
    assert right in said
    assert "has rights that looking does not need" in said
    assert "or declare them in the connection: allow: {rights: [...]}" in said
    assert not (seen.reports / "observations.jsonl").exists()


def test_every_dangerous_identity_is_named(guarded: Guarded) -> None:
    guarded.become(granted(["create"], "pods/exec"), ordered("ALTER ROLE muster SUPERUSER"))

    seen = guarded.run()

    assert "connection cluster: system:serviceaccount:muster:muster at https://127.0.0.1" in seen.output
    assert "connection database: muster at postgresql 127.0.0.1" in seen.output
    assert [len(each["reasons"]) for each in seen.events("refused")] == [2]
    assert [each["exit"] for each in seen.events("end")] == [EXIT_CONFIGURATION]


FLAG = """
maintenance:
  - name: planned
    reason: the server moves
    owner: team-platform
    read: {annotation: {connection: cluster, object: platform-service, key: example.com/maintenance}}
    at_most: 4h
    scope: {entities: [cache]}
"""


@pytest.mark.parametrize("more", [FLAG, ""], ids=["with a flag of maintenance", "without"])
def test_what_is_only_asked_beside_the_check_counts_too(guarded: Guarded, more: str) -> None:
    guarded.become(granted(["create"], "pods/exec"))

    seen = guarded.run("-k", "test_redis_has_loaded_its_data", more=more)

    assert (seen.code == EXIT_CONFIGURATION) is bool(more), seen.output
    assert ("create pods/exec" in seen.output) is bool(more)


def test_an_identity_that_may_only_look_is_let_through(guarded: Guarded) -> None:
    guarded.become()

    seen = guarded.run()

    assert seen.looked(), seen.output
    assert {each.verdict for name in (CLUSTER, DATABASE) for each in seen.of(name)} == {Verdict.HOLDS}
    assert len([each for each in guarded.facade.requests() if each.get("resource") == "selfsubjectreviews"]) == 1


def test_a_right_that_is_declared_refuses_nothing(guarded: Guarded) -> None:
    allow = ("allow: {secrets: [", "allow: {rights: [create pods/exec], secrets: [")

    guarded.become(granted(["create"], "pods/exec"))
    assert guarded.run(swap=allow).looked()

    guarded.become(granted(["create", "get"], "pods/exec"))
    assert guarded.run(swap=allow).code == EXIT_CONFIGURATION


@pytest.mark.parametrize(
    "more",
    [
        "identities: [{name: cluster, connection: cluster, expect: {surplus_rights: {off: we know}}}]\n",
        "identities: [{name: cluster, connection: cluster, absent: we know}]\n",
        "identities: [{name: cluster, connection: cluster, expect: {surplus_rights: 5}}]\n",
    ],
    ids=["off", "absent", "limit"],
)
def test_the_refusal_cannot_be_switched_off_with_the_expectation(guarded: Guarded, more: str) -> None:
    guarded.become(granted(["create"], "pods/exec"))

    assert guarded.run(more=more).code == EXIT_CONFIGURATION


def _no_reviews(world: World) -> None:
    assert world.cluster is not None
    world.cluster.reviews_forbidden = True


def _stopped(world: World) -> None:
    assert world.cluster is not None
    world.cluster.stopped = True


def _failing(world: World) -> None:
    assert world.cluster is not None
    world.cluster.trouble.append(Trouble("/apis/authorization.k8s.io", status=500))


@pytest.mark.parametrize(
    ("edit", "entity"),
    [
        (_no_reviews, CLUSTER),
        (_stopped, CLUSTER),
        (_failing, CLUSTER),
        (ordered("ALTER ROLE muster PASSWORD 'rotated'"), DATABASE),
    ],
    ids=["forbidden", "stopped", "server-error", "login-refused"],
)
def test_who_cannot_be_asked_is_unknown_and_the_rest_is_looked_at(guarded: Guarded, edit: Edit, entity: str) -> None:
    guarded.become(edit)

    seen = guarded.run()

    assert seen.code == EXIT_UNKNOWN, seen.output
    assert entity in seen.unknown()
    assert all(each.next and each.cause for each in seen.of(entity))
    assert len(seen.holding()) > 30


def test_nothing_is_asked_offline(guarded: Guarded) -> None:
    guarded.become()
    saved = guarded.run("-k", "identity").reports / "observations.jsonl"
    guarded.become(granted(["create"], "pods/exec"))

    assert guarded.run("--collect-only").code == EXIT_HOLDS
    assert guarded.run("-k", "identity", "--replay", str(saved)).code == EXIT_HOLDS
    assert guarded.facade.requests() == []


def test_only_what_the_selected_checks_look_through_is_asked(guarded: Guarded) -> None:
    guarded.become(granted(["create"], "pods/exec"))

    assert guarded.run("-k", "endpoint_answers").looked()
    assert guarded.run("-k", "pod_is_ready").code == EXIT_CONFIGURATION


@pytest.mark.parametrize("protected", [True, False])
def test_a_credential_plugin_that_nobody_allowed_does_not_run_and_refuses_the_run(
    guarded: Guarded, tmp_path: Path, protected: bool
) -> None:
    guarded.become()
    trace, command, file = tmp_path / "ran", tmp_path / "plugin", tmp_path / "kubeconfig"
    command.write_text(f"#!/bin/sh\ntouch {trace}\n")
    command.chmod(0o755)
    content = json.loads(Path(guarded.platform.addresses["SANDBOX_KUBECONFIG"]).read_text())
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(command), "interactiveMode": "Never"}
    content["users"][0]["user"] = {"exec": plugin}
    file.write_text(json.dumps(content))

    seen = guarded.run(swap=("env:SANDBOX_KUBECONFIG", str(file)), protected=protected)

    assert seen.code == EXIT_CONFIGURATION, seen.output
    assert not trace.exists()
    assert f"the kubeconfig wants to run {command} for a credential" in seen.output
    assert guarded.facade.requests() == []
