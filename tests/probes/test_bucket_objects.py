"""Objects of a bucket through the real boto3: all pages, the newest by time, one list for a look, streams that notice a change."""

import time

import pytest

from fixtures.aws.errors import Absent, Changed
from fixtures.aws.objects import listing, newest, open_object
from muster.probes import CouldNotLook, begin
from sandbox.world import BucketObject, Trouble
from tests.probes.bucket_servers import DAY, HOUR, Server

pytestmark = pytest.mark.usefixtures("new_look")
ALL = r"(?s:.*)\Z"


def many(count, **newest_one):
    """Objects of a minute's distance, the newest of which is `pg/0700`."""
    objects = {f"pg/{number:04}": BucketObject(head=f"{number}", written=DAY + 60.0 * number) for number in range(count)}
    objects["pg/0700"] = BucketObject(head="the newest", written=HOUR, **newest_one)
    return objects


def test_the_newest_is_found_by_time_over_all_pages(buckets: Server):
    buckets.become(many(2300))

    found = newest(buckets.connection(), "pg/", ALL)

    assert found is not None
    assert found.key == "pg/0700"
    assert abs(found.now - found.written - HOUR) < 120
    lists = [each for each in buckets.requests() if each["action"] == "s3:ListBucket"]
    assert len(lists) == 3
    assert "continuation-token" in lists[2]["query"]


def test_pages_of_other_vendors_may_be_small(buckets: Server):
    buckets.become(many(800), page=97)

    assert len(listing(buckets.connection(), "pg/").objects) == 800
    assert len(buckets.requests()) == 9


def test_the_newest_may_be_the_last_of_the_last_page(buckets: Server):
    objects = {f"pg/{number:04}": BucketObject(written=DAY) for number in range(1000)}
    buckets.become({**objects, "pg/zzz": BucketObject(head="x", written=60.0)})

    found = newest(buckets.connection(), "pg/", ALL)

    assert found is not None
    assert found.key == "pg/zzz"


def test_one_list_serves_a_whole_look(buckets: Server):
    buckets.become(many(800))
    connection = buckets.connection()

    for _ in range(3):
        assert len(listing(connection, "pg/").objects) == 800

    assert [each["action"] for each in buckets.requests()] == ["s3:ListBucket"]


def test_names_with_strange_characters_come_as_they_are(buckets: Server):
    name = "pg/ä dump+of 50%/&<x>=.sql"
    buckets.become({name: BucketObject(head="text", written=60.0)})

    found = newest(buckets.connection(), "pg/", ALL)

    assert found is not None
    assert found.key == name
    assert b"".join(open_object(buckets.connection(), found.key, found.version, found.etag)) == b"text"


def test_what_an_object_says_of_itself(buckets: Server):
    key = "arn:aws:kms:eu-central-1:123456789012:key/1"
    buckets.become({"pg/a": BucketObject(head="text", written=60.0, encryption="aws:kms", kms_key=key, storage_class="STANDARD_IA")})

    found = newest(buckets.connection(), "pg/", ALL, checksums=True)

    assert found is not None
    assert (found.size, found.encryption, found.kms_key, found.storage_class) == (4, "aws:kms", key, "STANDARD_IA")
    assert found.version
    assert found.etag


def test_an_object_is_streamed_in_pieces(buckets: Server):
    buckets.become({"pg/a": BucketObject(head="begin", filler=3_000_000, tail="end", written=60.0)})
    connection = buckets.connection()
    found = newest(connection, "pg/", ALL)
    assert found is not None

    pieces = list(open_object(connection, found.key, found.version, found.etag))

    assert max(map(len, pieces)) <= 2**18
    assert sum(map(len, pieces)) == found.size
    assert pieces[0].startswith(b"begin")
    assert pieces[-1].endswith(b"end")


def test_an_object_that_was_replaced_is_another_one(buckets: Server):
    buckets.become({"pg/a": BucketObject(head="first", written=60.0)}, versioning=False)
    found = newest(buckets.connection(), "pg/", ALL)
    assert found is not None
    buckets.become({"pg/a": BucketObject(head="second", written=30.0)}, versioning=False)

    with pytest.raises(Changed, match="was replaced since we found it"):
        list(open_object(buckets.connection(), found.key, etag=found.etag))


def test_an_object_that_is_gone_is_said_to_be(buckets: Server):
    buckets.become({"pg/a": BucketObject(head="first", written=60.0)})

    with pytest.raises(Absent, match="it is not there any more"):
        list(open_object(buckets.connection(), "pg/b"))


def test_a_connection_that_is_cut_in_the_middle_is_no_end(buckets: Server):
    buckets.become({"pg/a": BucketObject(filler=3_000_000, written=60.0)}, trouble=[Trouble("/backups/pg/a", torn=True)])

    with pytest.raises(CouldNotLook, match=r"broke off|missing"):
        list(open_object(buckets.connection(), "pg/a"))


def test_a_stream_that_drips_ends_with_the_deadline(buckets: Server):
    buckets.become({"pg/a": BucketObject(head="x" * 4000, written=60.0)}, trouble=[Trouble("/backups/pg/a", drip=0.3)])
    begin(2)
    began = time.monotonic()

    with pytest.raises(CouldNotLook, match="no complete answer within"):
        list(open_object(buckets.connection(), "pg/a"))

    assert time.monotonic() - began < 30


def test_a_stream_may_be_given_up(buckets: Server):
    buckets.become({"pg/a": BucketObject(filler=3_000_000, written=60.0)})
    pieces = open_object(buckets.connection(), "pg/a")

    assert next(pieces)
    pieces.close()

    assert list(pieces) == []


def test_being_throttled_for_a_moment_is_met_with_patience(buckets: Server):
    buckets.become(many(800), trouble=[Trouble(status=503, times=2)])

    assert len(listing(buckets.connection(), "pg/").objects) == 800
    assert [each["status"] for each in buckets.requests()] == [503, 503, 200]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble(status=503), "turns us away: SlowDown"),
        (Trouble(status=503, retry_after=600), "turns us away: SlowDown"),
        (Trouble(status=429), "turns us away: TooManyRequests"),
        (Trouble(status=500), "turns us away: InternalError"),
        (Trouble(status=403), "we are not allowed to list objects below pg/"),
        (Trouble(status=403, message="ExpiredToken"), "our temporary keys have expired"),
        (Trouble(status=403, message="RequestTimeTooSkewed"), "clock of the server is too far from ours"),
        (Trouble(status=301, message="PermanentRedirect"), "another region"),
        (Trouble(status=404, message="NoSuchBucket"), "there is no such bucket"),
        (Trouble(status=400, message="<script>"), "cannot list objects below pg/: <script>"),
        (Trouble(reset=True), "reset|broke off|without response"),
    ],
    ids=str,
)
def test_a_refusal_is_worded(buckets: Server, trouble: Trouble, said: str):
    buckets.become(many(1), trouble=[trouble])

    with pytest.raises(CouldNotLook, match=said) as caught:
        listing(buckets.connection(), "pg/")

    assert caught.value.cause.startswith("s3 backups at 127.0.0.1:")


@pytest.mark.parametrize("status", [301, 307, 400, 405])
def test_a_head_that_is_refused_is_asked_once(buckets: Server, status: int):
    buckets.become({"pg/a": BucketObject(written=60.0)}, trouble=[Trouble("/backups/pg/a", status=status, message="Elsewhere")])

    with pytest.raises(CouldNotLook, match=r"another region|cannot see what pg/a is"):
        newest(buckets.connection(), "pg/", ALL)

    assert len(buckets.requests()) == 2


def test_a_server_that_never_answers_is_given_up_at_the_deadline(buckets: Server):
    buckets.become(many(1), trouble=[Trouble(hang=True)])
    begin(2)

    with pytest.raises(CouldNotLook, match="no complete answer within"):
        listing(buckets.connection(), "pg/")


def test_an_endless_list_is_given_up(buckets: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fixtures.aws.objects.MOST", 500)
    buckets.become(many(800), page=100)

    with pytest.raises(CouldNotLook, match="more than 500 objects lie below"):
        listing(buckets.connection(), "pg/")

    assert len(buckets.requests()) == 6
