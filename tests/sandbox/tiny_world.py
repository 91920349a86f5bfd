"""A small world that has one of everything, for tests of the machinery that runs worlds."""

from sandbox.world import Bucket, BucketObject, Cluster, Database, Fault, Metrics, Redis, Route, Series, Served, Session, Site, World

DAY = 2 * 86400  # seconds before now at which every series has begun long ago


def database() -> Database:
    """Two roles, one table with three rows, one idle session."""
    return Database(
        name="tiny_db",
        owner="tiny",
        passwords={"tiny": "secret of tiny", "watcher": 'it\'s a \\ "secret"'},
        sql=["CREATE EXTENSION pg_stat_statements", "CREATE TABLE numbers AS SELECT generate_series(1, 3) AS number"],
        sessions=[Session("")],
    )


def metrics() -> Metrics:
    """One target with a counter and a gauge, one gauge without a target, one alert."""
    return Metrics(
        series=[
            Series("tiny_requests_total", {"code": "200"}, "counter", {DAY: 4.0}, "pod-1"),
            Series("tiny_queue", {}, "gauge", {DAY: 2.0, 600: 7.0}, "pod-1"),
            Series("tiny_old", {"what": 'a "quoted" name'}, "gauge", {DAY: 1.0}, None, until=7200),
        ],
        targets={"pod-1": {"job": "tiny", "pod": "pod-1"}},
        rules=[{"name": "tiny", "rules": [{"alert": "TargetDown", "expr": "up == 0"}]}],
    )


def world(now: float) -> World:
    """Everything healthy."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tiny"}}
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]
    return World(
        cluster=Cluster(objects=[namespace], tokens={"tiny-token": list(rules)}),
        sites={"front": Site(routes={"/health": Route(json={"status": "healthy"})}, certificate=Served())},
        metrics=metrics(),
        databases={"store": database()},
        caches={"cache": Redis(passwords={"tiny": "secret of tiny"}, commands=[["SET", "greeting", "hello"]])},
        buckets={"archive": Bucket({"greeting": BucketObject("hello")}, {"AKIATINY": "secret of tiny"})},
        earlier={"visits": {3600: 41.0}},
    )


def _unhealthy(changed: World) -> None:
    changed.sites["front"].routes["/health"].status = 500


FAULTS = [Fault("front-unhealthy", "The front answers 500.", _unhealthy, ("test_front[front]",))]
