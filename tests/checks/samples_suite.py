"""Samples of the checks on the suite itself."""

from collections.abc import Callable

from checks.daily import test_suite_itself as suite
from muster.guard import IdentityRights
from muster.units import Counted


def rights(*surplus: str) -> IdentityRights:
    """What an identity may do beyond looking."""
    return IdentityRights(looked_at=20, of="answers about rights", seen="muster at https://cluster", surplus=Counted(surplus))


SAMPLES: dict[Callable[..., None], tuple[dict[str, object], dict[str, object]]] = {
    suite.test_identity_may_only_look: (
        {"identity_rights": rights(), "limit": 0},
        {"identity_rights": rights("create, get pods/exec"), "limit": 0},
    ),
}
