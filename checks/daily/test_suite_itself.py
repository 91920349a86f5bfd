"""The suite itself, every day: that it can do nothing but look."""

import pytest

from muster.guard import IdentityRights


@pytest.mark.gate
@pytest.mark.expects("surplus_rights")
def test_identity_may_only_look(identity_rights: IdentityRights, limit: int) -> None:
    """The identity through which the suite looks may look, and has no right that it does not need.

    Next: take the rights away (deploy/ holds those that a run needs), or declare them in the connection: allow: {rights: [...]}
    """
    assert identity_rights.surplus <= limit
