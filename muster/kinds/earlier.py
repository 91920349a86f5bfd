"""Limits on what has become of a number since an earlier look; `--state` remembers those."""

from typing import ClassVar

from pydantic import Field

from muster.amounts import Amount
from muster.expectations import Terms
from muster.units import ByteSize, Duration, Percent


class Increases(Terms):
    """`increases: 1`, or `{at_least: 1, over: 1d}`: by how much the value has risen since an earlier look, which `--state` remembers."""

    primary: ClassVar[str] = "at_least"

    at_least: Amount
    over: Duration = Duration(86400)
    """How long ago the earlier look should be: the nearest to it counts, from three quarters of it to four times."""


class TableGrowth(Terms):
    """By how much any large table may grow in a time: `20%`, or `{at_most: 20%, per: 7d, min_size: 100MiB}`."""

    primary: ClassVar[str] = "at_most"

    at_most: Percent
    per: Duration = Duration(7 * 86400)
    """An earlier look, remembered with `--state`, is taken from about so long ago; growth in another time is brought to this one."""
    min_size: ByteSize = ByteSize(100 * 2**20)
    """Smaller tables may double."""


class HitRate(Terms):
    """The least share of lookups that found their key, since an earlier look: `80%`, or `{at_least: 80%, apart: 10m}`."""

    primary: ClassVar[str] = "at_least"

    at_least: Percent
    apart: Duration = Duration(600)
    """The earlier look is the newest that is older than this. Its results are remembered with `--state`."""
    within: Duration = Duration(2 * 86400)
    """Looks older than this say nothing about today. A server younger than this, without an earlier look, counts from its start."""
    lookups: int = Field(default=100, ge=1)
    """Fewer lookups than this are too few to judge: unknown. None at all is violated."""


class Growth(Terms):
    """How many entries a queue may have gained since an earlier look: `100`, or `{at_most: 100, apart: 10m}`."""

    primary: ClassVar[str] = "at_most"

    at_most: int = Field(ge=0)
    apart: Duration = Duration(600)
    """The earlier look is the newest that is older than this. Its results are remembered with `--state`."""
    within: Duration = Duration(2 * 86400)
    """Looks older than this say nothing about today."""
