"""Unlisted rights that our own identities should not have."""

from sandbox.world import World
from sandbox.worlds.platform_service.rights import CLUSTER, DATABASE, granted, ordered
from tests.proof.unlisted import UNKNOWN, VIOLATED, Unlisted


def _webhook(world: World) -> None:
    """A webhook decides who may do what: the list of our rules is empty, and says that it is not complete."""
    granted(["impersonate"], "users")(world)
    assert world.cluster is not None
    world.cluster.rules_incomplete = True


def _not_asked(world: World) -> None:
    assert world.cluster is not None
    world.cluster.reviews_forbidden = True


FAMILIES = (
    Unlisted("our account may evict pods", granted(["create"], "pods/eviction"), VIOLATED, (CLUSTER,), "create pods/eviction", (DATABASE,)),
    Unlisted("our account may watch secrets", granted(["watch"], "secrets"), VIOLATED, (CLUSTER,), "watch secrets"),
    Unlisted(
        "our account may read one more secret",
        granted(["get"], "secrets", resourceNames=["root"], namespaces=["kube-system"]),
        VIOLATED,
        (CLUSTER,),
        "get secrets root",
    ),
    Unlisted(
        "our account may write a custom thing",
        granted(["update"], "certificates", group="cert-manager.io"),
        VIOLATED,
        (CLUSTER,),
        "update certificates.cert-manager.io",
    ),
    Unlisted("our account is an administrator", granted(["*"], "*", group="*"), VIOLATED, (CLUSTER,), "every verb on every resource"),
    Unlisted("a webhook lets our account impersonate", _webhook, VIOLATED, (CLUSTER,), "impersonate users"),
    Unlisted("we may not ask what we may do", _not_asked, UNKNOWN, (CLUSTER,), "not allowed to ask", (DATABASE,)),
    Unlisted("our role may run programs", ordered("GRANT pg_execute_server_program TO muster"), VIOLATED, (DATABASE,), "pg_execute_server"),
    Unlisted("our role may become the owner", ordered("GRANT platform TO muster"), VIOLATED, (DATABASE,), "owner of table public.orders"),
    Unlisted("everybody may create tables", ordered("GRANT CREATE ON SCHEMA public TO PUBLIC"), VIOLATED, (DATABASE,), "CREATE on schema"),
    Unlisted(
        "our role may change one column", ordered("GRANT UPDATE (status) ON orders TO muster"), VIOLATED, (DATABASE,), "UPDATE on table"
    ),
)
