"""The machinery of the restore drill; nothing but `checks/restore_drill` and tests import it."""
