"""Readings with `in: restored`: invariants that a backup has to keep. The checks are those of the daily ones."""

from checks.daily.test_readings import *
