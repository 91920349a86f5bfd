"""The restore drill: proves that backups come back. Only checks/restore_drill and the tests import it."""
