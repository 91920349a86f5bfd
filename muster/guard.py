"""Before a protected environment is looked at: what our identities may do there. A right too many refuses the whole run.

Not being able to ask refuses nothing: it is an unknown finding, like everything else that could not be looked at.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from muster.case import Case
from muster.environment import Environment
from muster.kinds.base import Entity, bind
from muster.kinds.identities import OwnIdentity
from muster.probes import PROBES, Call, Observation
from muster.store import Outcome
from muster.units import Counted

REMEDY = "Take them away (deploy/ holds the rights that a run needs), or declare them in the connection: allow: {rights: [...]}"


@dataclass(frozen=True, kw_only=True)
class IdentityRights(Observation):
    """What an identity of ours may do that it does not need; `seen` is who it is, `note` names every right and what to do."""

    surplus: Counted
    """Rights beyond looking that the connection does not declare under `allow:`, one for each thing."""


def looked_at(cases: Iterable[Case], beside: Callable[[Case], list[Call]]) -> dict[str, list[Entity]]:
    """All that is looked at for these cases, by environment: what they are about, and what is asked `beside`, such as a condition."""
    found: dict[str, list[Entity]] = defaultdict(list)
    for case in cases:
        found[case.identity.place] += [case.entity, *(each for call in beside(case) for each in call.arguments.values())]
    return found


def asking(environment: Environment, entities: Iterable[Entity]) -> dict[str, Call]:
    """The calls that ask for our rights behind every connection that these entities are looked at through, by the connection's name.

    Empty unless the environment is protected. An identity that the file switches off is asked all the same.
    """
    if not environment.protected:
        return {}
    used = dict.fromkeys(name for entity in entities for name in entity.sources())
    guarded = [name for name in used if environment.connections[name].kind in OwnIdentity.connects]
    return {name: Call.of(PROBES["identity_rights"], {"own_identity": _identity(environment, name)}) for name in guarded}


def _identity(environment: Environment, connection: str) -> OwnIdentity:
    """The identity behind a connection: the one that is judged, so that it is asked once, or one like it."""
    known = [each for each in environment.entities if isinstance(each, OwnIdentity) and each.connection_name == connection]
    if known:
        return known[0]
    made = bind(OwnIdentity(name=connection, connection=connection), environment.id, environment.connections)
    assert isinstance(made, OwnIdentity)
    made.meet(environment.entities)
    return made


def refusal(environment: Environment, connection: str, outcome: Outcome) -> str:
    """Why the environment is not looked at through this connection; empty when it may be, or when nobody could say."""
    if outcome.error is not None or not isinstance(outcome.value, IdentityRights) or not outcome.value.surplus:
        return ""
    return f"{environment.id} is protected, and nothing of it is looked at: connection {connection}: {outcome.value.note}. {REMEDY}"
