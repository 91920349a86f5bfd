"""Certificates in secrets of the cluster. Only public facts are read."""

import pytest

from fixtures.kubernetes.configuration import SecretCertificate
from muster.units import Duration


@pytest.mark.gate
@pytest.mark.expects("certificate_valid_for")
def test_stored_certificate_outlives_its_renewal(secret_certificate: SecretCertificate, limit: Duration) -> None:
    """The certificate in the secret is renewed well before it ends.

    Next: kubectl get certificates,certificaterequests; kubectl describe certificate NAME
    """
    assert secret_certificate.valid_for >= limit


@pytest.mark.gate
@pytest.mark.expects("key_matches")
def test_stored_key_belongs_to_its_certificate(secret_certificate: SecretCertificate, limit: bool) -> None:
    """The private key in the secret belongs to the certificate beside it.

    Next: how was the secret written? Issue the certificate again
    """
    assert secret_certificate.key_matches == limit
