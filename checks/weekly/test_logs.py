"""What records of a log carry."""

import pytest

from fixtures.logs.counting import LogField
from muster.units import Percent


@pytest.mark.expects("carrying")
def test_log_records_carry_the_field(log_field: LogField, limit: Percent) -> None:
    """Records carry the field by which one request is followed.

    Next: which pods write records without it? Was the middleware removed, or does a library write past the logger?
    """
    assert log_field.share >= limit
