"""Certificates of the sandbox: a CA, an intermediate and a foreign CA in the state folder, and leaves as the world wants them."""

import copy
import fcntl
import hashlib
import ipaddress
import json
import os
import ssl
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.services.sha1 import resigned
from sandbox.world import Served

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
TEN_YEARS = 10 * 365 * 86400.0
VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True)
class Issued:
    """A certificate on disk, and as PEM text."""

    chain: Path  # what the endpoint sends: leaf, perhaps intermediate
    key: Path
    full_chain: str  # leaf and intermediate, whatever is sent
    key_text: str


@dataclass(frozen=True)
class _Signer:
    certificate: x509.Certificate
    key: Key


def _new_key(kind: str) -> Key:
    if kind == "ec256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: Key) -> str:
    """Unencrypted PKCS 8, which PostgreSQL and the ssl module both read."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _sign(subject: x509.Name, key: Key, signer: _Signer | None, start: float, end: float, names: list[str] | None) -> x509.Certificate:
    """A certificate for `subject`; a CA's when `names` is None, self-signed when `signer` is None. Times: Unix seconds."""
    issuer_key = signer.key if signer else key
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=signer.certificate.subject if signer else subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=_moment(start),
        not_valid_after=_moment(end),
    )
    authority = names is None
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    builder = builder.add_extension(_usage(authority), critical=True)
    if names is not None:
        # Not critical: with a critical one, the verifier of `cryptography` refuses the certificate.
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def validate(served: Served) -> None:
    """ValueError for a value that means nothing here."""
    meanings: dict[str, Collection[str]] = {
        "issuer": ("sandbox", "foreign", "self"),
        "intermediate": ("sent", "missing", "none"),
        "key": ("ec256", "rsa2048", "rsa1024"),
        "signature": ("sha256", "sha1"),
        "minimum_version": VERSIONS,
        "maximum_version": VERSIONS,
    }
    for field, known in meanings.items():
        if getattr(served, field) not in known:
            raise ValueError(f"certificate: {field} {getattr(served, field)!r} is none of {', '.join(known)}")
    if not served.names:
        raise ValueError("certificate: no names")


class Authority:
    """Issues certificates in `folder`/tls. Several processes may use one folder: what is there is used again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tls"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            self._roots = {name: self._stored(name, None) for name in ("sandbox", "foreign")}
            self._intermediates = {name: self._stored(f"{name}-intermediate", root) for name, root in self._roots.items()}
        self._issued: dict[str, tuple[Served, Issued]] = {}  # an endpoint that is not told otherwise keeps its certificate
        self.ca_file = self.folder / "sandbox.pem"
        self.foreign_ca_file = self.folder / "foreign.pem"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text)
        return path

    def _stored(self, name: str, signer: _Signer | None) -> _Signer:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if key.exists():
            loaded = serialization.load_pem_private_key(key.read_bytes(), None)
            if not isinstance(loaded, ec.EllipticCurvePrivateKey):
                raise ValueError(f"{key} holds no elliptic curve key")
            return _Signer(x509.load_pem_x509_certificate(certificate.read_bytes()), loaded)
        made = self._authority(name, signer, TEN_YEARS)
        self._write(certificate.name, _pem(made.certificate))
        self._write(key.name, _key_pem(made.key))
        return made

    def _authority(self, name: str, signer: _Signer | None, valid_for: float) -> _Signer:
        key, now = _new_key("ec256"), time.time()
        subject = _name(f"{name} authority of a sandbox")
        end = now + valid_for
        return _Signer(_sign(subject, key, signer, min(now, end) - TEN_YEARS, end, None), key)

    def issue(self, name: str, served: Served) -> Issued:
        """The certificate that the endpoint `name` presents; the same one to every process, while it is as good as new.

        ValueError for a wish that is not understood.
        """
        validate(served)
        if (known := self._issued.get(name)) is not None and known[0] == served:
            return known[1]
        digest = hashlib.sha256(json.dumps([name, asdict(served)]).encode()).hexdigest()[:16]
        stem = f"{name}-{digest}"
        with self._locked():
            full = self.folder / f"{stem}.full.pem"
            # A folder may outlive a run: then a wish for "expires tomorrow" is not met by what was made yesterday.
            if not full.exists() or time.time() - full.stat().st_mtime > max(600.0, abs(served.valid_for) / 20):
                self._make(stem, served)
            key, chain = self.folder / f"{stem}.key", self.folder / f"{stem}.pem"
            issued = Issued(chain, key, full.read_text(), key.read_text())
        self._issued[name] = (copy.deepcopy(served), issued)
        return issued

    def _make(self, stem: str, served: Served) -> None:
        key, now = _new_key(served.key), time.time()
        end = now + served.valid_for
        start = min(now - served.valid_since, end - 3600)
        signer = self._signer(served)
        certificate = _sign(_name(served.names[0]), key, signer, start, end, served.names)
        leaf = _pem(resigned(certificate, signer.key if signer else key) if served.signature == "sha1" else certificate)
        between = "" if signer is None or served.intermediate == "none" else _pem(signer.certificate)
        self._write(f"{stem}.key", _key_pem(key))
        self._write(f"{stem}.pem", leaf + (between if served.intermediate == "sent" else ""))
        self._write(f"{stem}.full.pem", leaf + between)

    def _signer(self, served: Served) -> _Signer | None:
        if served.issuer == "self":
            return None
        if served.intermediate == "none":
            return self._roots[served.issuer]
        if served.intermediate_valid_for is None:
            return self._intermediates[served.issuer]
        return self._authority(f"{served.issuer}-short-lived", self._roots[served.issuer], served.intermediate_valid_for)

    def context(self, name: str, served: Served) -> ssl.SSLContext:
        """A server's TLS context as the world wants it, old versions and weak keys included."""
        issued = self.issue(name, served)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        minimum, maximum = (VERSIONS[text] for text in (served.minimum_version, served.maximum_version))
        if served.key == "rsa1024" or served.signature == "sha1" or minimum < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = minimum, maximum
        context.load_cert_chain(issued.chain, issued.key)
        if served.client_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca_file)
        return context
