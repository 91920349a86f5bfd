"""A SHA-1 signature on a certificate, which the `cryptography` builder refuses to make; for proving that checks notice one."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")  # the DER of the algorithm identifier
ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")


def resigned(certificate: x509.Certificate, key: object) -> x509.Certificate:
    """The same certificate, signed with ECDSA over SHA-1 by `key`. ValueError unless it is signed with ECDSA over SHA-256."""
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("a SHA-1 signature needs an elliptic curve key")
    content = _content(certificate.tbs_certificate_bytes)
    if content.count(ECDSA_SHA256) != 1:
        raise ValueError("not a certificate signed with ECDSA over SHA-256")
    to_sign = _wrap(0x30, content.replace(ECDSA_SHA256, ECDSA_SHA1))
    signature = _wrap(0x03, b"\0" + key.sign(to_sign, ec.ECDSA(hashes.SHA1())))
    return x509.load_der_x509_certificate(_wrap(0x30, to_sign + ECDSA_SHA1 + signature))


def _content(element: bytes) -> bytes:
    """What a DER element contains."""
    first = element[1]
    return element[2:] if first < 0x80 else element[2 + (first & 0x7F) :]


def _wrap(tag: int, content: bytes) -> bytes:
    """A DER element with this tag."""
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
