"""Services, disruption budgets, nodes, quotas, volumes and storage of a cluster."""

import pytest

from fixtures.kubernetes.network import BudgetState, ServiceState
from fixtures.kubernetes.nodes import NodePool
from fixtures.kubernetes.quotas import QuotaUse
from fixtures.kubernetes.volumes import StorageClassState, VolumeState
from muster.units import Percent, Quantity


@pytest.mark.gate
@pytest.mark.expects("ready_endpoints")
def test_service_has_ready_endpoints(service_state: ServiceState, limit: int) -> None:
    """The service has ready endpoints behind it.

    Next: kubectl get endpointslices -l kubernetes.io/service-name=NAME; does its selector match the pods' labels?
    """
    assert service_state.ready_endpoints >= limit


@pytest.mark.expects("addresses")
def test_load_balancer_has_an_address(service_state: ServiceState, limit: int) -> None:
    """The service's load balancer was given its address.

    Next: kubectl describe service NAME (events of the cloud's controller)
    """
    assert service_state.addresses >= limit


@pytest.mark.expects("allowed")
def test_disruption_budget_allows_a_drain(budget_state: BudgetState, limit: int) -> None:
    """The disruption budget lets a pod go, so that nodes can be drained.

    Next: kubectl describe pdb NAME; are pods unready, or is minAvailable as large as the replicas?
    """
    assert budget_state.allowed >= limit


@pytest.mark.expects("not_ready")
def test_every_node_is_ready(node_pool: NodePool, limit: int) -> None:
    """Every node is Ready.

    Next: kubectl describe node NAME (conditions); is its kubelet alive?
    """
    assert node_pool.not_ready <= limit


@pytest.mark.expects("ready")
def test_enough_nodes_are_ready(node_pool: NodePool, limit: int) -> None:
    """The normal number of nodes is Ready.

    Next: kubectl get nodes; did the cluster's autoscaler remove one?
    """
    assert node_pool.ready >= limit


@pytest.mark.expects("pressures")
def test_no_node_is_under_pressure(node_pool: NodePool, limit: int) -> None:
    """No node is short of memory, disk, processes or network.

    Next: kubectl describe node NAME; kubectl top node NAME
    """
    assert node_pool.troubled <= limit


@pytest.mark.expects("cordoned")
def test_no_node_is_left_cordoned(node_pool: NodePool, limit: int) -> None:
    """No node was left cordoned after maintenance.

    Next: kubectl uncordon NAME, once its maintenance is over
    """
    assert node_pool.cordoned <= limit


@pytest.mark.expects("used")
def test_quota_is_not_exhausted(quota_use: QuotaUse, limit: Percent) -> None:
    """No quota is near its end.

    Next: kubectl describe quota; which workload grew?
    """
    assert quota_use.used <= limit


@pytest.mark.expects("unbound")
def test_every_volume_claim_is_bound(volume_state: VolumeState, limit: int) -> None:
    """Every volume claim is bound to a volume.

    Next: kubectl describe pvc NAME; does its storage class exist, has it room, and does a pod use it (WaitForFirstConsumer)?
    """
    assert volume_state.unbound <= limit


@pytest.mark.expects("capacity")
def test_volumes_are_large_enough(volume_state: VolumeState, limit: Quantity) -> None:
    """Every volume has at least its planned capacity.

    Next: kubectl get pvc; did an expansion fail?
    """
    assert volume_state.capacity >= limit


@pytest.mark.expects("default")
def test_storage_class_is_the_default(storage_class_state: StorageClassState, limit: bool) -> None:
    """The storage class is the default, or is not, as declared.

    Next: kubectl get storageclasses
    """
    assert storage_class_state.default == limit


@pytest.mark.expects("provisioner")
def test_storage_class_has_its_provisioner(storage_class_state: StorageClassState, limit: str) -> None:
    """The storage class makes its volumes with the declared provisioner.

    Next: kubectl describe storageclass NAME
    """
    assert storage_class_state.provisioner == limit
