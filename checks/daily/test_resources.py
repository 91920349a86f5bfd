"""Objects of any kind: are their conditions as they should be?"""

import pytest

from fixtures.kubernetes.any_kind import ResourceConditions, ResourceCount


@pytest.mark.expects("condition")
def test_resources_have_their_condition(resource_conditions: ResourceConditions, limit: int) -> None:
    """Every object has the condition that it should have.

    Next: kubectl describe KIND NAME
    """
    assert resource_conditions.without <= limit


@pytest.mark.expects("no_condition")
def test_resources_lack_a_bad_condition(resource_conditions: ResourceConditions, limit: int) -> None:
    """No object has the condition that none should have.

    Next: kubectl describe KIND NAME
    """
    assert resource_conditions.having <= limit


@pytest.mark.expects("count")
def test_enough_resources_exist(resource_count: ResourceCount, limit: int) -> None:
    """There are as many objects as there should be.

    Next: kubectl get KIND
    """
    assert resource_count.count >= limit
