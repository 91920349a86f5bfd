"""Certificates that nobody should accept, as servers present them: TLS contexts, and whom a client trusts."""

import datetime as dt
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.services.certificates import Authority
from sandbox.world import Served

HERE = ["localhost", "127.0.0.1"]
DAY = 86400.0
GOOD = Served(names=HERE)
_NOW = dt.datetime.now(dt.UTC)

ZOO = {
    "self-signed": replace(GOOD, issuer="self"),
    "unknown authority": replace(GOOD, issuer="foreign"),
    "wrong name": replace(GOOD, names=["other.example"]),
    "expired": replace(GOOD, valid_for=-DAY),
    "not yet valid": replace(GOOD, valid_since=-DAY, valid_for=90 * DAY),
    "expired intermediate": replace(GOOD, intermediate_valid_for=-DAY),
    "missing intermediate": replace(GOOD, intermediate="missing"),
    "RSA 1024": replace(GOOD, key="rsa1024"),
    "SHA-1": replace(GOOD, signature="sha1"),
    "TLS 1.0": replace(GOOD, minimum_version="TLSv1", maximum_version="TLSv1"),
    "TLS 1.1": replace(GOOD, minimum_version="TLSv1.1", maximum_version="TLSv1.1"),
    "wildcard for all": replace(GOOD, names=["*"]),
    "wildcard of a part": replace(GOOD, names=["local*"]),
}
"""What the sandbox's authority can make."""


def _signed(
    subject: str, key: Any, issuer: Any, signer: Any, start: float, end: float, *extensions: x509.ExtensionType
) -> x509.Certificate:
    """A certificate that is valid from `start` to `end` (days from now)."""
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer.subject if issuer else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(_NOW + dt.timedelta(days=start)).not_valid_after(_NOW + dt.timedelta(days=end))
    )  # fmt: skip
    for extension in extensions:
        made = made.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints | x509.NameConstraints))
    return made.sign(signer, hashes.SHA256())


def _sans(*names: str) -> x509.SubjectAlternativeName:
    import ipaddress

    return x509.SubjectAlternativeName(
        [x509.DNSName(name) if name[0].isalpha() else x509.IPAddress(ipaddress.ip_address(name)) for name in names]
    )


def _own(
    folder: Path, *leaf: x509.ExtensionType, ends: float = 90.0, root: tuple[x509.ExtensionType, ...] = (), middle: Any = None
) -> tuple[ssl.SSLContext, str]:
    """A chain of an authority of its own, which the client trusts: its server's context and the client's bundle."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    is_authority = x509.BasicConstraints(ca=True, path_length=None)
    authority = _signed("root", authority_key, None, authority_key, -400, ends, is_authority, *root)
    issuer, signer, chain = authority, authority_key, []
    if middle is not None:
        signer = ec.generate_private_key(ec.SECP256R1())
        issuer = _signed("middle", signer, authority, authority_key, -1, 90, *middle)
        chain = [issuer]
    certificate = _signed("localhost", key, issuer, signer, -1, 90, *leaf)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "served.pem").write_bytes(private + b"".join(each.public_bytes(pem) for each in [certificate, *chain]))
    (folder / "root.pem").write_bytes(authority.public_bytes(pem))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "served.pem")
    return made, str(folder / "root.pem")


_CLIENT = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH])
_ELSEWHERE = x509.NameConstraints([x509.DNSName("other.example")], None)
OWN: dict[str, Callable[[Path], tuple[ssl.SSLContext, str]]] = {
    "name in the subject alone": _own,
    "client's certificate": lambda folder: _own(folder, _sans(*HERE), _CLIENT),
    "expired root": lambda folder: _own(folder, _sans(*HERE), ends=-1.0),
    "outside of the name constraints": lambda folder: _own(folder, _sans("localhost"), root=(_ELSEWHERE,)),
    "signed by a leaf": lambda folder: _own(folder, _sans(*HERE), middle=(x509.BasicConstraints(ca=False, path_length=None),)),
}
"""What needs an authority of its own."""
ANIMALS = (*ZOO, *OWN)


def animal(name: str, authority: Authority, folder: Path) -> tuple[ssl.SSLContext, str]:
    """The server's context of an animal, and the bundle that its client trusts."""
    if name in ZOO:
        return authority.context("zoo", ZOO[name]), str(authority.ca_file)
    return OWN[name](folder)
