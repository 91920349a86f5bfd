"""Readings with a weekly cadence; the checks are those of the daily ones."""

from checks.daily.test_readings import *
