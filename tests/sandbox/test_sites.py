"""Sites, certificates and scrape targets, asked by requests and the ssl module."""

import base64
import json
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sandbox.services.running import Running
from sandbox.world import Cluster, Route, Served, Site, Trouble, World


def get(facade: Running, name: str, path: str = "/", method: str = "GET", **options: Any) -> requests.Response:
    """The answer of a site, without following redirects, and without trusting anything but the sandbox's CA."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = facade.addresses["ca_file"]
        return session.request(method, facade.addresses["sites"][name] + path, allow_redirects=False, timeout=10, **options)


def render(facade: Running, **sites: Site) -> None:
    facade.put_world(World(sites=sites))


def served(facade: Running, name: str, server_name: str | None = None) -> x509.Certificate:
    """The leaf that a site presents, whatever it is worth."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(address(facade, name), 10) as plain, context.wrap_socket(plain, server_hostname=server_name) as secure:
        return x509.load_der_x509_certificate(secure.getpeercert(True) or b"")


def address(facade: Running, name: str) -> tuple[str, int]:
    host, _, port = facade.addresses["sites"][name].rpartition("/")[2].partition(":")
    return host, int(port)


def refusal(facade: Running, name: str, server_name: str = "localhost") -> int:
    """The code with which a verified handshake fails; 0 if it succeeds."""
    context = ssl.create_default_context(cafile=facade.addresses["ca_file"])
    try:
        with socket.create_connection(address(facade, name), 10) as plain, context.wrap_socket(plain, server_hostname=server_name):
            return 0
    except ssl.SSLCertVerificationError as error:
        return error.verify_code


def test_routes_answer_by_path_whatever_the_query(facade: Running) -> None:
    routes = {"/health": Route(json={"status": "healthy"}), "/text": Route(status=503, text="down", headers={"X-Shard": "7"})}
    render(facade, shop=Site(routes=routes))
    assert get(facade, "shop", "/health?deep=1").json() == {"status": "healthy"}
    answer = get(facade, "shop", "/text")
    assert (answer.status_code, answer.text, answer.headers["X-Shard"]) == (503, "down", "7")
    assert get(facade, "shop", "/other").status_code == 404
    assert [entry["status"] for entry in facade.requests("site:shop")] == [200, 503, 404]


def test_head_has_the_headers_of_get_and_no_body(facade: Running) -> None:
    render(facade, shop=Site(routes={"/": Route(text="hello")}))
    answer = get(facade, "shop", method="HEAD")
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "5", b"")


def test_other_methods_are_refused_and_recorded(facade: Running) -> None:
    render(facade, shop=Site(routes={"/": Route()}))
    assert get(facade, "shop", method="POST").status_code == 405
    assert [entry["method"] for entry in facade.requests(mutating=True)] == ["POST"]


def test_a_route_may_demand_credentials(facade: Running) -> None:
    render(facade, shop=Site(routes={"/token": Route(token="t0ken"), "/basic": Route(basic="ann:pass")}))
    assert get(facade, "shop", "/token").status_code == 401
    assert get(facade, "shop", "/token", headers={"Authorization": "Bearer t0ken"}).status_code == 200
    assert get(facade, "shop", "/basic", auth=("ann", "wrong")).status_code == 401
    assert get(facade, "shop", "/basic", auth=("ann", "pass")).status_code == 200


def test_a_redirect_names_another_site(facade: Running) -> None:
    render(facade, shop=Site(routes={"/": Route(redirect="${login}/in"), "/old": Route(status=308, redirect="/new")}), login=Site())
    answer = get(facade, "shop")
    assert (answer.status_code, answer.headers["Location"]) == (302, facade.addresses["sites"]["login"] + "/in")
    assert get(facade, "shop", "/old").status_code == 308


def test_a_route_can_be_slow(facade: Running) -> None:
    render(facade, shop=Site(routes={"/": Route(delay=0.3)}))
    start = time.monotonic()
    assert get(facade, "shop").status_code == 200
    assert time.monotonic() - start >= 0.3


def test_troubles_come_before_the_route(facade: Running) -> None:
    troubles = [Trouble(path="/busy", status=429, retry_after=3), Trouble(path="/cut", reset=True)]
    render(facade, shop=Site(routes={"/": Route()}, trouble=troubles))
    answer = get(facade, "shop", "/busy")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    with pytest.raises(requests.ConnectionError):
        get(facade, "shop", "/cut")
    assert "Traceback" not in (facade.folder / "facade.log").read_text()
    assert get(facade, "shop").status_code == 200


@pytest.mark.parametrize("certificate", [None, Served()], ids=["http", "https"])
def test_a_stopped_site_refuses_connections_and_comes_back_on_its_port(facade: Running, certificate: Served | None) -> None:
    render(facade, shop=Site(routes={"/": Route()}, certificate=certificate))
    before = facade.addresses["sites"]["shop"]
    render(facade, shop=Site(certificate=certificate, stopped=True))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address(facade, "shop"), 5)
    render(facade, shop=Site(routes={"/": Route()}, certificate=certificate))
    assert facade.addresses["sites"]["shop"] == before
    assert get(facade, "shop").status_code == 200


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Served(), 0),
        (Served(intermediate="none"), 0),
        (Served(key="rsa2048"), 0),
        (Served(valid_for=-60), 10),
        (Served(valid_since=-3600), 9),
        (Served(names=["elsewhere.example.org"]), 62),
        (Served(issuer="self"), 18),
        (Served(issuer="foreign"), 20),
        (Served(intermediate="missing"), 20),
        (Served(intermediate_valid_for=-60), 10),
    ],
    ids=str,
)
def test_certificates_are_as_bad_as_wished(facade: Running, wish: Served, code: int) -> None:
    render(facade, shop=Site(certificate=wish))
    assert refusal(facade, "shop") == code


def test_weak_keys_signatures_and_versions_are_served(facade: Running) -> None:
    sites = {"key": Served(key="rsa1024"), "signature": Served(signature="sha1")}
    render(facade, **{name: Site(certificate=wish) for name, wish in sites.items()})
    assert served(facade, "key").public_key().key_size == 1024  # type: ignore[union-attr]
    algorithm = served(facade, "signature").signature_hash_algorithm
    assert getattr(algorithm, "name", None) == "sha1"


def test_a_new_world_swaps_the_certificate_and_keeps_those_that_did_not_change(facade: Running) -> None:
    render(facade, shop=Site(certificate=Served()), other=Site(certificate=Served()))
    first, other = served(facade, "shop"), served(facade, "other")
    render(facade, shop=Site(certificate=Served(valid_for=86400)), other=Site(certificate=Served()))
    assert served(facade, "shop").not_valid_after_utc < first.not_valid_after_utc
    assert served(facade, "other").serial_number == other.serial_number


def test_while_a_certificate_is_replaced_every_handshake_is_answered(facade: Running) -> None:
    wishes = [Served(), Served(issuer="foreign"), Served(maximum_version="TLSv1.2")]
    render(facade, shop=Site(certificate=wishes[0]))
    over = threading.Event()

    def shake() -> int:
        hands = 0
        while not over.is_set():
            served(facade, "shop")
            hands += 1
        return hands

    with ThreadPoolExecutor(4) as pool:
        shaking = [pool.submit(shake) for _ in range(4)]
        try:
            for wish in wishes * 20:
                render(facade, shop=Site(certificate=wish))
        finally:
            over.set()
    assert min(each.result() for each in shaking) > 0


def test_a_site_may_present_another_certificate_by_name(facade: Running) -> None:
    names = {"shop.example.org": Served(names=["shop.example.org"])}
    render(facade, shop=Site(certificate=Served(), certificates=names))
    assert refusal(facade, "shop", "shop.example.org") == 0
    assert refusal(facade, "shop", "localhost") == 0
    assert served(facade, "shop").serial_number == served(facade, "shop", "localhost").serial_number


def test_a_client_certificate_can_be_demanded(facade: Running) -> None:
    render(facade, shop=Site(routes={"/": Route()}, certificate=Served(client_certificate=True)))
    pair = (facade.addresses["client_certificate"], facade.addresses["client_key"])
    assert get(facade, "shop", cert=pair).status_code == 200
    with pytest.raises(requests.ConnectionError):
        get(facade, "shop")


def test_the_secret_that_is_named_holds_the_served_certificate_unless_it_has_data(facade: Running) -> None:
    def secret(name: str, **more: Any) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "shop"}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", **more}

    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    objects = [secret("empty"), secret("former"), secret("full", data={"tls.crt": "eA=="})]
    cluster = Cluster(objects=objects, tokens={"t": rules})
    sites = {name: Site(certificate=Served(secret=f"shop/{name}", former_key=name == "former")) for name in ("empty", "former", "full")}
    facade.put_world(World(cluster=cluster, sites=sites))
    headers = {"Authorization": "Bearer t"}
    with requests.Session() as session:
        session.trust_env = False
        url = f"{facade.addresses['kubernetes']}/api/v1/namespaces/shop/secrets/"
        data = {
            name: session.get(url + name, headers=headers, verify=facade.addresses["ca_file"], timeout=10).json()["data"] for name in sites
        }
    assert data["full"] == {"tls.crt": "eA=="}
    chain = x509.load_pem_x509_certificates(base64.b64decode(data["empty"]["tls.crt"]))
    assert (len(chain), chain[0].serial_number) == (2, served(facade, "empty").serial_number)
    for name in ("empty", "former"):
        key = serialization.load_pem_private_key(base64.b64decode(data[name]["tls.key"]), None)
        assert (key.public_key() == served(facade, name).public_key()) is (name == "empty")


def test_a_wish_that_means_nothing_is_refused_and_nothing_changes(facade: Running) -> None:
    render(facade, shop=Site(routes={"/": Route()}, certificate=Served()))
    with pytest.raises(ValueError, match="issuer 'nobody'"):
        render(facade, shop=Site(certificate=Served(issuer="nobody")))
    assert get(facade, "shop").status_code == 200


def test_the_control_port_wants_its_token(facade: Running) -> None:
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(facade.addresses["control"] + "/requests", timeout=10).status_code == 401


def test_files_with_secrets_are_readable_by_their_owner_alone(facade: Running) -> None:
    render(facade, shop=Site(certificate=Served()))
    files = [path for path in facade.folder.rglob("*") if path.is_file() and path.name not in ("facade.log", "lock")]
    assert json.loads((facade.folder / "facade.json").read_text())["pid"] == facade.process.pid
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []
    assert Path(facade.addresses["kubeconfig"]).parent == facade.folder
