"""What a cluster makes of autoscalers, budgets, quotas, claims, cron jobs, classes, ingresses, nodes and custom kinds: scenes.

When MUSTER_TEST_KUBECONFIG names a cluster, its controllers bring them about.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.kubernetes.any_kind import resource_conditions
from fixtures.kubernetes.autoscalers import autoscaler_state
from fixtures.kubernetes.batch import cron_job_state
from fixtures.kubernetes.client import listing
from fixtures.kubernetes.network import budget_state
from fixtures.kubernetes.nodes import node_pool
from fixtures.kubernetes.quotas import quota_use
from fixtures.kubernetes.resources import RESOURCES
from fixtures.kubernetes.volumes import storage_class_state, volume_state
from fixtures.kubernetes.workload_warnings import workload_warnings
from muster.kinds.cluster import Autoscaler, Condition, CronJob, DisruptionBudget, Nodes, Quota, Resource, StorageClass, Volume
from muster.kinds.kubernetes import Within, Workload
from muster.probes import begin
from sandbox.world import Object
from tests.probes.real_cluster import AnyCluster
from tests.probes.real_shapes import deployment, metadata, past, pod
from tests.probes.scenes import SHELL, Scene, manifest, through
from tests.probes.small_cluster import NAMESPACE, made

WORKLOAD = made(Workload, deployment="web", starting="0s")
WITHIN = Within.model_validate({"at_most": 0, "within": "1h"})


def head(api: str, kind: str, name: str = "web", **parts: Any) -> Object:
    """An object as a user writes it."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **parts}


def stored(given: Object, age: float = 60.0, **parts: Any) -> Object:
    """The same object as a cluster holds it."""
    return given | {"metadata": metadata(given["metadata"]["name"], age) | given["metadata"]} | parts


def conditions(kind: str, api_version: str, **values: Any) -> Callable[[AnyCluster], Any]:
    """The condition Ready of every object of a kind."""

    def look(cluster: AnyCluster) -> Any:
        expect = {"condition": {"type": "Ready"}}
        entity = cluster.bound(made(Resource, api_version=api_version, kind=kind, expect=expect, **values))
        seen = cluster.look("objects", entity)
        return resource_conditions.__wrapped__(seen, entity, Condition.model_validate({"type": "Ready"}))

    return look


CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "absent"}
SCALER = head(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    spec={"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 5, "metrics": [CPU]},
)
UNABLE = {
    "type": "AbleToScale",
    "status": "False",
    "reason": "FailedGetScale",
    "message": 'the HPA controller was unable to get the target\'s current scale: deployments/scale.apps "absent" not found',
}
BUDGET = head("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}})
COVERED = {"currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 0, "expectedPods": 1, "observedGeneration": 1}
BARE = {"currentHealthy": 0, "desiredHealthy": 1, "disruptionsAllowed": 0, "expectedPods": 0, "observedGeneration": 1}
HARD = {"count/configmaps": "4", "requests.memory": "1Gi"}
QUOTA = head("v1", "ResourceQuota", spec={"hard": HARD})
# Every namespace holds the certificate of its cluster; OpenShift adds that of its services.
USED = {"hard": HARD, "used": {"count/configmaps": "1", "requests.memory": "0"}}
CLAIM = head(
    "v1",
    "PersistentVolumeClaim",
    spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "muster-absent", "resources": {"requests": {"storage": "1Gi"}}},
)
JOB = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": SHELL, "command": ["true"]}]}}}}
RESTING = head("batch/v1", "CronJob", spec={"schedule": "0 3 * * *", "suspend": True, "jobTemplate": JOB})
CLASS = head("storage.k8s.io/v1", "StorageClass", "muster-test-class", provisioner="csi.muster.test", reclaimPolicy="Delete")
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "worker-1"},
    "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]},
}
NAMES = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
OPEN = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
DEFINITION = head(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "widgets.muster.test",
    spec={
        "group": "muster.test",
        "scope": "Namespaced",
        "names": NAMES,
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": OPEN}],
    },
)


def widget(name: str, status: str) -> Object:
    """An object of the custom kind, with its condition."""
    told = {"type": "Ready", "status": status, "reason": "Tested", "message": "first\nsecond", "lastTransitionTime": past(60)}
    return head("muster.test/v1", "Widget", name, status={"conditions": [told]})


WIDGETS = [widget("good", "True"), widget("bad", "False")]
NOWHERE = manifest(template={"nodeSelector": {"muster.test/nowhere": "true"}})
ABOUT = {"apiVersion": "v1", "kind": "Pod", "name": "web-6d4cf56db6-x2x7k", "namespace": NAMESPACE}
TOLD = head("v1", "Event", "web-6d4cf56db6-x2x7k.18e9d7", type="Warning", reason="FailedScheduling", involvedObject=ABOUT)
# As a 1.32 scheduler writes it: no count and no first or last time.
UNPLACED = {
    "message": "0/1 nodes are available: 1 node(s) didn't match",
    "eventTime": past(20),
    "firstTimestamp": None,
    "lastTimestamp": None,
}

SCENES = {
    "autoscaler-of-nothing": Scene(
        [SCALER],
        [stored(SCALER, status={"conditions": [UNABLE], "currentReplicas": 0, "desiredReplicas": 0, "currentMetrics": None})],
        through(autoscaler_state, "autoscalers", autoscaler=made(Autoscaler)),
        r'AbleToScale is False, FailedGetScale: .*"absent" not found.*unknown_metrics=1 .*2 to 5, cpu 70%',
    ),
    "budget": Scene(
        [manifest(), BUDGET],
        [deployment(1), pod(), stored(BUDGET, status=COVERED)],
        through(budget_state, "disruption_budgets", disruption_budget=made(DisruptionBudget)),
        r"looked_at=1, .*1 of 1 pods are healthy, 1 must remain.*allowed=0",
    ),
    "budget-of-nothing": Scene(
        [BUDGET],
        [stored(BUDGET, status=BARE)],
        through(budget_state, "disruption_budgets", disruption_budget=made(DisruptionBudget)),
        r"looked_at=0, .*web covers no pod",
    ),
    "quota": Scene(
        [QUOTA],
        [stored(QUOTA, status=USED)],
        through(quota_use, "quotas", quota=made(Quota, quota="web")),
        r"looked_at=2, .*web: count/configmaps [12] of 4'.*used=(25|50)%",
    ),
    "claim-without-volume": Scene(
        [CLAIM],
        [stored(CLAIM, status={"phase": "Pending"})],
        through(volume_state, "claims", volume=made(Volume)),
        r"unbound=1 \(web is Pending since \w+, storage class muster-absent\), capacity=0",
    ),
    "cron-job-that-rests": Scene(
        [RESTING],
        [stored(RESTING, status={})],
        through(cron_job_state, "cron_jobs", cron_job=made(CronJob, expect={"succeeded_within": "1h"})),
        r"web \(0 3 \* \* \*\) never succeeded.*suspended=True, since_success=\d",
    ),
    "storage-class": Scene(
        [CLASS],
        [stored(CLASS)],
        through(storage_class_state, "storage_classes", storage_class=made(StorageClass, "muster-test-class", expect={"default": True})),
        r"default=False, provisioner='csi.muster.test'",
    ),
    "nodes": Scene([], [NODE], through(node_pool, "nodes", node_group=made(Nodes)), r"looked_at=[1-9]\d*, .*ready=[1-9]"),
    "custom-kind": Scene(
        [DEFINITION, *WIDGETS],
        [stored(each) for each in WIDGETS],
        conditions("Widget", "muster.test/v1"),
        r"looked_at=2, .*without=1 \(bad: Ready is False since \w+, Tested: first\), having=1 \(good",
    ),
    "custom-kind-that-is-not-installed": Scene([], [], conditions("Gadget", "absent.muster.test/v1"), r"no such kind.*Gadget.*\(404\)"),
    "warning": Scene(
        [NOWHERE],
        [pod(age=30, phase="Pending"), stored(TOLD, **UNPLACED)],
        through(workload_warnings, "events", "pods", workload=WORKLOAD, terms=WITHIN),
        r"warnings=[1-9].*web-\S+: FailedScheduling, (once|\d+ times), last \w+ ago: 0/\d+ nodes are available",
    ),
}


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize("name", SCENES)
def test_what_becomes_of_each_kind_is_said_in_the_same_words(any_cluster: AnyCluster, name: str) -> None:
    scene = SCENES[name]

    assert re.search(scene.words, scene.play(any_cluster), re.DOTALL)


@pytest.mark.parametrize("plural", RESOURCES)
def test_each_kind_is_served_where_we_ask_for_it(any_cluster: AnyCluster, plural: str) -> None:
    any_cluster.put([])
    begin(30)

    assert listing(any_cluster.connection, plural).at > 0
