"""What endpoints answer."""

import pytest

from fixtures.web.endpoints import Page
from muster.kinds.web_limits import Codes, Texts, Wishes
from muster.units import Duration


@pytest.mark.gate
@pytest.mark.expects("status")
def test_endpoint_answers_with_its_status(page: Page, limit: Codes) -> None:
    """The endpoint answers with the status that is expected of it.

    Next: curl -sv the address below, and the log of the service behind it.
    """
    assert page.status in limit


@pytest.mark.gate
@pytest.mark.expects("json")
def test_endpoint_says_what_is_expected(page: Page, limit: Wishes) -> None:
    """The JSON that the endpoint answers has the expected values.

    Next: curl -s the address below | python3 -m json.tool, and compare the values.
    """
    assert page.json in limit


@pytest.mark.gate
@pytest.mark.expects("body")
def test_endpoint_shows_the_expected_text(page: Page, limit: Texts) -> None:
    """The page has the texts that it should have, and none that it should not.

    Next: open the address below in a browser; a maintenance page left on, or an error page with status 200?
    """
    assert page.body in limit


@pytest.mark.expects("headers")
def test_endpoint_sends_the_expected_headers(page: Page, limit: Wishes) -> None:
    """The answer carries the expected headers.

    Next: curl -sI the address below; was the proxy in front of it changed?
    """
    assert page.headers in limit


@pytest.mark.expects("content_type")
def test_endpoint_answers_with_the_expected_type(page: Page, limit: str) -> None:
    """The answer is of the expected media type.

    Next: curl -sI the address below; an HTML error page instead of data?
    """
    assert page.content_type == limit


@pytest.mark.gate
@pytest.mark.expects("faster_than")
def test_endpoint_is_quick(page: Page, limit: Duration) -> None:
    """The endpoint answers, from the name to the last byte, within the expected time.

    Next: the phases in the observation tell the network from the service; then the latency panel of the service.
    """
    assert page.latency < limit


@pytest.mark.expects("redirects_to")
def test_endpoint_redirects_where_it_should(page: Page, limit: str) -> None:
    """The endpoint redirects to the expected address.

    Next: curl -sI the address below, and the rules of the proxy in front of it.
    """
    assert page.redirect == limit
