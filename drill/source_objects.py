"""Backups that are objects of a bucket: the newest over all pages, read as it was when it was chosen."""

from base64 import b64decode
from collections.abc import Generator
from contextlib import suppress

from drill.artefact import Artefact
from drill.errors import Damaged
from fixtures.aws import objects
from fixtures.aws.errors import Changed
from muster.kinds.buckets import BucketBackup
from muster.probes import CouldNotLook


def find(backup: BucketBackup) -> Artefact:
    """The newest object that matches. Raises Damaged when there is none, CouldNotLook."""
    found = objects.newest(backup.reached(), backup.prefix, backup.pattern())
    if found is None:
        raise Damaged(f"there is no backup: nothing below {backup.prefix or 'the bucket'} matches {backup.name_matches}")
    return Artefact(
        name=found.key,
        seen=f"{backup.reached().target()}, {found.key}{f' version {found.version}' if found.version else ''}",
        size=int(found.size),
        written=float(found.written),
        now=float(found.now),
        version=f"{found.version} {found.etag}".strip(),
        read=lambda: _read(backup, found),
        encrypted=found.encryption,
        checksum=_sha256(found.checksum),
    )


def changed(backup: BucketBackup, before: Artefact) -> list[str]:
    """What has become of the object since, in a sentence. Raises CouldNotLook."""
    after = objects.newest(backup.reached(), before.name, r"\Z")
    if after is None:
        return [f"the backup {before.name} is gone"]
    same = f"{after.version} {after.etag}".strip() == before.version
    return [] if same else [f"the backup {before.name} was replaced: {before.size} bytes before, {int(after.size)} after"]


def _read(backup: BucketBackup, found: objects.Artefact) -> Generator[bytes, None, None]:
    """Its bytes; one that was replaced since is no longer read. Raises CouldNotLook."""
    try:
        yield from objects.open_object(backup.reached(), found.key, etag=found.etag)
    except Changed as changed_under_us:
        raise CouldNotLook(
            f"the backup {found.key} was replaced while it was read", cause=backup.reached().target(), hint="drill again"
        ) from changed_under_us


def _sha256(told: str) -> str:
    """The checksum of the whole object in hex, where S3 stores that one."""
    kind, _, value = told.partition(":")
    with suppress(ValueError):
        return b64decode(value, validate=True).hex() if kind == "SHA256" and "-" not in value else ""
    return ""
