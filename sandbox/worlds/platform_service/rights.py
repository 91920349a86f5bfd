"""platform-service: what the suite's own identities may do, and the ways in which somebody gave them too much."""

from collections.abc import Callable

from sandbox.world import Fault, World

CLUSTER, DATABASE = (f"test_identity_may_only_look[{connection}]" for connection in ("cluster", "database"))


def build(_: World, __: float) -> None:
    """Nothing to add: the cluster and the database bring their identities."""


def granted(verbs: list[str], *resources: str, group: str = "", **more: list[str]) -> Callable[[World], None]:
    """An edit that gives our token one more rule; `more` are `resourceNames` and `namespaces`."""

    def edit(world: World) -> None:
        assert world.cluster is not None
        for rules in world.cluster.tokens.values():
            rules.append({"apiGroups": [group], "resources": list(resources), "verbs": verbs, **more})

    return edit


def ordered(*statements: str) -> Callable[[World], None]:
    """An edit that runs more statements as the superuser."""
    return lambda world: world.databases["database"].sql.extend(statements)


FAULTS: list[Fault] = [
    Fault("token-may-exec", "the suite's account may run commands in pods", granted(["create", "get"], "pods/exec"), (CLUSTER,)),
    Fault("token-reads-all-secrets", "the suite's account may read every secret", granted(["get", "list"], "secrets"), (CLUSTER,)),
    Fault("token-reaches-nodes", "the suite's account reaches the kubelets", granted(["get"], "nodes/proxy"), (CLUSTER,)),
    Fault("token-may-write", "the suite's account may change deployments", granted(["patch"], "deployments", group="apps"), (CLUSTER,)),
    Fault("role-is-superuser", "the monitoring role was made a superuser", ordered("ALTER ROLE muster SUPERUSER"), (DATABASE,)),
    Fault("role-may-write", "the monitoring role may change orders", ordered("GRANT UPDATE ON orders TO muster"), (DATABASE,)),
]
