"""Readings with a monthly cadence; the checks are those of the daily ones."""

from checks.daily.test_readings import *
