"""Readings that only make sense around a deploy; the checks are those of the daily ones."""

from checks.daily.test_readings import *
