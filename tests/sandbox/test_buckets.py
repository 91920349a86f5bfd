"""The sandbox's buckets: as forgiving as the real S3 and no more, whatever moto is."""

import importlib.util
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.cache import NotProvided
from sandbox.processes import ServiceFailed
from sandbox.services.buckets_process import BucketsProcess
from sandbox.services.certificates import Authority
from sandbox.world import Bucket, BucketObject, Trouble, World

EPOCH = 1_790_000_000.0
KEYS = {"AKIATINY": "secret-of-tiny"}
ONE = {"pg/a": BucketObject("hello", written=3600.0)}


class Running:
    """The process, and clients of it."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.real = BucketsProcess(folder)

    def become(self, **buckets: Bucket) -> None:
        self.real.apply(World(buckets=buckets), EPOCH)

    def client(self, service: str = "s3", secret: str = "secret-of-tiny", access: str = "AKIATINY") -> Any:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=60)
        keys = {"aws_access_key_id": access, "aws_secret_access_key": secret}
        return boto3.client(
            service, region_name="eu-central-1", endpoint_url=self.real.url, verify=str(self.authority.ca_file), config=config, **keys
        )


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Running(tmp_path_factory.mktemp("buckets"))
    yield made
    made.real.stop()


@pytest.fixture
def running(booted: Running) -> Running:
    booted.become(archive=Bucket(ONE, KEYS))
    return booted


def code(error: Any) -> str:
    return str(error.value.response["Error"]["Code"])


def test_an_object_is_as_old_as_the_world_says(running: Running) -> None:
    told = running.client().list_objects_v2(Bucket="archive")

    assert [(each["Key"], each["Size"], each["LastModified"].timestamp()) for each in told["Contents"]] == [("pg/a", 5, EPOCH - 3600)]


def test_what_nobody_asked_to_encrypt_is_encrypted(running: Running) -> None:
    client = running.client()

    assert client.head_object(Bucket="archive", Key="pg/a")["ServerSideEncryption"] == "AES256"
    rules = client.get_bucket_encryption(Bucket="archive")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_an_object_may_be_as_other_vendors_store_it(running: Running) -> None:
    running.become(archive=Bucket({"pg/a": BucketObject("hello", encryption="")}, KEYS, encryption=""))
    client = running.client()

    assert "ServerSideEncryption" not in client.head_object(Bucket="archive", Key="pg/a")
    with pytest.raises(ClientError) as caught:
        client.get_bucket_encryption(Bucket="archive")
    assert code(caught) == "ServerSideEncryptionConfigurationNotFoundError"


@pytest.mark.parametrize(
    ("keys", "said"), [({"access": "AKIAOTHER"}, "InvalidAccessKeyId"), ({"secret": "another-secret"}, "SignatureDoesNotMatch")]
)
def test_a_signature_has_to_fit(running: Running, keys: dict[str, str], said: str) -> None:
    with pytest.raises(ClientError) as caught:
        running.client(**keys).list_objects_v2(Bucket="archive")

    assert code(caught) == said


def test_an_unsigned_request_is_refused(running: Running) -> None:
    place = urlsplit(running.real.url)
    context = ssl.create_default_context(cafile=str(running.authority.ca_file))
    with (
        socket.create_connection((place.hostname, place.port), 30) as plain,
        context.wrap_socket(plain, server_hostname=place.hostname) as made,
    ):
        made.sendall(b"GET /archive/pg/a HTTP/1.0\r\n\r\n")
        assert b" 403 " in made.recv(100)


def test_keys_of_one_bucket_are_no_good_for_another(running: Running) -> None:
    running.become(archive=Bucket(ONE, KEYS), other=Bucket(ONE, {"AKIAOTHER": "other-secret"}))

    with pytest.raises(ClientError) as caught:
        running.client().list_objects_v2(Bucket="other")

    assert code(caught) == "AccessDenied"


def test_the_token_service_says_whose_keys_they_are(running: Running) -> None:
    running.become(archive=Bucket(ONE, KEYS, account="210987654321"))

    assert running.client("sts").get_caller_identity()["Account"] == "210987654321"
    with pytest.raises(ClientError) as caught:
        running.client("sts", secret="wrong").get_caller_identity()
    assert code(caught) == "SignatureDoesNotMatch"


def test_a_right_that_was_not_granted_is_refused_and_all_are_recorded_by_name(running: Running) -> None:
    running.become(archive=Bucket(ONE, KEYS, allowed=["s3:ListBucket"]))
    assert running.real.running is not None
    running.real.running.clear_requests()
    client = running.client()

    client.list_objects_v2(Bucket="archive")
    for ask in (
        lambda: client.head_object(Bucket="archive", Key="pg/a"),
        lambda: client.get_bucket_versioning(Bucket="archive"),
        lambda: client.get_public_access_block(Bucket="archive"),
        lambda: client.delete_object(Bucket="archive", Key="pg/a"),
    ):
        with pytest.raises(ClientError):
            ask()

    recorded = running.real.running.requests()
    assert [each["action"] for each in recorded[:4]] == [
        "s3:ListBucket",
        "s3:GetObject",
        "s3:GetBucketVersioning",
        "s3:GetBucketPublicAccessBlock",
    ]
    assert [each["mutating"] for each in recorded] == [False, False, False, False, True]


def test_a_silent_client_holds_up_nobody(running: Running) -> None:
    place = urlsplit(running.real.url)
    with socket.create_connection((place.hostname, place.port), 30):
        assert running.client().list_objects_v2(Bucket="archive")["KeyCount"] == 1


def test_a_trouble_meets_the_requests_of_its_path(running: Running) -> None:
    running.become(archive=Bucket(ONE, KEYS, trouble=[Trouble("/archive/pg/", status=503, times=1)]))
    client = running.client()

    client.list_objects_v2(Bucket="archive")
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket="archive", Key="pg/a")
    assert code(caught) == "SlowDown"
    assert client.get_object(Bucket="archive", Key="pg/a")["Body"].read() == b"hello"


def test_a_connection_that_is_cut_ends_without_a_word(running: Running) -> None:
    running.become(archive=Bucket(ONE, KEYS, trouble=[Trouble("/archive", reset=True)]))
    place, context = urlsplit(running.real.url), ssl.create_default_context(cafile=running.authority.ca_file)
    for _ in range(20):
        with (
            socket.create_connection((place.hostname, place.port), 10) as plain,
            context.wrap_socket(plain, server_hostname=place.hostname) as secured,
        ):
            secured.sendall(b"GET /archive HTTP/1.1\r\nHost: archive\r\n\r\n")
            said = b""
            with suppress(ConnectionResetError):  # later versions of Python tell a reset from an end
                said = secured.recv(1000)
            assert said == b""


def test_it_may_stop_and_come_back_at_the_same_address(running: Running) -> None:
    url = running.real.url
    place = urlsplit(url)
    running.become(archive=Bucket(ONE, KEYS, stopped=True))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname, place.port), 30)

    running.become(archive=Bucket(ONE, KEYS))

    assert running.real.url == url
    assert running.client().list_objects_v2(Bucket="archive")["KeyCount"] == 1


def test_a_bucket_that_left_the_world_is_gone(running: Running) -> None:
    running.become(other=Bucket(ONE, KEYS))

    with pytest.raises(ClientError) as caught:
        running.client().list_objects_v2(Bucket="archive")

    assert code(caught) == "NoSuchBucket"


def test_a_world_that_cannot_be_rendered_is_refused(running: Running) -> None:
    with pytest.raises(ServiceFailed, match=r"bucket archive: .*storage class"):
        running.become(archive=Bucket({"a": BucketObject("x", storage_class="SHELF")}, KEYS))


def test_a_machine_without_moto_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "moto" else object())

    with pytest.raises(NotProvided, match="moto is not installed"):
        BucketsProcess(tmp_path)
