"""Readings with a quarterly cadence; the checks are those of the daily ones."""

from checks.daily.test_readings import *
