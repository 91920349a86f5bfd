"""Muster: the machinery that turns declared expectations into trustworthy verdicts."""

SCHEMA_VERSION = 1
"""Version of every file that a run writes (journal, observations, state)."""
