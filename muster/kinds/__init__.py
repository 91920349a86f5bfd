"""The kinds of entities, by the section of the file in which they stand. Each is imported when a file or a check has one."""

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muster.kinds.base import Entity

SECTIONS: dict[str, str] = {
    "databases": "postgresql.Database",
    "logins": "postgresql.Login",
    "redis_servers": "redis.RedisServer",
    "redis_logins": "redis.RedisLogin",
    "redis_queues": "redis.RedisQueue",
    "logs": "logs.Log",
    "config_maps": "config.ConfigMap",
    "secrets": "config.StoredSecret",
    "ingresses": "config.Ingress",
    "readings": "readings.Reading",
    "prometheus_servers": "prometheus.PrometheusServer",
    "alert_rules": "prometheus.AlertRule",
    "alerts": "prometheus.Alert",
    "scrape_targets": "prometheus.ScrapeTarget",
    "alertmanagers": "alertmanager.AlertmanagerServer",
    "silences": "alertmanager.PlannedSilence",
    "workloads": "kubernetes.Workload",
    "autoscalers": "cluster.Autoscaler",
    "cron_jobs": "cluster.CronJob",
    "jobs": "cluster.Jobs",
    "services": "cluster.Service",
    "disruption_budgets": "cluster.DisruptionBudget",
    "nodes": "cluster.Nodes",
    "quotas": "cluster.Quota",
    "volumes": "cluster.Volume",
    "storage_classes": "cluster.StorageClass",
    "resources": "cluster.Resource",
    "endpoints": "web.Endpoint",
    "certificates": "web.ServedCertificate",
    "hosts": "hosts.Host",
    "files": "hosts.HostFile",
    "backups": "hosts.Backup",
    "drills": "drills.Drill",
    "bucket_backups": "buckets.BucketBackup",
    "buckets": "buckets.Bucket",
    "identities": "identities.OwnIdentity",
    "maintenance": "maintenance.Maintenance",
}
"""Module and class of each section's kind, in the order of reports."""


@cache
def kind_of(section: str) -> "type[Entity]":
    """The kind of a section. KeyError for a section that there is not."""
    module, _, name = SECTIONS[section].partition(".")
    kind: type[Entity] = getattr(import_module(f"{__name__}.{module}"), name)
    return kind


def every() -> "tuple[type[Entity], ...]":
    """All kinds."""
    return tuple(map(kind_of, SECTIONS))


def loaded() -> "tuple[type[Entity], ...]":
    """The kinds that a file or a check has asked for so far."""
    return tuple(kind_of(section) for section, path in SECTIONS.items() if f"{__name__}.{path.partition('.')[0]}" in sys.modules)
