"""Samples of the checks on what a cluster holds besides workloads."""

from collections.abc import Callable

from checks.daily import test_autoscalers as autoscalers
from checks.daily import test_batch as batch
from checks.daily import test_cluster as cluster
from checks.daily import test_resources as resources
from checks.gate import test_autoscaler_manifests as manifests
from fixtures.kubernetes.any_kind import ResourceConditions, ResourceCount
from fixtures.kubernetes.autoscalers import AutoscalerState
from fixtures.kubernetes.batch import CronJobState, JobGroup
from fixtures.kubernetes.network import BudgetState, ServiceState
from fixtures.kubernetes.nodes import NodePool
from fixtures.kubernetes.quotas import QuotaUse
from fixtures.kubernetes.volumes import StorageClassState, VolumeState
from muster.units import Counted, Duration, Percent, Quantity

LINE = ("thing-1: something is wrong since 3m",)
HOUR = Duration(3600)
SCALE = "3 to 10, cpu 70%"


def scaler(unable: tuple[str, ...] = (), headroom: int = 7, unknown: tuple[str, ...] = (), declared: str = SCALE) -> AutoscalerState:
    """One autoscaler."""
    return AutoscalerState(
        looked_at=1, of="autoscalers", unable=Counted(unable), headroom=headroom, unknown_metrics=Counted(unknown), declared=declared
    )  # fmt: skip


def cron_job(suspended: bool = False, since: float = 60.0) -> CronJobState:
    """One cron job."""
    return CronJobState(looked_at=1, of="cron jobs", suspended=suspended, since_success=Duration(since))


def jobs(failed: tuple[str, ...] = (), longest: float = 0.0) -> JobGroup:
    """Two jobs."""
    return JobGroup(looked_at=2, of="jobs", failed=Counted(failed), longest=Duration(longest))


def service(endpoints: int = 3, addresses: int = 1) -> ServiceState:
    """One service."""
    return ServiceState(looked_at=1, of="services", ready_endpoints=endpoints, addresses=addresses)


def budget(allowed: int) -> BudgetState:
    """One disruption budget."""
    return BudgetState(looked_at=3, of="pods", allowed=allowed)


def nodes(ready: int = 3, lost: tuple[str, ...] = (), troubled: tuple[str, ...] = (), cordoned: tuple[str, ...] = ()) -> NodePool:
    """Three nodes."""
    able, others = Counted(f"node-{number}" for number in range(ready)), {"troubled": Counted(troubled), "cordoned": Counted(cordoned)}
    return NodePool(looked_at=3, of="nodes", ready=able, not_ready=Counted(lost), **others)


def quota(share: float) -> QuotaUse:
    """Use of the scarcest resource."""
    return QuotaUse(looked_at=4, of="limits", used=Percent(share))


def volumes(unbound: tuple[str, ...] = (), capacity: str = "20Gi") -> VolumeState:
    """One claim."""
    return VolumeState(looked_at=1, of="volume claims", unbound=Counted(unbound), capacity=Quantity.parse(capacity))


def storage(default: bool = True, provisioner: str = "csi.example") -> StorageClassState:
    """One storage class."""
    return StorageClassState(looked_at=1, of="storage classes", default=default, provisioner=provisioner)


def objects(without: tuple[str, ...] = (), having: tuple[str, ...] = ()) -> ResourceConditions:
    """Two objects."""
    return ResourceConditions(looked_at=2, of="Certificate objects", without=Counted(without), having=Counted(having))


def counted(count: int) -> ResourceCount:
    """So many objects."""
    return ResourceCount(looked_at=count, of="Certificate objects", count=Counted(f"tls-{number}" for number in range(count)))


SIZE = Quantity.parse("20Gi")
SAMPLES: dict[Callable[..., None], tuple[dict[str, object], dict[str, object]]] = {
    autoscalers.test_autoscaler_can_scale: (
        {"autoscaler_state": scaler(), "limit": 0},
        {"autoscaler_state": scaler(unable=LINE), "limit": 0},
    ),
    autoscalers.test_autoscaler_is_below_its_maximum: (
        {"autoscaler_state": scaler(), "limit": 1},
        {"autoscaler_state": scaler(headroom=0), "limit": 1},
    ),
    autoscalers.test_autoscaler_sees_its_metrics: (
        {"autoscaler_state": scaler(), "limit": 0},
        {"autoscaler_state": scaler(unknown=LINE), "limit": 0},
    ),
    manifests.test_autoscaler_is_as_declared: (
        {"autoscaler_state": scaler(), "limit": SCALE},
        {"autoscaler_state": scaler(declared="1 to 10, cpu 70%"), "limit": SCALE},
    ),
    batch.test_cron_job_is_not_suspended: (
        {"cron_job_state": cron_job(), "limit": False},
        {"cron_job_state": cron_job(suspended=True), "limit": False},
    ),
    batch.test_cron_job_succeeded_lately: (
        {"cron_job_state": cron_job(), "limit": HOUR},
        {"cron_job_state": cron_job(since=7200), "limit": HOUR},
    ),
    batch.test_no_job_failed: ({"job_failures": jobs(), "limit": 0}, {"job_failures": jobs(failed=LINE), "limit": 0}),
    batch.test_no_job_runs_too_long: ({"job_runs": jobs(), "limit": HOUR}, {"job_runs": jobs(longest=7200), "limit": HOUR}),
    cluster.test_service_has_ready_endpoints: (
        {"service_state": service(), "limit": 1},
        {"service_state": service(endpoints=0), "limit": 1},
    ),
    cluster.test_load_balancer_has_an_address: (
        {"service_state": service(), "limit": 1},
        {"service_state": service(addresses=0), "limit": 1},
    ),
    cluster.test_disruption_budget_allows_a_drain: ({"budget_state": budget(1), "limit": 1}, {"budget_state": budget(0), "limit": 1}),
    cluster.test_every_node_is_ready: ({"node_pool": nodes(), "limit": 0}, {"node_pool": nodes(lost=LINE), "limit": 0}),
    cluster.test_enough_nodes_are_ready: ({"node_pool": nodes(), "limit": 3}, {"node_pool": nodes(ready=2), "limit": 3}),
    cluster.test_no_node_is_under_pressure: ({"node_pool": nodes(), "limit": 0}, {"node_pool": nodes(troubled=LINE), "limit": 0}),
    cluster.test_no_node_is_left_cordoned: ({"node_pool": nodes(), "limit": 0}, {"node_pool": nodes(cordoned=LINE), "limit": 0}),
    cluster.test_quota_is_not_exhausted: (
        {"quota_use": quota(0.9), "limit": Percent(0.9)},
        {"quota_use": quota(0.95), "limit": Percent(0.9)},
    ),
    cluster.test_every_volume_claim_is_bound: (
        {"volume_state": volumes(), "limit": 0},
        {"volume_state": volumes(unbound=LINE), "limit": 0},
    ),
    cluster.test_volumes_are_large_enough: (
        {"volume_state": volumes(), "limit": SIZE},
        {"volume_state": volumes(capacity="10Gi"), "limit": SIZE},
    ),
    cluster.test_storage_class_is_the_default: (
        {"storage_class_state": storage(), "limit": True},
        {"storage_class_state": storage(default=False), "limit": True},
    ),
    cluster.test_storage_class_has_its_provisioner: (
        {"storage_class_state": storage(), "limit": "csi.example"},
        {"storage_class_state": storage(provisioner="other"), "limit": "csi.example"},
    ),
    resources.test_resources_have_their_condition: (
        {"resource_conditions": objects(having=LINE), "limit": 0},
        {"resource_conditions": objects(without=LINE), "limit": 0},
    ),
    resources.test_resources_lack_a_bad_condition: (
        {"resource_conditions": objects(without=LINE), "limit": 0},
        {"resource_conditions": objects(having=LINE), "limit": 0},
    ),
    resources.test_enough_resources_exist: ({"resource_count": counted(2), "limit": 2}, {"resource_count": counted(1), "limit": 2}),
}
