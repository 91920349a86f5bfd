"""The kinds of entities, by the section of the file in which they stand."""

from muster.kinds.alertmanager import AlertmanagerServer, PlannedSilence
from muster.kinds.base import Entity
from muster.kinds.buckets import Bucket, BucketBackup
from muster.kinds.cluster import Autoscaler, CronJob, DisruptionBudget, Jobs, Nodes, Quota, Resource, Service, StorageClass, Volume
from muster.kinds.config import ConfigMap, Ingress, StoredSecret
from muster.kinds.drills import Drill
from muster.kinds.hosts import Backup, Host, HostFile
from muster.kinds.identities import OwnIdentity
from muster.kinds.kubernetes import Workload
from muster.kinds.logs import Log
from muster.kinds.maintenance import Maintenance
from muster.kinds.postgresql import Database, Login
from muster.kinds.prometheus import Alert, AlertRule, PrometheusServer, ScrapeTarget
from muster.kinds.readings import Reading
from muster.kinds.redis import RedisLogin, RedisQueue, RedisServer
from muster.kinds.web import Endpoint, ServedCertificate

KINDS: tuple[type[Entity], ...] = (
    Database,
    Login,
    RedisServer,
    RedisLogin,
    RedisQueue,
    Log,
    ConfigMap,
    StoredSecret,
    Ingress,
    Reading,
    PrometheusServer,
    AlertRule,
    Alert,
    ScrapeTarget,
    AlertmanagerServer,
    PlannedSilence,
    Workload,
    Autoscaler,
    CronJob,
    Jobs,
    Service,
    DisruptionBudget,
    Nodes,
    Quota,
    Volume,
    StorageClass,
    Resource,
    Endpoint,
    ServedCertificate,
    Host,
    HostFile,
    Backup,
    Drill,
    BucketBackup,
    Bucket,
    OwnIdentity,
    Maintenance,
)
