"""Around a deploy: are autoscalers as they were declared?"""

import pytest

from fixtures.kubernetes.autoscalers import AutoscalerState


@pytest.mark.gate
@pytest.mark.expects("declared")
def test_autoscaler_is_as_declared(autoscaler_state: AutoscalerState, limit: str) -> None:
    """The autoscaler has the minimum, maximum and targets of its manifest.

    Next: kubectl diff -f the manifest; who edited it by hand?
    """
    assert autoscaler_state.declared == limit
