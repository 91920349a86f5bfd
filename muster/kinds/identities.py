"""The identities of the suite itself: what the platform lets us do through a connection, which should be to look and nothing else."""

from typing import ClassVar

from pydantic import PrivateAttr

from muster.expectations import Expect, Limit, Many, Name, Severity, Wanted
from muster.kinds.base import Connected, Entity


class IdentityExpect(Expect):
    """What an identity of the suite may do."""

    surplus_rights: Wanted[Limit[int]] | None = (Limit[int].model_construct(limit=0),)
    """Rights beyond looking that the connection does not declare under `allow:`, at most."""


class OwnIdentity(Connected):
    """Who we are to a cluster or a database that is looked through. There is one for each such connection without being written down.

    In an environment that is `protected` a right too many is not only a violation: nothing is looked at.
    """

    section: ClassVar[str] = "identities"
    fixture: ClassVar[str] = "own_identity"
    connects: ClassVar[tuple[str, ...]] = ("kubernetes", "postgresql")
    severities: ClassVar[dict[str, Severity]] = {"surplus_rights": "P1"}

    namespaces: Many[Name] = ()
    """Further namespaces in which rights are asked, beside the connection's own, `default`, `kube-system` and those of entities."""
    expect: IdentityExpect = IdentityExpect.model_construct()

    _seen: tuple[str, ...] = PrivateAttr(default=())

    def meet(self, entities: tuple[Entity, ...]) -> None:
        """Learn in which namespaces the entities behind the same connection live."""
        through = [each for each in entities if self.connection_name in each.sources()]
        self._seen = tuple(sorted({name for each in through if (name := getattr(each, "namespace", None))}))

    @property
    def connection_name(self) -> str:
        """The one connection that is meant."""
        return self.named()[0]

    @property
    def asked_in(self) -> tuple[str, ...]:
        """Namespaces in which rights are asked, beside the connection's own; `*`, all of them, is none."""
        return tuple(dict.fromkeys(each for each in (*self.namespaces, *self._seen, "default", "kube-system") if each != "*"))

    def where(self) -> str:
        return f"connection {self.connection_name}"


def implied(entities: tuple[Entity, ...], declared: set[str], kinds: dict[str, str]) -> list[OwnIdentity]:
    """The identities that nobody wrote down: of each connection (name -> kind) that entities look through, unless it is `declared`."""
    used = dict.fromkeys(name for entity in entities for name in entity.sources())
    wanted = [name for name in used if kinds.get(name) in OwnIdentity.connects and name not in declared]
    return [OwnIdentity.model_construct(name=name, connection=name, expect=IdentityExpect()) for name in wanted]
