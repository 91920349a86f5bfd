"""Samples of the checks on endpoints and certificates."""

from collections.abc import Callable

from checks.daily import test_certificates as certificates
from checks.daily import test_endpoints as endpoints
from checks.weekly import test_endpoints as weekly
from fixtures.web.endpoints import AnonymousPage, Page, Phases
from fixtures.web.tls import VERIFIED, Certificate, Served
from fixtures.web.tls_chain import Link
from fixtures.web.tls_secret import SecretComparison
from muster.kinds.web_limits import Body, Headers, Named, Refusal, Status
from muster.units import ByteSize, Counted, Duration, Instant

QUICK = Phases(dns=Duration(0.001), connect=Duration(0.001), tls=Duration(0.01), first_byte=Duration(0.02), body=Duration(0.001))


def page(**values: object) -> Page:
    """A healthy answer, changed as wished."""
    healthy: dict[str, object] = {
        "looked_at": 1, "of": "answers", "seen": "GET https://api/health at 10.0.0.1:443", "status": 200,
        "latency": Duration(0.034), "phases": QUICK,
        "size": ByteSize(20), "content_type": "application/json", "headers": {"cache-control": "no-store"}, "json": {"status": "healthy"},
        "body": {"Scheduled maintenance": True}, "rows": 3, "redirect": "https://www/",
    }  # fmt: skip
    return Page(**{**healthy, **values})  # type: ignore[arg-type]


def certificate(days: float, verdict: str = VERIFIED) -> Certificate:
    """A certificate with so many days left."""
    ends = Instant(1_800_000_000.0)
    link = Link(
        subject="CN=api", issuer="CN=ca", names=("api",), serial="1f", fingerprint="ab", starts=Instant(0.0), ends=ends,
        key="secp256r1", signature="sha256",
    )  # fmt: skip
    served = Served(address="10.0.0.1:443", protocol="TLSv1.3", verdict=verdict, chain=(link,))
    return Certificate(
        looked_at=1, of="addresses", seen="api:443", served=(served,), valid_for=Duration(days * 86400),
        verification=verdict if verdict == VERIFIED else f"10.0.0.1:443: {verdict}",
        fingerprints={"10.0.0.1:443": "ab"}, serials={"10.0.0.1:443": "1f"},
    )  # fmt: skip


def compared(*unlike: str) -> SecretComparison:
    """Served certificates beside that of the secret."""
    return SecretComparison(looked_at=2, of="addresses", unlike=Counted(unlike))


def anonymous(status: int) -> AnonymousPage:
    """What somebody without credentials was answered."""
    return AnonymousPage(looked_at=1, of="answers", status=status)


MONTH = Duration.parse("30d")
HEALTHY = Named.model_validate({"status": "healthy"}).value
MAINTENANCE = Body.model_validate({"contains": "Scheduled maintenance"}).value
UNCACHED = Headers.model_validate({"Cache-Control": "no-store"}).value
OK = Status.model_validate(200).value
REFUSED = Refusal.model_validate(True).value

SAMPLES: dict[Callable[..., None], tuple[dict[str, object], dict[str, object]]] = {
    endpoints.test_endpoint_answers_with_its_status: ({"page": page(), "limit": OK}, {"page": page(status=503), "limit": OK}),
    endpoints.test_endpoint_says_what_is_expected: (
        {"page": page(), "limit": HEALTHY},
        {"page": page(json={"status": "degraded"}), "limit": HEALTHY},
    ),
    endpoints.test_endpoint_shows_the_expected_text: (
        {"page": page(), "limit": MAINTENANCE},
        {"page": page(body={"Scheduled maintenance": False}), "limit": MAINTENANCE},
    ),
    endpoints.test_endpoint_sends_the_expected_headers: (
        {"page": page(), "limit": UNCACHED},
        {"page": page(headers={}), "limit": UNCACHED},
    ),
    endpoints.test_endpoint_answers_with_the_expected_type: (
        {"page": page(), "limit": "application/json"},
        {"page": page(content_type="text/html"), "limit": "application/json"},
    ),
    endpoints.test_endpoint_is_quick: (
        {"page": page(), "limit": Duration(1.0)},
        {"page": page(latency=Duration(1.0)), "limit": Duration(1.0)},
    ),
    endpoints.test_endpoint_redirects_where_it_should: (
        {"page": page(), "limit": "https://www/"},
        {"page": page(redirect=""), "limit": "https://www/"},
    ),
    weekly.test_endpoint_refuses_anonymous_callers: (
        {"anonymous_page": anonymous(401), "limit": REFUSED},
        {"anonymous_page": anonymous(200), "limit": REFUSED},
    ),
    weekly.test_export_has_rows: ({"page": page(), "limit": 1}, {"page": page(rows=0), "limit": 1}),
    certificates.test_endpoint_certificate_outlives_its_renewal_window: (
        {"certificate": certificate(30), "limit": MONTH},
        {"certificate": certificate(29.9), "limit": MONTH},
    ),
    certificates.test_endpoint_certificate_is_trusted: (
        {"certificate": certificate(90), "limit": VERIFIED},
        {"certificate": certificate(90, "unable to get local issuer certificate (20)"), "limit": VERIFIED},
    ),
    certificates.test_served_certificate_outlives_its_renewal_window: (
        {"served_certificate": certificate(30), "limit": MONTH},
        {"served_certificate": certificate(-1), "limit": MONTH},
    ),
    certificates.test_served_certificate_is_trusted: (
        {"served_certificate": certificate(90), "limit": VERIFIED},
        {"served_certificate": certificate(90, "hostname mismatch (62)"), "limit": VERIFIED},
    ),
    certificates.test_served_certificate_is_the_one_in_the_secret: (
        {"secret_comparison": compared(), "limit": 0},
        {"secret_comparison": compared("10.0.0.1:443 serves 1f"), "limit": 0},
    ),
}
