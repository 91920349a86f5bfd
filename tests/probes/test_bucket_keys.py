"""Whose keys sign: those that the file refers to, nothing of the environment, and of the account that is declared."""

import pytest

from fixtures.aws.client import store
from fixtures.aws.credentials import keys_of
from fixtures.aws.objects import listing
from fixtures.once import forget
from muster import scrubber, transport
from muster.connection_s3 import S3
from muster.probes import CouldNotLook
from sandbox.world import BucketObject, Trouble
from tests.probes.bucket_servers import KEYS, Server

pytestmark = pytest.mark.usefixtures("new_look")
ACCESS, SECRET = next(iter(KEYS.items()))
BARE = {"access_key": None, "secret_key": None}
NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """A home without ~/.aws, and no variables of the client."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def filled(buckets: Server) -> Server:
    buckets.become({"pg/a": BucketObject(head="x", written=60.0)})
    return buckets


def profile(home, text):
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(text)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TEST_S3_ACCESS", "AKIASOMEBODYELSE", "does not know our access key"),
        ("TEST_S3_SECRET", "another-secret", "the secret key is another one"),
    ],
)
def test_keys_that_are_not_known_are_refused(filled: Server, monkeypatch: pytest.MonkeyPatch, variable, value, said):
    monkeypatch.setenv(variable, value)

    with pytest.raises(CouldNotLook, match=said):
        listing(filled.connection(), "pg/")


def test_a_profile_with_keys_is_taken(filled: Server, tmp_path):
    profile(tmp_path, f"[drill]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")

    assert listing(filled.connection(profile="drill", **BARE), "pg/").objects


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[other]\naws_access_key_id = a\n", "drill of ~/.aws/credentials does not exist"),
        ("[drill]\nregion = x\n", "has no keys"),
        ("[drill]\ncredential_process = /bin/touch ran\n", "has credential_process instead of keys"),
        ("[drill]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = y\n", "has role_arn instead of keys"),
        ("no section", "is no credentials file: MissingSectionHeaderError"),
    ],
)
def test_a_profile_without_keys_is_not_used(filled: Server, tmp_path, text, said):
    profile(tmp_path, text)

    with pytest.raises(CouldNotLook, match=said):
        listing(filled.connection(profile="drill", **BARE), "pg/")

    assert filled.requests() == []


def test_the_environment_counts_only_where_the_file_says_so(filled: Server, monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)

    assert listing(filled.connection(from_environment=True, **BARE), "pg/").objects
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    forget()
    with pytest.raises(CouldNotLook, match="AWS_SECRET_ACCESS_KEY is not set"):
        listing(filled.connection(from_environment=True, **BARE), "pg/")


def test_nothing_else_of_the_environment_counts(filled: Server, monkeypatch: pytest.MonkeyPatch, tmp_path):
    config = tmp_path / "config"
    config.write_text("[default]\nregion = mars\nendpoint_url = https://127.0.0.1:9\n[profile other]\ns3 =\n  addressing_style = virtual\n")
    wrong = {
        "AWS_ACCESS_KEY_ID": "AKIAWRONG", "AWS_SECRET_ACCESS_KEY": "wrong-secret", "AWS_SESSION_TOKEN": "wrong-token",
        "AWS_PROFILE": "other",
        "AWS_ENDPOINT_URL": "https://127.0.0.1:9", "AWS_ENDPOINT_URL_S3": "https://127.0.0.1:9", "AWS_CONFIG_FILE": str(config),
        "AWS_CA_BUNDLE": str(config), "AWS_DEFAULT_REGION": "mars", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "HTTPS_PROXY": "http://127.0.0.1:9", "REQUESTS_CA_BUNDLE": str(config), "SSL_CERT_FILE": str(config),
    }  # fmt: skip
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)

    assert listing(filled.connection(), "pg/").objects


def test_the_account_of_our_keys_is_compared_without_a_post(filled: Server):
    transport.install()
    try:
        connection = filled.connection(account="123456789012", sts=filled.real.url)
        assert listing(connection, "pg/").objects
    finally:
        transport.uninstall()

    assert [(each["method"], each["action"]) for each in filled.requests()] == [("GET", "sts:GetCallerIdentity"), ("GET", "s3:ListBucket")]


def test_a_token_service_that_is_busy_for_a_moment_is_asked_again(filled: Server):
    filled.become({"pg/a": BucketObject(written=60.0)}, trouble=[Trouble("/", status=503, times=1)])

    assert store(filled.connection(account="123456789012", sts=filled.real.url)).bucket == "backups"

    assert [each["status"] for each in filled.requests()] == [503, 200]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble(status=503), r"answered 503 \(SlowDown\)"),
        (Trouble(status=403, message="ExpiredToken"), r"403 \(ExpiredToken\)"),
        (Trouble(reset=True), "not a whole HTTP answer"),
    ],
)
def test_a_token_service_that_does_not_say_makes_everything_unknown(filled: Server, trouble, said):
    filled.become({"pg/a": BucketObject(written=60.0)}, trouble=[trouble])

    with pytest.raises(CouldNotLook, match=said):
        store(filled.connection(account="123456789012", sts=filled.real.url))


def test_another_account_makes_everything_unknown(filled: Server):
    with pytest.raises(CouldNotLook, match="belong to the account 123456789012, not to 210987654321"):
        store(filled.connection(account="210987654321", sts=filled.real.url))

    assert [each["action"] for each in filled.requests()] == ["sts:GetCallerIdentity"]


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(filled: Server):
    with pytest.raises(CouldNotLook, match="certificate not accepted"):
        listing(filled.connection(ca=str(filled.authority.foreign_ca_file)), "pg/")


def test_every_key_is_known_to_the_scrubber(filled: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TEST_S3_TOKEN", "token-that-nobody-guesses")

    keys = keys_of(filled.connection(session_token="env:TEST_S3_TOKEN"))

    assert scrubber.scrub(f"{ACCESS} {SECRET} token-that-nobody-guesses") == "*** *** ***"
    assert SECRET not in repr(keys)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"access_key": "env:A"}, "belong together"),
        ({}, "one of them"),
        ({"access_key": "env:A", "secret_key": "env:B", "profile": "x"}, "one of them"),
        ({"from_environment": True, "session_token": "env:C"}, "session_token belongs"),
        ({"access_key": "AKIA1", "secret_key": "env:B"}, "literal secret"),
        ({"from_environment": True, "endpoint": "http://minio:9000"}, "begins with https://"),
        ({"from_environment": True, "endpoint": "https://key:secret@minio"}, "keys are references"),
        ({"from_environment": True, "bucket": "Not_A_Bucket"}, "not the name of a bucket"),
        ({"from_environment": True, "account": "12"}, "12"),
        ({"from_environment": True, "account": "123456789012", "endpoint": "https://minio"}, "needs sts"),
    ],
)
def test_a_connection_says_whose_keys_it_takes(fields, said):
    with pytest.raises(ValueError, match=said):
        S3.model_validate({"bucket": "backups", "region": "eu-central-1", **fields})


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"region": "eu-central-1"}, "s3 backups at s3.eu-central-1.amazonaws.com:443"),
        ({"region": "cn-north-1"}, "s3 backups at s3.cn-north-1.amazonaws.com.cn:443"),
        ({"region": "us-east-1", "endpoint": "https://minio.internal:9000"}, "s3 backups at minio.internal:9000"),
    ],
)
def test_a_bucket_is_counted_by_its_server(fields, target):
    assert S3.model_validate({"bucket": "backups", "from_environment": True, **fields}).target() == target


def test_the_client_asks_amazon_at_the_name_of_the_bucket(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    asked = []

    def exchange(_, request):
        asked.append(request.url)
        raise CouldNotLook("not sent")

    monkeypatch.setattr("fixtures.aws.client.exchange", exchange)
    connection = S3.model_validate({"bucket": "backups", "region": "us-east-1", "from_environment": True})

    with pytest.raises(CouldNotLook, match="not sent"):
        listing(connection, "pg/")

    assert asked[0].startswith("https://backups.s3.us-east-1.amazonaws.com/?list-type=2")
