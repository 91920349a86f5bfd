"""Certificates as they are served."""

import pytest

from fixtures.web.tls import Certificate
from fixtures.web.tls_secret import SecretComparison
from muster.units import Duration


@pytest.mark.gate
@pytest.mark.expects("certificate_valid_for")
def test_endpoint_certificate_outlives_its_renewal_window(certificate: Certificate, limit: Duration) -> None:
    """Every certificate of the endpoint's chain is far from its end.

    Renewal is automatic well before this limit; below it, renewal is broken.

    Next: kubectl get certificate,certificaterequest, or who renews this certificate by hand?
    """
    assert certificate.valid_for >= limit


@pytest.mark.gate
@pytest.mark.expects("certificate_trusted")
def test_endpoint_certificate_is_trusted(certificate: Certificate, limit: str) -> None:
    """A verifying client accepts the endpoint's certificate: name, chain, key and signature, at every address.

    Next: openssl s_client -connect HOST:PORT -servername HOST -showcerts
    """
    assert certificate.verification == limit


@pytest.mark.expects("valid_for")
def test_served_certificate_outlives_its_renewal_window(served_certificate: Certificate, limit: Duration) -> None:
    """Every certificate of the chain served here is far from its end.

    Next: who renews this certificate, and does the server load it again afterwards?
    """
    assert served_certificate.valid_for >= limit


@pytest.mark.expects("trusted")
def test_served_certificate_is_trusted(served_certificate: Certificate, limit: str) -> None:
    """A verifying client accepts the certificate served here: name, chain, key and signature, at every address.

    Next: openssl s_client -connect HOST:PORT -servername HOST -showcerts (with -starttls postgres or smtp)
    """
    assert served_certificate.verification == limit


@pytest.mark.expects("unlike_secret")
def test_served_certificate_is_the_one_in_the_secret(secret_comparison: SecretComparison, limit: int) -> None:
    """The certificate that is served is the one that the cluster's secret holds, at every address.

    Next: did the ingress controller load the secret again after the last renewal? Its log says so.
    """
    assert secret_comparison.unlike <= limit
