"""The machinery of the restore drill. Only `checks/restore_drill` imports it; nothing else in the house writes anywhere."""
