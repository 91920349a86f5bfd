"""Autoscalers: can they do their work?"""

import pytest

from fixtures.kubernetes.autoscalers import AutoscalerState


@pytest.mark.expects("unable")
def test_autoscaler_can_scale(autoscaler_state: AutoscalerState, limit: int) -> None:
    """The autoscaler exists and can scale.

    Next: kubectl describe hpa NAME; was it deleted during an incident and never made again?
    """
    assert autoscaler_state.unable <= limit


@pytest.mark.expects("headroom")
def test_autoscaler_is_below_its_maximum(autoscaler_state: AutoscalerState, limit: int) -> None:
    """The autoscaler is not pinned at its maximum.

    Next: kubectl get hpa NAME; is the load real, and may the maximum grow?
    """
    assert autoscaler_state.headroom >= limit


@pytest.mark.expects("unknown_metrics")
def test_autoscaler_sees_its_metrics(autoscaler_state: AutoscalerState, limit: int) -> None:
    """The autoscaler knows the current value of each of its metrics.

    Next: kubectl top pods; does metrics-server run, and do all containers have requests?
    """
    assert autoscaler_state.unknown_metrics <= limit
