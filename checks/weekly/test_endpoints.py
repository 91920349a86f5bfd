"""What endpoints answer, where once a week is enough."""

import pytest

from fixtures.web.endpoints import AnonymousPage, Page
from muster.kinds.web_limits import Codes


@pytest.mark.expects("refuses_anonymous")
def test_endpoint_refuses_anonymous_callers(anonymous_page: AnonymousPage, limit: Codes) -> None:
    """Whoever brings no credentials is refused.

    Next: curl -s -o /dev/null -w '%{http_code}' the address below; was the authentication of this route removed?
    """
    assert anonymous_page.status in limit


@pytest.mark.expects("rows_at_least")
def test_export_has_rows(page: Page, limit: int) -> None:
    """The export is a real CSV: a header, and rows with as many columns.

    Next: curl -s the address below | head; an error page saved as .csv?
    """
    assert page.rows >= limit
