"""What a sandboxed platform is made of, as plain data.

A world is the healthy state of one system; a fault is a named edit of it. Services render whatever world they are given,
so a fault injected before the start and one injected into a running sandbox are the same edit.
Everything here survives a round trip through JSON (`dataclasses.asdict`, `World.from_json`), because the stand-ins run in
another process.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.alerting import Alertmanager
from sandbox.decoding import build, plain
from sandbox.machine import Machine

Object = dict[str, Any]


@dataclass
class Trouble:
    """A way to misbehave: the first entry whose `path` prefix matches a request decides."""

    path: str = "/"
    status: int | None = None  # answer with this HTTP status (401, 403, 410, 429, 500 ...)
    message: str = ""
    retry_after: int | None = None  # seconds, sent as Retry-After
    delay: float = 0.0  # seconds before anything else happens
    reset: bool = False  # cut the connection instead of answering
    hang: bool = False  # accept and never answer
    drip: float = 0.0  # seconds between two bytes of the body
    after: int = 0  # this many matching requests pass unharmed first
    times: int | None = None  # only this many requests meet it, then it is over; None: all
    torn: bool = False  # cut the connection in the middle of the body (buckets only)


@dataclass
class Served:
    """The certificate an endpoint presents."""

    names: list[str] = field(default_factory=lambda: ["localhost", "127.0.0.1"])
    valid_for: float = 90 * 86400.0  # seconds from now; negative: expired
    valid_since: float = 86400.0  # seconds before now
    issuer: str = "sandbox"  # "sandbox" (the trusted CA), "foreign" (a CA nobody trusts), "self"
    intermediate: str = "sent"  # "sent", "missing", or "none" when the CA signs the leaf itself
    key: str = "ec256"  # "ec256", "rsa2048", "rsa1024"
    signature: str = "sha256"  # "sha256", "sha1"
    secret: str | None = None  # "namespace/name" of a kubernetes.io/tls secret in the cluster that holds it
    former_key: bool = False  # that secret holds the key of the certificate before this one
    minimum_version: str = "TLSv1.2"
    maximum_version: str = "TLSv1.3"
    intermediate_valid_for: float | None = None  # seconds from now; None: ten years
    client_certificate: bool = False  # the client must present one signed by the sandbox CA


@dataclass
class Cluster:
    """The Kubernetes API: its objects, what containers logged, who may do what."""

    objects: list[Object] = field(default_factory=list)  # whole objects: apiVersion, kind, metadata, spec, status
    logs: dict[str, str] = field(default_factory=dict)  # "namespace/pod/container" or ".../previous" -> text, RFC 3339 stamped lines
    tokens: dict[str, list[Object]] = field(default_factory=dict)  # bearer token -> RBAC rules; one with `namespaces` is a Role there
    trouble: list[Trouble] = field(default_factory=list)
    version: str = "v1.32.3"
    namespace: str | None = None  # of the kubeconfig's context; None: the one with most objects
    users: dict[str, str] = field(default_factory=dict)  # bearer token -> user name; others are named by position, never by token
    reviews_forbidden: bool = False  # nobody may ask what they are allowed to
    rules_incomplete: bool = False  # a webhook decides: the rules review lists nothing, single questions are answered
    missing_groups: list[str] = field(default_factory=list)  # API groups that are not installed, "metrics.k8s.io" say: 404
    continue_expires: bool = False  # every continue token is too old: 410 from the second page on
    clock_skew: float = 0.0  # seconds by which the server's clock (Date header) is ahead
    certificate: Served = field(default_factory=Served)
    stopped: bool = False  # nothing listens on the API's port


@dataclass
class Route:
    """What one path answers."""

    status: int = 200
    json: Any = None
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    token: str | None = None  # bearer token the route demands; without it 401
    basic: str | None = None  # "user:password" the route demands; without it 401
    delay: float = 0.0  # seconds
    redirect: str | None = None  # Location; "${name}" is the URL of another site; status 302 unless `status` is 3xx


@dataclass
class Site:
    """A web server on a port of its own."""

    routes: dict[str, Route] = field(default_factory=dict)
    certificate: Served | None = None  # None: plain HTTP
    trouble: list[Trouble] = field(default_factory=list)
    stopped: bool = False  # nothing listens on its port
    certificates: dict[str, Served] = field(default_factory=dict)  # SNI name -> what it gets instead of `certificate`


@dataclass
class Series:
    """One Prometheus series over the last 24 h, and what the scraped target goes on to say.

    Between `at` points (seconds before now -> value or per-second rate) the newest point at or before a moment holds.
    """

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    kind: str = "gauge"  # "gauge" or "counter"
    value: dict[int, float] = field(default_factory=dict)  # gauge: value; counter: increase per second
    target: str | None = None  # the scrape target that exposes it; None: history only
    until: int = 0  # seconds before now at which it ends


@dataclass
class Metrics:
    """A Prometheus server: history, scrape targets, rules."""

    series: list[Series] = field(default_factory=list)
    targets: dict[str, dict[str, str]] = field(default_factory=dict)  # target name -> labels (job, pod, namespace ...)
    silent: list[str] = field(default_factory=list)  # targets that are scraped and answer 503
    reloaded: str = ""  # what its configuration file is replaced with, and reloaded, after the start; "": left alone
    rules: list[Object] = field(default_factory=list)  # rule groups as in a Prometheus rule file
    scrape_interval: str = "1s"
    evaluation_interval: str = "1s"
    stopped: bool = False


@dataclass
class Session:
    """A database session held open by the sandbox for as long as the world says so."""

    sql: str  # run in it; "" for an idle session
    transaction: bool = False  # begin first and do not commit
    user: str | None = None
    count: int = 1
    waits: bool = False  # the statement is expected to block (pg_sleep, a lock)


@dataclass
class Standby:
    """A server that follows a database's by streaming, with all that is in it."""

    paused: bool = False  # it receives what is written from now on, and does not replay it
    stopped: bool = False


@dataclass
class Database:
    """A PostgreSQL server: how it is started, what is in it, who is connected."""

    name: str = "app"
    owner: str = "app"
    passwords: dict[str, str] = field(default_factory=dict)  # role -> password; every role can log in
    sql: list[str] = field(default_factory=list)  # run as superuser in `name`, in order, each in autocommit
    settings: dict[str, str] = field(default_factory=dict)  # postgresql.conf; a change means a restart
    access: list[str] = field(default_factory=list)  # pg_hba.conf lines tried before "host all all all scram-sha-256"
    sessions: list[Session] = field(default_factory=list)
    certificate: Served | None = None  # None: no TLS
    standby: Standby | None = None  # None: nothing follows
    stopped: bool = False


@dataclass
class HostFile:
    """A file on a host, or a link: `head`, then `filler` bytes of rows that hardly compress, then `tail`."""

    head: str = ""
    filler: int = 0
    tail: str = ""
    gzip: bool = False  # all of it compressed
    kept: float = 1.0  # share of the bytes that is there, from the start; less: an upload that broke off
    link: str | None = None  # a symbolic link to this path, relative to its own folder, instead
    written: float = 0.0  # seconds before now
    mode: str = "0644"
    owner: str = ""  # "user:group", as a host with ssh says; "": who it really belongs to
    dump: str = ""  # where drills are possible: a real dump of this database of the world, in place of head, filler and tail
    dump_options: list[str] = field(default_factory=list)  # for pg_dump
    edits: dict[str, str] = field(default_factory=dict)  # of the dump's text: pattern -> replacement


@dataclass
class Host:
    """A folder of files, and an ssh server through which they can be looked at."""

    files: dict[str, HostFile] = field(default_factory=dict)  # path below the host's root
    ssh: bool = True  # False: only the folder, for a look at this machine
    key: str = "first"  # another word is another host key; clients know the one that the boot began with
    welcome: bool = True  # whether the key of the sandbox's user is let in
    machine: Machine | None = None  # None, and without ssh: what holds for this machine
    stopped: bool = False  # nothing listens on its port; without ssh: the folder is gone


@dataclass
class Redis:
    """A Redis server: who may log in, what is in it."""

    passwords: dict[str, str] = field(default_factory=dict)  # user of the ACL -> password
    rules: dict[str, str] = field(default_factory=dict)  # user -> ACL rules beside its password; without them it may do everything
    commands: list[list[str]] = field(default_factory=list)  # run at the start by an administrator, in order
    settings: dict[str, str] = field(default_factory=dict)  # redis.conf
    certificate: Served | None = None  # None: no TLS
    unsaved: list[list[str]] = field(default_factory=list)  # run after the save that ends the start
    replica_of: str | None = None  # name of its primary, a server without TLS
    held: int = 0  # connections that somebody opened and keeps
    turned_away: int = 0  # connections that were refused because there were too many
    loading: bool = False  # it is restarted with its data, and still loads them
    stopped: bool = False


@dataclass
class BucketObject:
    """An object of a bucket; its bytes are made as those of a `HostFile`."""

    head: str = ""
    filler: int = 0
    tail: str = ""
    gzip: bool = False  # all of it compressed
    kept: float = 1.0  # share of the bytes that is there, from the start
    written: float = 0.0  # seconds before now
    encryption: str = "AES256"  # as the object itself says: also aws:kms, or "" as other vendors store
    kms_key: str = ""  # ARN, with aws:kms
    storage_class: str = "STANDARD"


@dataclass
class LifecycleRule:
    """What becomes of objects below a prefix, in days."""

    prefix: str = ""
    transitions: dict[str, int] = field(default_factory=dict)  # storage class -> days
    expires: int | None = None
    enabled: bool = True


@dataclass
class Bucket:
    """A bucket behind an S3 API, with the keys that are let in; all buckets share one server, which also says whose keys they are."""

    objects: dict[str, BucketObject] = field(default_factory=dict)  # key -> object
    keys: dict[str, str] = field(default_factory=dict)  # access key -> secret key; clients hold the first
    known: dict[str, str] | None = None  # what the server knows instead, after a rotation
    account: str = "123456789012"  # of the keys
    allowed: list[str] | None = None  # IAM actions that the keys are good for; None: all
    versioning: bool = False
    open: list[str] = field(default_factory=list)  # settings that block public access and are off
    encryption: str = "AES256"  # of what comes without a word about it; "": none
    lifecycle: list[LifecycleRule] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)  # by path: /bucket/key
    page: int = 1000  # objects of a list at once
    clock_skew: float = 0.0  # seconds by which the server's clock (Date header) is ahead
    deleted: bool = False  # there is no such bucket any more
    stopped: bool = False  # nothing listens on the server's port while all buckets say so


@dataclass
class World:
    """Everything one environment reaches. A part that is None is not started."""

    cluster: Cluster | None = None
    sites: dict[str, Site] = field(default_factory=dict)
    metrics: Metrics | None = None
    alertmanager: Alertmanager | None = None
    databases: dict[str, Database] = field(default_factory=dict)
    scratch: dict[str, Database] = field(default_factory=dict)  # servers of drills, on loopback addresses of their own
    hosts: dict[str, Host] = field(default_factory=dict)
    caches: dict[str, Redis] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)  # what whoever deploys says: name -> value, as SANDBOX_NAME
    earlier: dict[str, dict[int, float]] = field(default_factory=dict)  # what looks remembered: fact -> seconds before now -> value

    def to_json(self) -> str:
        """This world as JSON text (NaN and Infinity as Python writes them)."""
        return json.dumps(self, default=plain)

    @classmethod
    def from_json(cls, text: str | bytes) -> "World":
        """The world that `to_json` wrote; ValueError names the path of a field that is unknown or of the wrong shape."""
        return build(cls, json.loads(text), "world")


@dataclass(frozen=True)
class Fault:
    """A named way to break a world, and what has to notice."""

    name: str
    summary: str  # one line, as `python -m sandbox faults` prints it
    edit: Callable[[World], None] = field(compare=False)
    violates: tuple[str, ...] = ()  # "check[entity]" ids that must not hold any more
    verdict: str = "violated"  # or "unknown"
    hides: tuple[str, ...] = ()  # ids that are unknown as well, because they can no longer be looked at
