"""platform-service: ways to break what surrounds its workloads in the cluster."""

from collections.abc import Callable

from sandbox.world import Fault, World
from sandbox.worlds.platform_service.cluster_edits import ago, drop, every, find

SERVED = "test_service_has_ready_endpoints[platform-service]"
ROOM = "test_there_is_room_to_scale_up[platform-service]"
ADDED = tuple(f"test_{name}_finds_room[platform-service]" for name in ("rolling_update", "rollback"))
CAN_SCALE = "test_autoscaler_can_scale[platform-service]"
HEADROOM = "test_autoscaler_is_below_its_maximum[platform-service]"
METRICS = "test_autoscaler_sees_its_metrics[platform-service]"
DECLARED = "test_autoscaler_is_as_declared[platform-service]"
SERVICE = (
    *("enough_pods_are_ready", "every_pod_is_scraped", "pods_run_the_same_image", "pods_stay_stable", "rollout_is_complete"),
    *("containers_do_not_restart_repeatedly", "containers_have_their_memory_limit", "image_names_do_not_move"),
    *("pods_run_with_the_current_configuration", "there_is_room_to_scale_up", "workload_is_not_left_scaled_down"),
    *("cpu_stays_below_its_limit", "memory_stays_below_its_limit", "no_warnings_about_a_workload"),
    *("rolling_update_finds_room", "rollback_finds_room", "images_of_the_rollback_can_be_pulled"),
)
BOTH = (
    *("every_pod_is_ready", "no_container_fails_to_start", "no_container_ran_out_of_memory"),
    *("no_rollout_is_stuck", "replicas_are_available"),
)
LOGS = (
    *("every_pod_writes_a_log[service-errors]", "no_message_dominates_the_log[service-errors]"),
    *("every_route_answers_in_time[service-requests]", "log_records_carry_the_field[service-requests]"),
    *(f"log_records_of_a_kind_stay_few[{name}]" for name in ("service-errors", "service-errors-day")),
    *(f"log_records_of_a_kind_stay_few[{name}]" for name in ("pool-exhausted", "disk-full", "database-fatal")),
)
THROUGH_PODS = (
    *(f"test_{name}[platform-service]" for name in (*SERVICE, *BOTH)),
    *(f"test_{name}[postgres]" for name in BOTH),
    *(f"test_{name}" for name in LOGS),
)
"""Every check that has to list pods first."""


def _no_room(world: World) -> None:
    for node in every(world, "Node"):
        node["status"]["allocatable"]["cpu"] = "400m"


def _quota_full(world: World) -> None:
    find(world, "ResourceQuota", "platform-quota")["status"]["used"]["requests.memory"] = "15872Mi"


def _autoscaler_blind(world: World) -> None:
    scaler = find(world, "HorizontalPodAutoscaler", "platform-service")["status"]
    scaler["currentMetrics"] = None


def _autoscaler_unable(world: World) -> None:
    told = {"status": "False", "reason": "FailedGetScale", "message": "the HPA controller was unable to get the target's current scale"}
    find(world, "HorizontalPodAutoscaler", "platform-service")["status"]["conditions"][0] |= told


def _autoscaler_pinned(world: World) -> None:
    find(world, "HorizontalPodAutoscaler", "platform-service")["status"] |= {"currentReplicas": 10, "desiredReplicas": 10}


def _autoscaler_edited(world: World) -> None:
    find(world, "HorizontalPodAutoscaler", "platform-service")["spec"]["minReplicas"] = 1


def _certificate_order_failed(world: World) -> None:
    told = {
        "status": "False",
        "reason": "DoesNotExist",
        "message": "Issuing certificate as Secret does not exist",
        "lastTransitionTime": ago(world, 7200),
    }
    find(world, "Certificate", "platform-tls")["status"]["conditions"][0] |= told


def _certificate_request_failed(world: World) -> None:
    told = {"type": "Ready", "status": "False", "reason": "Failed", "message": "order is invalid", "lastTransitionTime": ago(world, 7200)}
    find(world, "CertificateRequest", "platform-tls")["status"]["conditions"][1] = told


def _job_failed(world: World) -> None:
    told = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
    status = {"failed": 7, "startTime": ago(world, 8 * 3600), "conditions": [told | {"lastTransitionTime": ago(world, 7 * 3600)}]}
    find(world, "Job", "nightly-report")["status"] = status


def _node_lost(world: World) -> None:
    for each in find(world, "Node", "node-3")["status"]["conditions"]:
        each |= {
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
            "lastTransitionTime": ago(world, 900),
        }


def _disk_pressure(world: World) -> None:
    told = {
        "status": "True",
        "reason": "KubeletHasDiskPressure",
        "message": "kubelet has disk pressure",
        "lastTransitionTime": ago(world, 900),
    }
    find(world, "Node", "node-2")["status"]["conditions"][1] |= told


def _no_endpoints(world: World) -> None:
    find(world, "EndpointSlice", "platform-service-")["endpoints"] = None


def _cron_job_overdue(world: World) -> None:
    find(world, "CronJob", "nightly-report")["status"]["lastSuccessfulTime"] = ago(world, 3 * 86400)


def _volume_pending(world: World) -> None:
    find(world, "PersistentVolumeClaim", "data-postgres-0")["status"] = {"phase": "Pending"}


def _forbidden(world: World) -> None:
    assert world.cluster is not None
    for rules in world.cluster.tokens.values():
        for rule in rules:
            rule["resources"] = [each for each in rule["resources"] if each != "pods" or rule["apiGroups"] != [""]]


def _edit(name: str, summary: str, edit: Callable[[World], None], *violates: str) -> Fault:
    return Fault(name, summary, edit, violates)


FAULTS: list[Fault] = [
    _edit("nodes-full", "nodes have no room for more pods", _no_room, ROOM, *ADDED),
    _edit("quota-full", "the memory quota is almost used up", _quota_full, ROOM, "test_quota_is_not_exhausted[platform-quota]"),
    _edit(
        "autoscaler-deleted",
        "the autoscaler was deleted and not made again",
        lambda world: drop(world, "HorizontalPodAutoscaler", "platform-service"),
        CAN_SCALE,
        HEADROOM,
        METRICS,
        DECLARED,
    ),
    _edit("autoscaler-unable", "the autoscaler cannot scale its target", _autoscaler_unable, CAN_SCALE),
    _edit("autoscaler-pinned", "the autoscaler is at its maximum", _autoscaler_pinned, HEADROOM),
    _edit("autoscaler-blind", "the autoscaler shows unknown/70%", _autoscaler_blind, METRICS),
    _edit("autoscaler-edited", "somebody edited the autoscaler by hand", _autoscaler_edited, DECLARED),
    _edit(
        "certificate-not-issued",
        "cert-manager's Certificate is not Ready",
        _certificate_order_failed,
        "test_resources_have_their_condition[tls-certificate]",
    ),
    _edit(
        "certificate-request-failed",
        "a certificate request failed",
        _certificate_request_failed,
        "test_resources_lack_a_bad_condition[certificate-requests]",
    ),
    _edit("job-failed", "last night's job failed", _job_failed, "test_no_job_failed[platform-jobs]"),
    _edit(
        "cron-job-suspended",
        "a cron job is suspended",
        lambda world: find(world, "CronJob", "nightly-report")["spec"].update(suspend=True),
        "test_cron_job_is_not_suspended[nightly-report]",
    ),
    _edit(
        "cron-job-overdue",
        "a cron job has not succeeded for three days",
        _cron_job_overdue,
        "test_cron_job_succeeded_lately[nightly-report]",
    ),
    _edit("service-without-endpoints", "nothing stands behind the service", _no_endpoints, SERVED),
    _edit(
        "disruption-budget-tight",
        "no pod may be disrupted",
        lambda world: find(world, "PodDisruptionBudget", "platform-service")["status"].update(disruptionsAllowed=0),
        "test_disruption_budget_allows_a_drain[platform-service]",
    ),
    _edit(
        "node-not-ready",
        "a node stopped reporting",
        _node_lost,
        "test_every_node_is_ready[cluster-nodes]",
        "test_no_node_is_under_pressure[cluster-nodes]",
    ),
    _edit("node-disk-pressure", "a node is short of disk", _disk_pressure, "test_no_node_is_under_pressure[cluster-nodes]"),
    _edit(
        "volume-pending",
        "the database's volume claim is not bound",
        _volume_pending,
        "test_every_volume_claim_is_bound[postgres-data]",
        "test_volumes_are_large_enough[postgres-data]",
        "test_database_fits_its_volume[platform-db]",
    ),
    Fault(
        "kubernetes-forbidden",
        "the account that looks lost the right to list pods",
        _forbidden,
        THROUGH_PODS,
        "unknown",
    ),
]
