"""Finding and changing objects of a healthy platform-service cluster; what its faults are made of."""

from datetime import UTC, datetime
from typing import Any

from sandbox.world import Object, World

DAY = 86400.0


def every(world: World, kind: str) -> list[Object]:
    """All objects of a kind."""
    assert world.cluster is not None
    return [each for each in world.cluster.objects if each["kind"] == kind]


def find(world: World, kind: str, name: str) -> Object:
    """The object of that kind with that name, else the first whose name begins so. StopIteration when there is none."""
    exact = [each for each in every(world, kind) if each["metadata"]["name"] == name]
    return exact[0] if exact else next(each for each in every(world, kind) if each["metadata"]["name"].startswith(name))


def drop(world: World, kind: str, name: str) -> None:
    """Remove an object."""
    assert world.cluster is not None
    world.cluster.objects.remove(find(world, kind, name))


def now_of(world: World) -> float:
    """The world's now in Unix seconds, to which the times of its objects relate."""
    made: str = find(world, "StatefulSet", "postgres")["metadata"]["creationTimestamp"]
    return datetime.strptime(made, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() + 40 * DAY


def ago(world: World, seconds: float) -> str:
    """A time so long before the world's now, as Kubernetes writes it."""
    return datetime.fromtimestamp(now_of(world) - seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def status_of(world: World, pod: str) -> Object:
    """The status of a pod's first container."""
    found: Object = find(world, "Pod", pod)["status"]["containerStatuses"][0]
    return found


def unready(world: World, pod: str, seconds: float = 1200.0) -> Object:
    """Make a pod's one container unready since so long, and its endpoint with it; returns the container's status."""
    found = find(world, "Pod", pod)
    app = found["spec"]["containers"][0]["name"]
    told = {"status": "False", "reason": "ContainersNotReady", "message": f"containers with unready status: [{app}]"}
    for each in found["status"]["conditions"]:
        if each["type"] in ("Ready", "ContainersReady"):
            each.update(told, lastTransitionTime=ago(world, seconds))
    for slices in every(world, "EndpointSlice"):
        for endpoint in slices["endpoints"]:
            if endpoint["targetRef"]["name"] == pod:
                endpoint["conditions"] |= {"ready": False, "serving": False}
    status = status_of(world, pod)
    status["ready"] = False
    return status


def container_fails(world: World, pod: str, reason: str, message: str) -> Object:
    """Make a pod's container wait for a reason that does not pass; returns its status."""
    status = unready(world, pod)
    status |= {"started": False, "state": {"waiting": {"reason": reason, "message": message}}}
    return status


def image(world: World, pod: str, name: str, digest: str) -> None:
    """Let a pod run another image."""
    find(world, "Pod", pod)["spec"]["containers"][0]["image"] = name
    status_of(world, pod).update({"image": name, "imageID": digest})


def counts(world: World, **changed: Any) -> None:
    """Change numbers in the status of the service's deployment and of its current replica set."""
    for kind, name in (("Deployment", "platform-service"), ("ReplicaSet", "platform-service-7c9d8b6f5")):
        find(world, kind, name)["status"].update(
            {key: value for key, value in changed.items() if kind == "Deployment" or key != "updatedReplicas"}
        )


def lose_pods(world: World, *pods: str) -> None:
    """Remove pods, and their endpoints."""
    for pod in pods:
        drop(world, "Pod", pod)
    for slices in every(world, "EndpointSlice"):
        slices["endpoints"] = [each for each in slices["endpoints"] if each["targetRef"]["name"] not in pods]


def event(world: World, pod: str, reason: str, message: str, times: int = 1) -> None:
    """Let the cluster have warned about a pod, the last time a minute ago."""
    assert world.cluster is not None
    about = {"kind": "Pod", "name": pod, "namespace": find(world, "Pod", pod)["metadata"]["namespace"]}
    when = {"firstTimestamp": ago(world, 1200), "lastTimestamp": ago(world, 60)}
    metadata = {"name": f"{pod}.{reason.lower()}", "namespace": about["namespace"], "creationTimestamp": when["firstTimestamp"]}
    told = {"type": "Warning", "reason": reason, "message": message, "count": times}
    world.cluster.objects.append({"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": about, **when, **told})
